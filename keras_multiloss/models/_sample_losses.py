"""The loss of each sample of a data set, by term."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_multiloss._messages import error
from keras_multiloss._platform import compiled_inference, in_structure_of, keras, leaves_of, ops
from keras_multiloss.models._data_checks import checked_arguments
from keras_multiloss.models._packed_labels import is_of_arrays
from keras_multiloss.spec import batch_without_tables, is_table, part_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WHERE = "MultiLossModel.term_losses"


def sample_losses(model: Any, data: Iterable[tuple[Any, Any, Any]]) -> dict[str, np.ndarray]:
    """What `MultiLossModel.term_losses` gives.

    Args:
        model: a model that is compiled with a total loss.
        data: what `batches` gives.
    """
    spec = model.loss
    measure = compiled_inference(model, lambda *batch: _of_batch(model, *batch))
    found: dict[str, list[Any]] = {}
    sizes: list[int] = []
    for batch in data:
        losses = measure(*batch)
        for name, values in losses.items():
            # Terms whose label was absent in earlier batches have nothing there.
            before = found.setdefault(name, [np.full(n, np.nan, "float32") for n in sizes])
            before.append(np.asarray(ops.convert_to_numpy(values)))
        sizes.append(len(leaves_of(batch[0])[0]))
        for arrays in found.values():
            arrays += [np.full(n, np.nan, "float32") for n in sizes[len(arrays) :]]
    _check_has_seen_data(sizes)
    have_none = [name for name in spec.names if name not in found]
    if have_none:
        warnings.warn(
            f"Terms {have_none} have no loss of each sample: their label is not in the data, or "
            "their loss has one value for the whole batch.",
            stacklevel=3,
        )
    order = {name: i for i, name in enumerate(spec.names)}
    return {
        name: np.concatenate(found[name])
        for name in sorted(found, key=lambda n: order.get(_term_of(n, spec.names), 0))
    }


def _of_batch(model: Any, x: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
    """The losses of the samples of a batch, those of a term before its parts."""
    batch, spec = model.named_batch(x, y, sample_weight), model.loss
    losses: dict[str, Any] = {}
    for name, term in spec.tasks.terms.items():
        if not term.required and not term.is_present(batch):
            continue
        evaluated = spec.tasks.evaluated(name, batch, model.weights_of_parts())
        found = evaluated.of_samples(term.acting_reduction)
        if found is not None:
            losses[name], parts = found
            losses |= {part_name(name, part): values for part, values in parts.items()}
    return losses


def _term_of(name: str, terms: list[str]) -> str:
    """The term that a name in the result is of: its own, or that before the name of a part."""
    if name in terms:
        return name
    return max((t for t in terms if name.startswith(f"{t}_")), key=len)


def _check_has_seen_data(sizes: list[int]) -> None:
    if not sizes:
        raise error(
            ValueError,
            WHERE,
            "the data has no batch",
            expected="at least one sample",
            received="none",
        )


def batches(
    model: Any, x: Any, y: Any, sample_weight: Any, batch_size: int
) -> Iterator[tuple[Any, Any, Any]]:
    """The data as `(x, y, sample_weight)`, batch by batch.

    Args:
        model: a model that is compiled with a total loss.
        x: inputs as arrays, or a data set.
        y: labels where inputs are arrays.
        sample_weight: weights where inputs are arrays.
        batch_size: of arrays.
    """
    if y is None and not is_of_arrays(x):
        for batch in _steps_of(x):
            sides = keras.utils.unpack_x_y_sample_weight(batch_without_tables(batch))
            x, y, sample_weight = (_rows(side, slice(None)) for side in sides)
            yield x, y, sample_weight
        return
    given = {"x": x, "y": y, "sample_weight": sample_weight}
    given = checked_arguments(WHERE, model, model.checked_total_loss("term_losses"), given)
    inputs = x.to_numpy() if is_table(x) else x
    for start in range(0, len(leaves_of(inputs)[0]), batch_size):
        part = slice(start, start + batch_size)
        x, y, sample_weight = (
            _rows(side, part) for side in (inputs, given["y"], given["sample_weight"])
        )
        yield x, y, sample_weight


def _rows(side: Any, part: slice) -> Any:
    """Some rows of all arrays of a structure."""
    rows = [None if a is None else np.asarray(a)[part] for a in leaves_of(side)]
    return None if side is None else in_structure_of(side, rows)


def _steps_of(data: Any) -> Iterator[Any]:
    """The batches of a data set, once each."""
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        yield from (data[i] for i in range(len(data)))
    else:
        yield from data
