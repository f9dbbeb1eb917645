"""Labels and sample weights that a dataset lacks, put into its batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_multiloss.data._batch_parts import batch_of_parts, parts_of_batch, weights_by_name
from keras_multiloss.data._label_masks import checked_mask, masks_by_label
from keras_multiloss.data._tasks import check_inputs_agree, check_weights_agree, first_tensor
from keras_multiloss.data._tensor_specs import BATCH, Spec, agreed
from keras_multiloss.spec import Key, by_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.data._tasks import Task


@dataclass(frozen=True)
class ConstantTensor:
    """A tensor that holds one value, of a spec that is known but for the batch axis."""

    spec: Spec
    value: float

    @property
    def number(self) -> float:
        """The value as a Python number of the kind of the dtype."""
        return float(self.value) if "float" in self.spec.dtype else int(self.value)

    @property
    def is_per_sample(self) -> bool:
        """Whether the shape follows the number of samples."""
        return BATCH in (self.spec.shape or ())

    def shape(self, n_samples: Any) -> list[Any]:
        """The shape in a batch of so many samples."""
        return [n_samples if axis == BATCH else axis for axis in self.spec.shape or ()]


#: From a constant, and an input that tells the number of samples, to a tensor.
MakeConstant = Callable[[ConstantTensor, Any], Any]


@dataclass(frozen=True)
class Filling:
    """The function from a batch of one dataset to a batch that lacks nothing.

    Args:
        where: how messages call the dataset.
        labels: the labels that the dataset lacks.
        sample_weights: the sample weights that it lacks.
        make: makes the tensors.
    """

    where: str
    labels: dict[Key, ConstantTensor]
    sample_weights: dict[Key | None, ConstantTensor]
    make: MakeConstant

    def __call__(self, batch: Any) -> tuple[Any, ...]:
        x, y, sample_weight = parts_of_batch(self.where, batch)
        labels, weights = by_name(y), weights_by_name(self.where, sample_weight)
        sample = first_tensor(x)
        labels.update({name: self.make(c, sample) for name, c in self.labels.items()})
        weights.update({name: self.make(c, sample) for name, c in self.sample_weights.items()})
        return batch_of_parts(x, labels, weights)


def fillings(where: str, tasks: Sequence[Task], mask: Any, make: MakeConstant) -> list[Filling]:
    """The function for each dataset that gives its batches what they lack.

    Raises:
        ValueError: if the datasets do not go together, or a label cannot be filled in.
    """
    check_inputs_agree(where, tasks)
    check_weights_agree(where, tasks)
    labels = agreed(where, "label", [task.labels for task in tasks])
    weights = agreed(where, "sample weight", [task.sample_weights for task in tasks])
    masks = masks_by_label(where, mask, list(labels))

    def missing_label(name: Key) -> ConstantTensor:
        return ConstantTensor(labels[name], checked_mask(where, name, labels[name], masks[name]))

    return [
        Filling(
            task.where,
            {name: missing_label(name) for name in labels if name not in task.labels},
            {n: ConstantTensor(w, 1) for n, w in weights.items() if n not in task.sample_weights},
            make,
        )
        for task in tasks
    ]
