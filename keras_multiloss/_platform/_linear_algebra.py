"""Small linear algebra, in the precision that it needs on every backend."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

from keras_multiloss._platform._keras import backend, dtype_name, ops, tensorflow

if TYPE_CHECKING:
    from collections.abc import Callable


def searchsorted_rows(sorted_rows: Any, values: Any) -> Any:
    """For each value, the first place in its row of a sorted matrix that holds a greater one.

    The length of the row where there is none. `keras.ops.searchsorted` takes a single row.

    Args:
        sorted_rows: `(rows, n)`, ascending along each row.
        values: `(rows, m)`.

    Returns:
        int32, `(rows, m)`, without a gradient.
    """
    if backend() == "tensorflow":
        # `tf.searchsorted` cannot reshape rows of no entries.
        return tensorflow().raw_ops.UpperBound(sorted_inputs=sorted_rows, values=values)
    if backend() == "jax":
        jax = importlib.import_module("jax")

        def places(row: Any, found: Any) -> Any:
            return jax.numpy.searchsorted(row, found, side="right")

        return jax.vmap(places)(sorted_rows, values)
    torch = importlib.import_module("torch")
    rows, values = sorted_rows.contiguous(), values.contiguous()
    return torch.searchsorted(rows, values, right=True, out_int32=True)


def double_precision() -> Any:
    """A context in which a cast to float64 gives float64, also on JAX."""
    if backend() != "jax":
        return contextlib.nullcontext()
    jax = importlib.import_module("jax")
    return jax.enable_x64() if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()


def softmax(x: Any) -> Any:
    """The softmax of one vector."""
    return ops.exp(ops.log_softmax(x, axis=-1))


def solve(matrix: Any, right: Any) -> Any:
    """The solution of linear systems; `keras.ops.solve` of 3.7 cannot be traced."""
    if backend() == "tensorflow":
        return tensorflow().linalg.solve(matrix, right)
    return ops.solve(matrix, right)


def inner_products(rows: Any) -> Any:
    """The inner products of the rows of a float32 matrix, in full float32 precision.

    GPUs multiply matrices with ten bits of mantissa unless they are told otherwise.
    """
    if _multiplies_with_ten_bits():
        n_rows = rows.shape[0]
        return ops.stack([ops.sum(rows * rows[i], axis=1) for i in range(n_rows)])
    return _product(rows, ops.transpose(rows))


def squared_distances(rows: Any) -> Any:
    r"""The squared distances between all rows of a matrix, in memory of the size of the result.

    $|a|^2 + |b|^2 - 2 a^\top b$ loses the digits of near rows: the value is that of float64, and
    the gradient that of the same sum in the precision of the rows.
    """
    squared = _squares_minus_products(rows)
    return fixed_squared_distances(rows) + (squared - ops.stop_gradient(squared))


def fixed_squared_distances(rows: Any) -> Any:
    """The values of `squared_distances`, without gradients."""
    with double_precision():
        precise = _squares_minus_products(ops.cast(ops.stop_gradient(rows), "float64"))
        return ops.cast(ops.maximum(precise, 0.0), dtype_name(rows))


def _squares_minus_products(rows: Any) -> Any:
    # Keras multiplies matrices of float64 in float32 on PyTorch.
    products = rows @ rows.T if backend() == "torch" else ops.matmul(rows, ops.transpose(rows))
    # Taken from the products, the squares are rounded as they are: two equal rows are at 0.
    squares = ops.expand_dims(ops.diagonal(products), -1)
    return squares + ops.transpose(squares) - 2.0 * products


def weighted_sum(weights: Any, rows: Any) -> Any:
    """The sum of the rows of a float32 matrix, each times its weight, in full float32 precision.

    A product of matrices needs no memory for the weighted rows, and half the time.
    """
    if _multiplies_with_ten_bits():
        return ops.sum(ops.expand_dims(weights, 1) * rows, axis=0)
    return _product(ops.expand_dims(weights, 0), rows)[0]


def _product(left: Any, right: Any) -> Any:
    if backend() == "jax":
        return importlib.import_module("jax").numpy.matmul(left, right, precision="highest")
    return ops.matmul(left, right)


def _multiplies_with_ten_bits() -> bool:
    if backend() != "tensorflow":
        return False
    config = tensorflow().config
    has_gpu = bool(config.list_physical_devices("GPU"))
    return has_gpu and config.experimental.tensor_float_32_execution_enabled()


def compiled_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors that is traced once, where the backend traces."""
    if backend() == "tensorflow":
        return tensorflow().function(function)
    return importlib.import_module("jax").jit(function) if backend() == "jax" else function
