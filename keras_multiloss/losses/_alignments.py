"""The alignments of a sequence of classes with the frames of an output, and their probability."""

from __future__ import annotations

from typing import Any

from keras_multiloss._platform import fold_over_steps, ops

#: The logarithm of the probability of what cannot be; unlike infinity, it has finite gradients.
LOG_ZERO = -1e30


def can_be_aligned(label: Any, length: Any, is_frame: Any, *, blank: Any, n_classes: Any) -> Any:
    """Whether each label has classes only and enough frames.

    Args:
        label: int32, `(batch, max_length)`.
        length: the number of its entries, int32, `(batch,)`.
        is_frame: which frames count, `(batch, frames)`.
        blank: the class number of the blank.
        n_classes: the number of classes, with the blank.
    """
    is_entry = ops.arange(ops.shape(label)[1])[None, :] < length[:, None]
    is_class = ops.logical_and(label >= 0, label < n_classes)
    is_class = ops.logical_and(is_class, ops.not_equal(label, blank))
    # A blank goes between equal classes; what is before the first entry is no class.
    before = _moved(label, 1, -1)
    is_repeated = ops.logical_and(is_entry, ops.equal(label, before))
    n_needed = length + _count(is_repeated)
    # As many classes as the length says: it may also be negative, or beyond the label.
    has_classes = ops.equal(_count(ops.logical_and(is_entry, is_class)), length)
    return ops.logical_and(has_classes, _count(is_frame) >= n_needed)


def log_probability(log_p: Any, is_frame: Any, label: Any, length: Any, *, blank: Any) -> Any:
    """The logarithm of the probability of all alignments together, by the forward recursion.

    The states of a sample are its entries, with blanks before, between and after them. Where
    there is no alignment, the result is a very negative number.

    Args:
        log_p: the logarithms of the classes' probabilities, `(batch, frames, n_classes)`.
        is_frame: which frames count, `(batch, frames)`.
        label: class numbers within range, int32, `(batch, max_length)`.
        length: the number of entries, int32, `(batch,)`.
        blank: the class number of the blank.
    """
    states = _states(label, blank)
    zeros = ops.cast(ops.zeros_like(states), "float32")
    # A state is reached from itself, from the one before it, and, unless that would leave out a
    # blank that is needed, from the one before that.
    may_skip = ops.logical_and(
        ops.not_equal(states, blank), ops.not_equal(states, _moved(states, 2, -1))
    )
    of_skip = ops.where(may_skip, zeros, zeros + LOG_ZERO)
    before_first = ops.concatenate([zeros[:, :1], zeros[:, :1]], axis=1) + LOG_ZERO

    def advance(reached: Any, frame: tuple[Any, ...]) -> Any:
        log_p_of_states, counts = frame
        padded = ops.concatenate([before_first, reached], axis=1)
        ways = ops.stack([reached, padded[:, 1:-1], padded[:, :-2] + of_skip], axis=0)
        return ops.where(counts, ops.logsumexp(ways, axis=0) + log_p_of_states, reached)

    places = ops.cast(ops.arange(ops.shape(states)[1]), "int32")[None, :]
    # Before the first frame, a sample is where it may begin with a blank or its first entry.
    start = ops.where(ops.equal(places, 0), zeros, zeros + LOG_ZERO)
    every_frame = ops.zeros_like(ops.cast(is_frame, "int32"))[:, :, None]
    of_states = ops.take_along_axis(log_p, states[:, None, :] + every_frame, axis=2)
    steps = (ops.transpose(of_states, (1, 0, 2)), ops.transpose(is_frame)[:, :, None])
    reached = fold_over_steps(advance, start, steps)
    # It ends with its last entry or with the blank after that.
    from_end = 2 * length[:, None] - places
    is_end = ops.logical_or(ops.equal(from_end, 0), ops.equal(from_end, 1))
    return ops.logsumexp(ops.where(is_end, reached, zeros + LOG_ZERO), axis=1)


def _states(label: Any, blank: Any) -> Any:
    """The entries of each label with blanks before, between and after them."""
    batch, n_entries = ops.shape(label)
    blanks = ops.zeros_like(label) + blank
    pairs = ops.reshape(ops.stack([blanks, label], axis=2), (batch, 2 * n_entries))
    return ops.concatenate([pairs, ops.zeros((batch, 1), dtype="int32") + blank], axis=1)


def _moved(rows: Any, n: int, filler: float) -> Any:
    """The entries of each row moved on by `n` places."""
    return ops.pad(rows, [[0, 0], [n, 0]], constant_values=filler)[:, :-n]


def _count(is_counted: Any) -> Any:
    return ops.sum(ops.cast(is_counted, "int32"), axis=1)
