"""A student with a frozen teacher beside it."""

from __future__ import annotations

from typing import Any

from keras_multiloss._messages import error, unknown_name
from keras_multiloss._platform import replay
from keras_multiloss.layers import FrozenTeacher
from keras_multiloss.models._multi_loss_model import MultiLossModel
from keras_multiloss.models._structure import by_input_name, check_functional, symbolic_input


def with_teacher(model: Any, teacher: Any, *, name: str = "teacher") -> MultiLossModel:
    """A model whose terms may name the outputs of a frozen teacher.

    The teacher gets the inputs of the model. Its outputs are `"teacher/logits"` and so on, and
    the only output is also `"teacher"`; its taps, where it is a model with taps, are
    `"teacher/<tap>"`. It is not trained, runs in inference mode, and only in `fit` and
    `evaluate`. The file of the model has it, with its weights, so that training goes on from
    there; `strip_losses` gives the student without it.

    Args:
        model: the student: a functional model, or a `MultiLossModel` with taps.
        teacher: a functional model that takes the same inputs. Its `trainable` becomes false.
        name: what its outputs are called, before the slash.

    Returns:
        A `MultiLossModel` that shares its layers with `model`.

    Raises:
        TypeError: if a model is not functional.
        ValueError: if the teacher has an input that the student lacks, or the name is taken.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> x = keras.Input((2,), name="x")
        >>> teacher = keras.Model(x, {"logits": keras.layers.Dense(3)(x)})
        >>> student = keras.Model(x, {"logits": keras.layers.Dense(3)(x)})
        >>> model = kml.models.with_teacher(student, teacher)
        >>> loss = kml.losses.DistillationLoss(temperature=2.0)
        >>> model.compile("sgd", loss=kml.LossTerm(loss, ["logits", "teacher/logits"], None))
        >>> history = model.fit(np.ones((4, 2)), verbose=0)
        >>> sorted(model.predict(np.ones((4, 2)), verbose=0))
        ['logits']
        >>> kml.strip_losses(model).count_params()
        9
    """
    check_functional("with_teacher", model)
    check_functional("with_teacher", teacher)
    _check_inputs(model, teacher)
    if name in [layer.name for layer in model.layers]:
        raise error(
            ValueError,
            "with_teacher",
            "the model has a layer of that name",
            expected="another `name` for the teacher",
            received=repr(name),
        )
    given = FrozenTeacher(teacher, name=name)(symbolic_input(model))
    inputs, outputs, _ = replay(model, given=given)
    return MultiLossModel(inputs, outputs, name=model.name)


def _check_inputs(model: Any, teacher: Any) -> None:
    """Raise if the teacher has an input that the student lacks."""
    own, wanted = symbolic_input(model), by_input_name(teacher)
    if isinstance(own, dict):
        for key in wanted:
            if isinstance(key, str) and key not in own:
                problem = "the teacher has an input that the student lacks"
                raise unknown_name("with_teacher", problem, key, list(own))
    elif len(model.inputs) != len(teacher.inputs):
        raise error(
            ValueError,
            "with_teacher",
            "the teacher does not take the inputs of the student",
            expected=f"a teacher with {len(model.inputs)} inputs, or a student whose inputs are "
            "a dict, of which the teacher takes some",
            received=f"a teacher with {len(teacher.inputs)}",
        )
