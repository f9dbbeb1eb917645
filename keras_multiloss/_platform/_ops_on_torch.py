"""`keras.ops` for PyTorch, without what keeps the graph of a step alive after it."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def ops_on_torch(ops: Any) -> Any:
    """The functions of `keras.ops`, two of which take lists to PyTorch themselves.

    Keras flattens lists of tensors by functions of PyTorch that refer to themselves and to the
    list. Python's garbage collector frees these, and with them the tensors and their graph, only
    when it happens to run.

    Args:
        ops: the module `keras.ops`.
    """
    torch = importlib.import_module("torch")
    functions = {name: getattr(ops, name) for name in dir(ops) if not name.startswith("_")}

    def joins(in_torch: Callable[..., Any], in_keras: Callable[..., Any]) -> Callable[..., Any]:
        def join(tensors: Sequence[Any], axis: int = 0) -> Any:
            tensors = [ops.convert_to_tensor(x) for x in tensors]
            if len({x.dtype for x in tensors}) > 1:
                return in_keras(tensors, axis=axis)
            return in_torch(tensors, dim=axis)

        return join

    functions["stack"] = joins(torch.stack, ops.stack)
    functions["concatenate"] = joins(torch.cat, ops.concatenate)
    return SimpleNamespace(**functions)
