"""The shape and dtype of a label, as far as the loss and the output tell."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from keras_multiloss._messages import error
from keras_multiloss._saving import is_builtin
from keras_multiloss.evaluation import kind_of, static_shape
from keras_multiloss.losses import MaskedLoss
from keras_multiloss.models._structure import output_names, symbolic_output
from keras_multiloss.spec import by_name

if TYPE_CHECKING:
    from keras_multiloss.spec import Key, LossTerm


def label_spec(loss: Any, model: Any, key: Key) -> dict[str, Any]:
    """The arguments of the `keras.Input` of a label.

    Raises:
        ValueError: if no term tells, or two terms disagree.
    """
    outputs = by_name(symbolic_output(model), output_names(model))
    specs = [_spec_in_term(term, key, outputs) for term in loss.terms if key in term.label_keys]
    known = [spec for spec in specs if spec is not None]
    if not known:
        raise error(
            ValueError,
            "attach_losses",
            f"the shape of label {key!r} does not follow from the loss",
            expected="its shape and dtype in `labels`",
            received="a loss over several outputs or labels, or whose labels are not like outputs",
            hint=f"attach_losses(..., labels={{{key!r}: {{'shape': (), 'dtype': 'float32'}}}}), or "
            "'int32' for class numbers",
        )
    if any(spec != known[0] for spec in known):
        raise error(
            ValueError,
            "attach_losses",
            f"terms disagree about label {key!r}",
            expected="one shape and dtype for all terms that use it",
            received=f"{known}",
            hint="give its shape and dtype in `labels`",
        )
    return known[0]


def _spec_in_term(term: LossTerm, key: Key, outputs: dict[Key, Any]) -> dict[str, Any] | None:
    is_single = not isinstance(term.outputs, list) and not isinstance(term.labels, list)
    kind = kind_of(term.loss.inner if isinstance(term.loss, MaskedLoss) else term.loss)
    if is_single and not (kind == "joint" or _has_labels_of_its_own(term.loss, kind)):
        shape = (static_shape(outputs[term.output_keys[0]]) or ())[1:]
        if kind == "sparse":
            return {"shape": shape[:-1], "dtype": "int32"}
        return {"shape": shape, "dtype": "float32"}
    if key in term.output_keys and not _has_labels_of_its_own(term.loss, kind):
        return {"shape": (static_shape(outputs[key]) or ())[1:], "dtype": "float32"}
    return None


def _has_labels_of_its_own(loss: Any, kind: str) -> bool:
    """Whether a loss of Keras takes labels that do not look like the output, such as CTC."""
    target = loss if inspect.isfunction(loss) else type(loss)
    return kind == "unknown" and is_builtin(target)
