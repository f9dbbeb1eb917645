"""Losses and gradients on the replicas of `tf.distribute`."""

from __future__ import annotations

import threading
from typing import Any

from keras_multiloss._platform._keras import KERAS_3, backend, tensorflow


def n_replicas() -> int:
    """The number of replicas of `tf.distribute`, whose losses and gradients are added up."""
    if backend() != "tensorflow":
        return 1
    return int(tensorflow().distribute.get_strategy().num_replicas_in_sync)


def scale_for_distribution(loss: Any) -> Any:
    """Divide a loss by the number of replicas, which `tf.distribute` adds up again."""
    return with_mean_value(loss) / n_replicas() if n_replicas() > 1 else loss


def with_mean_value(loss: Any) -> Any:
    """The loss of a replica, with the value that the losses of all replicas have in the mean.

    Keras logs the mean of the replicas' losses by their numbers of samples. The losses here have
    the global batch as their divisor, so that a replica of few samples has a small one.
    """
    if n_replicas() == 1:
        return loss
    stop = tensorflow().stop_gradient
    return loss + stop(mean_over_replicas(stop(loss)) - loss)


def scale_loss_object(loss: Any, reduction: str) -> Any:
    """Scale what a loss object returns; Keras 2 itself scales means over the batch."""
    is_scaled_later = not KERAS_3 and reduction == "sum_over_batch_size"
    return with_mean_value(loss) if is_scaled_later else scale_for_distribution(loss)


def add_loss_of_replica(layer: Any, loss: Any) -> None:
    """Let a layer add a loss, without those that other replicas have added meanwhile.

    While a call waits for other replicas, they add theirs, and Keras 3 keeps what layers add in
    one list for all.
    """
    if KERAS_3 and n_replicas() > 1:
        thread = loss.added_in_thread = threading.get_ident()  # each replica is traced in its own
        layer._losses[:] = [x for x in layer._losses if x.added_in_thread == thread]
    layer.add_loss(loss)


def mean_over_replicas(x: Any) -> Any:
    """The mean of what the replicas of `tf.distribute` have of a tensor."""
    return _over_replicas("MEAN", x)


def sum_over_replicas(x: Any) -> Any:
    """The sum of what the replicas of `tf.distribute` have of a tensor."""
    return _over_replicas("SUM", x)


def _over_replicas(reduction: str, x: Any) -> Any:
    if n_replicas() == 1:
        return x
    distribute = tensorflow().distribute
    context = distribute.get_replica_context()
    if context is None:
        return x
    return context.all_reduce(getattr(distribute.ReduceOp, reduction), x)
