"""Pictures of task gradients: their cosines as a heat map, and their course."""

from __future__ import annotations

import io
import struct
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss.callbacks._conflicts import conflict_rate, cosines_of, mean_of_known, norms_of

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The cosines of more pairs would be a tangle of lines; then the share of conflicts is drawn.
MAX_LINES = 6


def overview(names: Sequence[str], steps: Sequence[int], gramians: Any) -> Any:
    """The figure of all measurements: mean cosines to the left, the course to the right."""
    side = _side(names)
    figure = _figure(side + 5.5, max(side, 4.5))
    left, right = figure.subfigures(1, 2, width_ratios=[side, 5.5])
    _draw_heat_map(left, names, mean_of_known(cosines_of(gramians)), "Mean cosine")
    above, below = right.subplots(2, 1, sharex=True)
    _draw_cosines(above, names, steps, cosines_of(gramians))
    _draw_norms(below, names, steps, norms_of(gramians))
    return figure


def heat_map(names: Sequence[str], gramian: Any, title: str) -> Any:
    """The figure of one measurement."""
    figure = _figure(_side(names), _side(names))
    _draw_heat_map(figure, names, cosines_of(gramian), title)
    return figure


def png_of(figure: Any) -> tuple[bytes, tuple[int, int]]:
    """A figure as a PNG file, with its width and height in pixels."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    png = file.getvalue()
    # A user's settings of Matplotlib may crop a file; its header says what came of it.
    width, height = struct.unpack(">II", png[16:24])
    return png, (width, height)


def _figure(width: float, height: float) -> Any:
    # Not by pyplot, which would keep every figure and may open a window.
    from matplotlib.figure import Figure  # noqa: PLC0415 (an extra, imported when used)

    return Figure(figsize=(width, height), layout="constrained", dpi=100)


def _side(names: Sequence[str]) -> float:
    """Inches that leave each number in the heat map its room, and the names theirs."""
    return 1.5 + 0.55 * len(names) + 0.08 * max(map(len, names))


def _draw_heat_map(figure: Any, names: Sequence[str], cosines: Any, title: str) -> None:
    axes = figure.subplots()
    axes.set_facecolor("0.9")  # seen where a cosine is not known
    axes.imshow(cosines, cmap="RdBu", vmin=-1, vmax=1)
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, names)
    axes.set_title(title)
    for (i, j), cosine in np.ndenumerate(cosines):
        text = "?" if np.isnan(cosine) else f"{round(cosine, 2) + 0.0:.2f}"  # no "-0.00"
        color = "white" if abs(cosine) > 0.6 else "black"
        axes.text(j, i, text, ha="center", va="center", color=color)


def _draw_cosines(axes: Any, names: Sequence[str], steps: Sequence[int], cosines: Any) -> None:
    pairs = list(combinations(range(len(names)), 2))
    if len(pairs) > MAX_LINES:
        axes.plot(steps, conflict_rate(cosines), ".-", color="black")
        axes.set(ylim=(-0.05, 1.05), title="Share of pairs in conflict")
        return
    axes.axhline(0, color="0.6", linewidth=1)
    for i, j in pairs:
        axes.plot(steps, cosines[:, i, j], ".-", label=f"{names[i]}, {names[j]}")
    axes.set(ylim=(-1.05, 1.05), title="Cosine")
    _draw_legend(axes)


def _draw_norms(axes: Any, names: Sequence[str], steps: Sequence[int], norms: Any) -> None:
    colors = _colors(len(names))
    for name, color, values in zip(names, colors, norms.T, strict=True):
        # A logarithmic axis has no place for 0.
        axes.plot(steps, np.where(values > 0, values, np.nan), ".-", color=color, label=name)
    axes.set(yscale="log", title="Gradient norm", xlabel="step")
    _draw_legend(axes)


def _colors(n: int) -> Any:
    from matplotlib import colormaps  # noqa: PLC0415 (an extra, imported when used)

    colors = colormaps["tab10" if n <= 10 else "tab20"]
    return [colors(i % colors.N) for i in range(n)]


def _draw_legend(axes: Any) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize="small")
