"""`tf.data` pipelines, changed inside their graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keras_multiloss.evaluation import static_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keras_multiloss.data._filling import ConstantTensor

#: What `cardinality` says of a dataset that repeats for ever.
INFINITE = -1


def element_of(dataset: Any) -> Any:
    """The structure of an element: a spec for each tensor, and `None` where there is none."""
    import tensorflow as tf  # noqa: PLC0415 (an optional backend, imported when used)

    none = tf.type_spec_from_value(None)
    return tf.nest.map_structure(lambda s: None if s == none else s, dataset.element_spec)


def cardinalities(datasets: Sequence[Any]) -> list[int]:
    """The number of elements of each dataset; negative if infinite or unknown."""
    return [int(dataset.cardinality()) for dataset in datasets]


def map_dataset(dataset: Any, function: Callable[[Any], Any]) -> Any:
    """The dataset with each element passed through a function of its structure.

    The order of the elements, their static shapes and the cardinality stay.
    """
    import tensorflow as tf  # noqa: PLC0415 (an optional backend, imported when used)

    is_tuple = isinstance(dataset.element_spec, tuple)

    # Not converted: autograph would put its own text around the library's messages.
    @tf.autograph.experimental.do_not_convert
    def restructure(*entries: Any) -> Any:
        return function(entries if is_tuple else entries[0])

    return dataset.map(restructure, num_parallel_calls=tf.data.AUTOTUNE)


def prefetch(dataset: Any) -> Any:
    """The dataset with the next elements made while the model works on the last."""
    import tensorflow as tf  # noqa: PLC0415 (an optional backend, imported when used)

    return dataset.prefetch(tf.data.AUTOTUNE)


def draw_batches(datasets: Sequence[Any], weights: list[float] | None, seed: int | None) -> Any:
    """Elements of the datasets in random order, each once, in another order each epoch."""
    import tensorflow as tf  # noqa: PLC0415 (an optional backend, imported when used)

    lengths = cardinalities(datasets)
    are_known = all(length >= 0 for length in lengths)
    if weights is None and are_known:
        # TensorFlow would wait for ever for the end of a dataset that it never draws from.
        weights = [float(max(length, 1)) for length in lengths]
    drawn = tf.data.Dataset.sample_from_datasets(
        list(datasets), weights=weights, seed=seed, rerandomize_each_iteration=True
    )
    if are_known:
        drawn = drawn.apply(tf.data.experimental.assert_cardinality(sum(lengths)))
    return drawn


def constant_tensor(constant: ConstantTensor, sample: Any) -> Any:
    """A constant as a tensor with as many samples as an input; its shape is static if that is."""
    import tensorflow as tf  # noqa: PLC0415 (an optional backend, imported when used)

    n_samples = None
    if constant.is_per_sample:
        known = (static_shape(sample) or (None,))[0]
        n_samples = tf.shape(sample)[0] if known is None else known
    return tf.fill(constant.shape(n_samples), tf.constant(constant.number, constant.spec.dtype))
