"""What each of several datasets has: its inputs, labels and sample weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error
from keras_multiloss.data._batch_parts import describe, parts_of_batch, weights_by_name
from keras_multiloss.data._tensor_specs import BATCH, Spec, agreed, spec_of, titled
from keras_multiloss.evaluation import static_shape
from keras_multiloss.spec import Key, by_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Task:
    """The specs of a batch of one dataset.

    Args:
        where: how messages call the dataset.
        inputs: those of the inputs, by name or position.
        labels: those of the labels, by name.
        sample_weights: those of the sample weights; one for all outputs has the name `None`.
    """

    where: str
    inputs: dict[Key, Spec]
    labels: dict[Key, Spec]
    sample_weights: dict[Key | None, Spec]

    def check_rows(self) -> None:
        """Raise unless all arrays have one number of rows."""
        parts: dict[str, Mapping[Any, Spec]]
        parts = {"input": self.inputs, "label": self.labels, "sample weight": self.sample_weights}
        for what, specs in parts.items():
            for name, spec in specs.items():
                if not spec.shape or spec.shape[0] != BATCH:
                    raise error(
                        ValueError,
                        self.where,
                        f"{titled(what, name)} does not have a row for each sample",
                        expected="as many rows as the first input has",
                        received=f"{spec}",
                    )


def task_of(where: str, batch: Any) -> Task:
    """The specs of a batch, or of the element of a `tf.data.Dataset`."""
    x, y, sample_weight = parts_of_batch(where, batch)
    if not isinstance(y, dict):
        raise error(
            ValueError,
            where,
            "the labels have no names",
            expected="a dict from label names to tensors",
            received=describe(y),
            hint="make them `(x, {'age': y})`, with a name of your own",
        )
    parts = (
        by_name(x) if isinstance(x, (dict, list, tuple)) else {"x": x},
        by_name(y, where=where),
        weights_by_name(where, sample_weight),
    )
    shape = static_shape(first_tensor(x))
    n_samples = shape[0] if shape else None
    return Task(where, *(_specs(part, n_samples) for part in parts))


def _specs(tensors: Mapping[Any, Any], n_samples: int | None) -> dict[Any, Spec]:
    return {name: spec_of(t, n_samples) for name, t in tensors.items() if t is not None}


def first_tensor(x: Any) -> Any:
    """The first of the inputs, which has as many samples as the others."""
    while isinstance(x, (dict, list, tuple)):
        x = next(iter(x.values() if isinstance(x, dict) else x))
    return x


def check_inputs_agree(where: str, tasks: Sequence[Task]) -> None:
    """Raise unless the batches of all datasets are inputs of one model."""
    first = tasks[0]
    for i, task in enumerate(tasks):
        if task.inputs.keys() != first.inputs.keys():
            raise error(
                ValueError,
                where,
                "the inputs are not the same in all datasets",
                expected=f"the inputs {list(first.inputs)}, as in dataset 0",
                received=f"{list(task.inputs)} in dataset {i}",
            )
    agreed(where, "input", [task.inputs for task in tasks])


def check_weights_agree(where: str, tasks: Sequence[Task]) -> None:
    """Raise if sample weights are one tensor in some datasets and have names in others."""
    weights = [set(task.sample_weights) for task in tasks]
    if None not in set().union(*weights) or all(w <= {None} for w in weights):
        return
    forms = {
        i: "one array" if None in w else f"a dict {sorted(map(str, w))}"
        for i, w in enumerate(weights)
        if w
    }
    raise error(
        ValueError,
        where,
        "the sample weights have names in some datasets and not in others",
        expected="one array in each dataset, or a dict in each",
        received=", ".join(f"{form} in dataset {i}" for i, form in forms.items()),
        hint="name an array by its output: {'age': sample_weight}",
    )
