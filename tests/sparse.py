"""Sparse tensors of the backend."""

import numpy as np

from keras_multiloss._platform import backend


def sparse(array):
    """An array as the sparse tensor of the backend of the lane."""
    if backend() == "jax":
        from jax.experimental.sparse import BCOO

        return BCOO.fromdense(array)
    if backend() == "torch":
        import torch

        return torch.from_numpy(np.asarray(array)).to_sparse()
    import tensorflow as tf

    return tf.sparse.from_dense(array)
