"""`FrozenTeacher`: another model, whose outputs terms may name."""

from __future__ import annotations

from typing import Any

from keras_multiloss._checks import check_config, check_name
from keras_multiloss._platform import keras, plain_functional
from keras_multiloss._saving import serializable
from keras_multiloss.layers._tap import TapLayer, are_recorded, record, recorded_taps, tap_layers_of
from keras_multiloss.spec import by_name, without_gradient


@serializable
class FrozenTeacher(TapLayer):
    """A layer that returns its inputs, and in a step calls a teacher on them.

    `kml.models.with_teacher` puts it behind the inputs of a model. The teacher is not trained, runs
    in inference mode, and only in steps of training and evaluation: prediction does not pay for
    it, and `strip_losses` takes it away.

    Args:
        teacher: a functional model that takes the inputs, all of them or, where they are a dict,
            some by name.
        name: name of the layer; terms name an output as `<name>/<output>`, and the only one also
            as `<name>`.
        **kwargs: as for every Keras layer.

    Shape:
        - input: the inputs of the model.
        - result: the same.

    Example:
        >>> import keras
        >>> import keras_multiloss as kml
        >>> x = keras.Input((2,))
        >>> teacher = keras.Model(x, {"logits": keras.layers.Dense(3)(x)})
        >>> layer = kml.layers.FrozenTeacher(teacher, name="teacher")
        >>> sorted(layer.tapped_tensors())
        ['teacher', 'teacher/logits']
        >>> layer.trainable_variables
        []
    """

    def __init__(self, teacher: Any, *, name: str = "teacher", **kwargs: Any) -> None:
        check_name("FrozenTeacher", "name", name)
        super().__init__(name=name, **{**kwargs, "trainable": False})
        # Its own metrics and optimizer would be those of the student, too.
        self.teacher = plain_functional(teacher)
        self.teacher.trainable = False
        self.built = True

    def call(self, inputs: Any) -> Any:
        if are_recorded():
            with recorded_taps() as hidden:
                outputs = self.teacher(self._taken(inputs), training=False)
            for name, tensor in self._named(outputs, hidden).items():
                record(name, without_gradient(tensor))
        return inputs

    def _taken(self, inputs: Any) -> Any:
        """The inputs of the teacher among those of the model."""
        wanted = self.teacher.input
        if not isinstance(inputs, dict):
            return inputs
        if isinstance(wanted, dict):
            return {name: inputs[name] for name in wanted}
        names = [tensor.name for tensor in self.teacher.inputs]
        picked = [inputs[name] for name in names]
        return picked if isinstance(wanted, (list, tuple)) else picked[0]

    def _named(self, outputs: Any, hidden: dict[str, Any]) -> dict[str, Any]:
        """Outputs and taps of the teacher by the names that terms use."""
        names = None if isinstance(outputs, dict) else list(self.teacher.output_names)
        found = {k: t for k, t in by_name(outputs, names).items() if isinstance(k, str)}
        alone = {self.name: next(iter(found.values()))} if len(found) == 1 else {}
        return {**alone, **{f"{self.name}/{key}": t for key, t in {**found, **hidden}.items()}}

    def tapped_tensors(self) -> dict[str, Any]:
        """The symbolic outputs and taps of the teacher by name."""
        hidden: dict[str, Any] = {}
        for layer in tap_layers_of(self.teacher):
            hidden |= layer.tapped_tensors()
        return self._named(self.teacher.output, hidden)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = {k: v for k, v in super().get_config().items() if k != "trainable"}
        return {**config, "teacher": keras.saving.serialize_keras_object(self.teacher)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FrozenTeacher:
        config = check_config(cls, config, [*config], required=("teacher",))
        teacher = keras.saving.deserialize_keras_object(config.pop("teacher"))
        return cls(teacher, **config)
