"""What a term sees of a batch, and the tensors of several terms as those of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from keras_multiloss._platform import (
    activation_of,
    dtype_name,
    keras_mask,
    logits_of,
    named_operations,
    ops,
    set_keras_mask,
)
from keras_multiloss.evaluation import (
    as_tensors,
    map_tensors,
    static_shape,
    tensors_in,
    to_tensor,
    with_tensors,
)
from keras_multiloss.spec._joined import are_small

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_multiloss.spec._joined import JoinedTensors


class TermTensors(NamedTuple):
    """What a term sees of a batch.

    Args:
        y_true: its label, or a tuple of several, or `None`.
        y_pred: its output, or a tuple of several.
        sample_weight: one tensor, or `None`.
    """

    y_true: Any
    y_pred: Any
    sample_weight: Any

    @property
    def kind(self) -> tuple[Any, ...] | None:
        """What has to be alike for the tensors of terms to be stacked.

        `None` if they are not: where a shape is not known but for the size of the batch, samples
        are large, an output is a row of numbers, or the activation that made it is not known.
        """
        sides = [as_tensors(side) for side in self]
        outputs = tensors_in(sides[1])
        masks = [keras_mask(output) for output in outputs]
        activations = [activation_of(output) for output in outputs]
        kinds = [_kind_of_tensor(x) for side in sides for x in tensors_in(side)]
        kinds += [_kind_of_tensor(mask) for mask in masks if mask is not None]
        is_lost = any(a is not None and not a.is_known for a in activations)
        if None in kinds or is_lost or not all(len(output.shape) > 1 for output in outputs):
            return None
        structures = [repr(map_tensors(lambda _: 0, side)) for side in sides]
        return (*structures, *kinds, *(mask is None for mask in masks), *activations)


def _kind_of_tensor(tensor: Any) -> tuple[Any, ...] | None:
    """Shape and dtype of a tensor; `None` where these are not known, hold nothing or too much."""
    shape = static_shape(tensor)
    if not shape or 0 in shape or not are_small(shape):
        return None
    return (shape, dtype_name(tensor))


def stacked(
    terms: Sequence[TermTensors], is_off: Any, joined: Sequence[JoinedTensors]
) -> TermTensors:
    """The tensors of several terms of one kind as those of one, with the samples of all.

    Args:
        terms: the tensors of each.
        is_off: whether no gradient flows through each: a vector, or a bool for all.
        joined: labels and sample weights that came as one tensor.
    """

    def given(tensors: Sequence[Any]) -> Any:
        wholes = [found for one in joined if (found := one.by_part(tensors)) is not None]
        return _of_all_terms(wholes[0]) if wholes else _as_samples(tensors)

    return TermTensors(
        _stacked_structures([term.y_true for term in terms], given),
        _stacked_structures(
            [term.y_pred for term in terms], lambda outputs: _stacked_outputs(outputs, is_off)
        ),
        _stacked_structures([term.sample_weight for term in terms], given),
    )


def _stacked_structures(structures: Sequence[Any], stack: Any) -> Any:
    """Structures of one form as one, whose tensors are those of all."""
    first = as_tensors(structures[0])
    columns = zip(*(tensors_in(as_tensors(one)) for one in structures), strict=True)
    return with_tensors(first, [stack(column) for column in columns])


def _as_samples(tensors: Sequence[Any]) -> Any:
    """Tensors of one shape, one behind the other along the first axis.

    They are not stacked, as outputs are: TensorFlow's optimizer of graphs gives a stack of one
    tensor, which several terms may read as their label, another shape.
    """
    return ops.concatenate([to_tensor(tensor) for tensor in tensors], axis=0)


def _of_all_terms(of_terms: Any) -> Any:
    """A tensor whose first two axes, of terms and samples, have become one."""
    return ops.reshape(of_terms, (-1, *(static_shape(of_terms) or ())[2:]))


def _stacked_outputs(outputs: Sequence[Any], is_off: Any) -> Any:
    """Outputs one behind the other, with their masks; where terms are off, without gradients."""
    activation = activation_of(outputs[0]) if is_off is False else None
    tensors = outputs if activation is None else [logits_of(output) for output in outputs]
    # Only TensorFlow traces batches whose size it does not know. Where sizes turn out to differ,
    # the error of the graph shows this name.
    with named_operations("terms_differ_in_batch_size_so_use_WeightedSumLoss_with_fuse_False"):
        of_terms = ops.stack([*tensors])
    if is_off is not False:
        blocked = ops.stop_gradient(of_terms)
        of_terms = blocked if is_off is True else _where_off(is_off, blocked, of_terms)
    output = _of_all_terms(of_terms)
    if activation is not None:
        output = activation(output)
    masks = [keras_mask(output) for output in outputs]
    if masks[0] is not None:
        set_keras_mask(output, _as_samples(masks))
    return output


def _where_off(is_off: Any, blocked: Any, of_terms: Any) -> Any:
    """One tensor of each term or another, by a condition on the terms."""
    axes = [1] * (len(of_terms.shape) - 1)
    return ops.where(ops.reshape(is_off, (-1, *axes)), blocked, of_terms)
