"""Losses, functions and schedules come back from a file as they were, or are refused before."""

import functools
import inspect
import json

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss._saving import deserialize, get_loss, serialize
from tests.evaluation.test_loss_kinds import classes_of_keras
from tests.lanes import needs_addons, needs_keras_3

register = keras.saving.register_keras_serializable(package="test_serialization")
LABEL = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], "float32")
OUTPUT = np.array([[0.9, 0.2, 0.3], [0.4, 0.6, 0.1]], "float32")


def reloaded(loss):
    """What a file would give back."""
    config = json.loads(json.dumps(serialize(get_loss("Here", loss))))
    return get_loss("Here", deserialize("Here", config, keras.losses))


def value(loss, label=LABEL, output=OUTPUT):
    labels, outputs = {"a": label}, {"a": output}
    return float(kml.WeightedSumLoss([kml.LossTerm(loss, "a")])(labels, outputs))


@register
def quadratic(y_true, y_pred):
    return ops.mean(ops.square(y_pred - ops.cast(y_true, "float32")), axis=-1)


@register
class Scaled(keras.losses.Loss):
    """A loss with a config, as Keras asks for."""

    def __init__(self, factor=1.0, name="scaled"):
        super().__init__(name=name)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * ops.mean(ops.abs(y_pred - y_true), axis=-1)

    def get_config(self):
        return {"factor": self.factor, "name": self.name}


@register
class WithoutConfig(Scaled):
    """A loss that forgot its config, but keeps its arguments as attributes."""

    def get_config(self):
        return {"name": self.name}


@keras.saving.register_keras_serializable(package="test_serialization")
class WithoutName(kml.JointLoss):
    """Its constructor does not take what the config of every loss has."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def call(self, y_true, y_pred):
        return self.scale * (y_true - y_pred)


@keras.saving.register_keras_serializable(package="test_serialization")
class Doubling(kml.JointLoss):
    """It keeps its argument in another form."""

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = 2 * scale

    def call(self, y_true, y_pred):
        return self.scale * (y_true - y_pred)


@register
class Forgetful(keras.losses.Loss):
    """A loss whose argument nothing tells."""

    def __init__(self, factor=1.0):
        super().__init__()
        self._factor = factor

    def call(self, y_true, y_pred):
        return self._factor * ops.mean(y_pred, axis=-1)


@register
class WithFunction(keras.losses.Loss):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, y_true, y_pred):
        return self.function(y_true, y_pred)


class Unregistered(Scaled):
    pass


def unregistered(y_true, y_pred):
    return y_pred


class TestWhatComesBack:
    @pytest.mark.parametrize(
        "loss",
        [
            keras.losses.Huber(delta=2.0),
            keras.losses.CosineSimilarity(axis=1),
            keras.losses.BinaryCrossentropy(label_smoothing=0.25),
            keras.losses.BinaryCrossentropy(from_logits=True),
            keras.losses.CategoricalCrossentropy(label_smoothing=0.5, from_logits=True),
            keras.losses.MeanSquaredError(reduction="sum", name="mine"),
            Scaled(factor=3.0),
            WithoutConfig(factor=3.0),
        ],
        ids=lambda loss: loss.name,
    )
    def test_a_loss_keeps_its_arguments(self, loss):
        after = reloaded(loss)
        assert type(after) is type(loss)
        assert (after.name, after.reduction) == (loss.name, loss.reduction)
        assert serialize(after) == serialize(loss)
        assert value(after) == value(loss)

    def test_an_argument_that_keras_drops_makes_a_difference(self):
        """Else the test above would pass without it."""
        assert value(keras.losses.Huber(delta=0.25)) != value(keras.losses.Huber())
        assert value(keras.losses.CosineSimilarity(axis=1)) != value(
            keras.losses.CosineSimilarity(axis=0)
        )

    @pytest.mark.parametrize("cls", classes_of_keras(), ids=lambda cls: cls.__name__)
    def test_every_loss_of_keras_keeps_every_argument(self, cls):
        arguments = {
            name: _another(parameter.default)
            for name, parameter in inspect.signature(cls).parameters.items()
            if name not in {"name", "reduction", "dtype", "axis"}
        }
        after = reloaded(cls(**arguments))
        assert {name: after._fn_kwargs[name] for name in arguments} == arguments

    @needs_keras_3
    def test_the_dtype_of_a_loss_is_kept(self):
        assert reloaded(keras.losses.MeanSquaredError(dtype="float64")).dtype == "float64"

    @needs_keras_3
    def test_several_axes_are_kept(self):
        label, output = LABEL.reshape(2, 3, 1), OUTPUT.reshape(2, 3, 1)
        loss = kml.losses.KLDivergenceToNormal(axis=(1, 2))
        assert reloaded(loss).axis == (1, 2)
        if hasattr(keras.losses.Dice(), "axis"):
            dice = keras.losses.Dice(axis=(1, 2))
            assert value(reloaded(dice), label, output) == value(dice, label, output)

    @pytest.mark.parametrize("loss", [quadratic, keras.losses.log_cosh, "mse", "MeanSquaredError"])
    def test_functions_and_names_come_back(self, loss):
        assert type(reloaded(loss)) is type(get_loss("Here", loss))
        assert value(reloaded(loss)) == value(loss)

    def test_registered_functions_and_classes_may_be_given_by_their_names(self):
        assert get_loss("Here", "test_serialization>quadratic") is quadratic
        assert type(get_loss("Here", "test_serialization>Scaled")) is Scaled

    def test_functions_of_keras_are_stored_by_name(self):
        assert serialize(keras.losses.mean_squared_error) == "mean_squared_error"

    def test_the_config_of_keras_2_reads_on_keras_3(self):
        config = {"registered_name": "Huber", "config": {"reduction": "auto", "delta": 2.0}}
        assert value(deserialize("Here", config, keras.losses)) == value(keras.losses.Huber(2.0))

    def test_a_total_loss_is_an_object_of_keras_like_any_other(self):
        loss = kml.LossTerm(keras.losses.Huber(2.0), "a", weight=0.5) + kml.LossTerm(quadratic, "b")
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
        after = keras.saving.deserialize_keras_object(config)
        assert after.get_config() == loss.get_config()

    @needs_addons
    @pytest.mark.filterwarnings(r"ignore:\s*TensorFlow Addons:UserWarning")
    def test_losses_of_tensorflow_addons_come_back(self):
        import tensorflow_addons as tfa

        after = reloaded(tfa.losses.PinballLoss(tau=0.25))
        assert value(after) == value(tfa.losses.PinballLoss(tau=0.25))


def _another(default):
    """An argument that is not the default, but fit where the default is."""
    if isinstance(default, bool):
        return not default
    if default is None:
        return 1
    return 0.25 if default != 0.25 else 0.5


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("loss", "problem"),
        [
            (lambda y_true, y_pred: y_pred, "it is a lambda"),
            (unregistered, "its function is not registered with Keras"),
            (Unregistered(), "its class is not registered with Keras"),
            (functools.partial(quadratic), "its class is not registered with Keras"),
            (Forgetful(2.0), "the config of Forgetful leaves out an argument"),
            (WithFunction(lambda y, p: p), "the config of WithFunction holds a lambda"),
            (WithoutName(2.0), "WithoutName cannot be built again from its config"),
            (Doubling(2.0), "built again from its config it is different"),
            (keras.losses.Loss(name="base"), None),
        ],
        ids=[
            "lambda",
            "function",
            "class",
            "partial",
            "argument",
            "lambda inside",
            "arguments",
            "different",
            "base class",
        ],
    )
    def test_what_no_file_could_restore(self, loss, problem):
        refused = f"`loss` cannot be saved: {problem}" if problem else "`loss` is not a loss"
        with pytest.raises((ValueError, TypeError), match=refused):
            get_loss("Here", loss)

    def test_a_class_whose_name_was_registered_again(self):
        def loss_class():
            @keras.saving.register_keras_serializable()
            class A(Scaled):
                pass

            return A

        first, second = loss_class(), loss_class()
        assert get_loss("Here", second()).factor == 1.0
        with pytest.raises(ValueError, match="'Custom>A' to stand for"):
            get_loss("Here", first())

    @pytest.mark.parametrize(
        "loss",
        [
            keras.losses.MeanSquaredError,
            keras.metrics.MeanSquaredError(),
            keras.layers.Dense(1),
            keras.activations.relu,
            keras.losses.get,
            kml.LossTerm("mse", "a"),
            None,
            1,
            ["mse"],
        ],
    )
    def test_what_is_no_loss(self, loss):
        with pytest.raises(TypeError, match="`loss` is not a loss"):
            get_loss("Here", loss)

    @pytest.mark.parametrize(
        "name", ["msee", "", "serialize", "nowhere>loss", "keras_multiloss>LossTerm"]
    )
    def test_a_name_of_no_loss(self, name):
        with pytest.raises(ValueError, match="no loss has this name"):
            get_loss("Here", name)


class TestFilesThatDoNotFit:
    @pytest.mark.parametrize(
        "config",
        [
            {},
            {"registered_name": None, "config": {}},
            {"registered_name": "nowhere>Loss", "config": {}},
            {"registered_name": "NoLoss", "config": {}},
            {"registered_name": "mean_squared_error", "config": {}},
            {"class_name": "__lambda__", "config": {"value": []}},
        ],
    )
    def test_an_unknown_name_is_told_with_the_part(self, config):
        with pytest.raises(ValueError, match="LossTerm: `loss`: a part of the file cannot be rest"):
            deserialize("LossTerm: `loss`", config, keras.losses)

    @pytest.mark.parametrize(
        "arguments", [{"gamma": 2.0}, {"reduction": "often"}, "Huber", 5, None, ["delta"]]
    )
    def test_arguments_that_the_class_does_not_take_are_told_with_the_part(self, arguments):
        config = {"registered_name": "Huber", "config": arguments}
        with pytest.raises(ValueError, match="LossTerm: `loss`: a part of the file does not fit"):
            deserialize("LossTerm: `loss`", config, keras.losses)

    def test_a_class_that_is_no_loss_is_refused(self):
        term = kml.LossTerm("mse", "age").get_config()
        config = {"registered_name": "keras_multiloss>LossTerm", "config": {**term, "name": 5}}
        with pytest.raises(ValueError, match="does not fit the class it names"):
            deserialize("LossTerm: `loss`", config, keras.losses)


@keras.saving.register_keras_serializable(package="test_serialization")
class Grown(kml.JointLoss):
    """It got an argument after files were saved."""

    ADDED_LATER = ("scale",)

    def __init__(self, offset, *, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.offset, self.scale = offset, scale

    def get_config(self):
        return {**super().get_config(), "offset": self.offset, "scale": self.scale}


# A class counts as the library's own by its module.
Grown.__module__ = "keras_multiloss.tests"


class TestArgumentsThatCameLater:
    def restored(self, *left_out):
        config = serialize(Grown(2.0, scale=3.0))
        arguments = {k: v for k, v in config["config"].items() if k not in left_out}
        return deserialize("Here", {**config, "config": arguments}, keras.losses)

    def test_they_are_restored_where_the_file_has_them(self):
        assert (self.restored().offset, self.restored().scale) == (2.0, 3.0)

    def test_a_file_without_them_means_their_defaults(self):
        assert self.restored("scale").scale == 1.0

    def test_a_file_without_an_earlier_argument_is_refused(self):
        with pytest.raises(ValueError, match="the config of Grown has no 'offset'"):
            self.restored("offset", "scale")

    def test_in_batch_softmax_of_a_file_before_it_was_symmetric(self):
        config = kml.LossTerm(
            kml.losses.InBatchSoftmaxLoss(temperature=0.5), ["a", "b"]
        ).get_config()
        del config["loss"]["config"]["symmetric"]
        del config["loss"]["config"]["remove_accidental_hits"]
        loss = kml.LossTerm.from_config(json.loads(json.dumps(config))).loss
        assert (loss.temperature, loss.symmetric, loss.remove_accidental_hits) == (
            0.5,
            False,
            False,
        )

    def test_distillation_of_a_file_before_labels_could_be_smoothed(self):
        config = serialize(kml.losses.DistillationLoss(label_share=0.3))
        del config["config"]["label_smoothing"]
        loss = deserialize("Here", config, keras.losses)
        assert (loss.label_share, loss.label_smoothing) == (0.3, 0.0)
