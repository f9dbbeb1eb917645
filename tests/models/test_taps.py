"""Hidden tensors and teachers that the terms of a loss name."""

import gc
import weakref

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import KERAS_3, keras, ops
from tests.lanes import needs_jax_backend, needs_keras_3, needs_tensorflow_backend

register = keras.saving.register_keras_serializable(package="test_taps")
RNG = np.random.default_rng(4)
X = RNG.normal(size=(20, 3)).astype("float32")
Y = {"out": RNG.normal(size=(20, 1)).astype("float32")}
WEIGHT = 0.3


def network(*, as_dict=True, nested=False):
    keras.utils.set_random_seed(2)
    x = keras.Input((3,), name="x")
    if nested:
        inner = keras.Input((3,))
        first = keras.layers.Dense(4, activation="tanh", name="first")(inner)
        encoder = keras.Model(inner, keras.layers.Dense(4, name="second")(first), name="encoder")
        hidden = encoder(x)
    else:
        hidden = keras.layers.Dense(4, activation="tanh", name="first")(x)
        hidden = keras.layers.Dense(4, name="second")(hidden)
    out = keras.layers.Dense(1, name="out")(hidden)
    return keras.Model(x, {"out": out} if as_dict else out)


def loss():
    activity = kml.LossTerm("mse", "hidden", labels=None, name="activity", weight=WEIGHT)
    return kml.LossTerm("mse", "out") + activity


def tapped(**arguments):
    place = "encoder/first" if arguments.get("nested") else "first"
    return kml.MultiLossModel.from_model(network(**arguments), taps={"hidden": place})


def compiled(model=None, **arguments):
    model = model or tapped()
    model.compile(keras.optimizers.SGD(0.1), loss=loss(), **arguments)
    return model


def by_hand():
    """The same training with the hidden tensor for an output."""
    model = network()
    hidden = model.get_layer("first").output
    both = kml.MultiLossModel(model.input, {"out": model.output["out"], "hidden": hidden})
    both.compile(keras.optimizers.SGD(0.1), loss=loss())
    return both


def fitted(model, **arguments):
    return model.fit(X, Y, batch_size=5, epochs=2, shuffle=False, verbose=0, **arguments).history


def assert_same_weights(model, other, **tolerance):
    for value, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(value, expected, **tolerance)


class TestTraining:
    @pytest.mark.parametrize("nested", [False, True])
    @pytest.mark.parametrize("as_dict", [True, False])
    def test_it_is_that_of_the_tensor_as_an_output(self, as_dict, nested):
        model, expected = compiled(tapped(as_dict=as_dict, nested=nested)), by_hand()
        logs, logs_by_hand = fitted(model), fitted(expected)
        assert_same_weights(model, expected, rtol=0, atol=3e-8 * 10)  # ten float32 steps
        assert logs["activity_loss"] == pytest.approx(logs_by_hand["activity_loss"], rel=1e-6)

    def test_one_step_has_the_gradients_by_hand(self):
        model, expected = compiled(), by_hand()
        model.train_on_batch(X, Y)
        expected.train_on_batch(X, Y)
        assert_same_weights(model, expected, rtol=0, atol=3e-8)  # one unit of float32

    @needs_tensorflow_backend
    @needs_keras_3
    def test_under_xla_as_well(self):
        model, expected = compiled(jit_compile=True), by_hand()
        fitted(model)
        fitted(expected)
        assert_same_weights(model, expected, rtol=1e-5, atol=1e-6)  # XLA orders sums anew

    def test_the_log_of_evaluate_is_that_of_the_tensor(self):
        model = compiled()
        logs = model.evaluate(X, Y, batch_size=7, verbose=0, return_dict=True)
        hidden = keras.Model(model.input, model.get_layer("first").output)
        expected = np.mean(hidden.predict(X, verbose=0) ** 2)
        assert logs["activity_loss"] == pytest.approx(expected, rel=1e-5)  # float32 mean

    def test_validation_and_an_aggregator_see_it(self):
        logs = fitted(compiled(aggregator="upgrad"), validation_data=(X, Y))
        assert {"activity_loss", "val_activity_loss"} < set(logs)

    def test_the_gramian_sees_it(self):
        assert np.all(np.diag(compiled().task_gramian(X, Y)) > 0)

    def test_a_model_that_is_called_by_hand_gives_its_outputs(self):
        model = compiled()
        fitted(model)
        assert set(model(X)) == {"out"}

    def test_taps_inside_a_model_of_ones_own(self):
        @register
        class Net(kml.models.MultiLossMixin, keras.Model):
            def __init__(self):
                super().__init__()
                self.first = keras.layers.Dense(4, activation="tanh")
                self.tap = kml.layers.Tap("hidden")
                self.last = keras.layers.Dense(1)

            def call(self, x):
                return {"out": self.last(self.tap(self.first(x)))}

        model = Net()
        model.compile("sgd", loss=loss())
        model(X)
        assert "activity_loss" in fitted(model)
        assert set(model.predict(X, verbose=0)) == {"out"}


class TestMetrics:
    @pytest.mark.parametrize("as_dict", [True, False])
    def test_they_name_taps_like_outputs(self, as_dict):
        term = kml.LossTerm("mse", "hidden", "target", name="activity")
        model = tapped(as_dict=as_dict)
        metrics = {"out": ["mae"], "hidden": [keras.metrics.MeanSquaredError(name="mean_square")]}
        model.compile("sgd", loss=kml.LossTerm("mse", "out") + term, metrics=metrics)
        y = {**Y, "target": np.zeros((20, 4), "float32")}
        logs = model.evaluate(X, y, batch_size=7, verbose=0, return_dict=True)
        # Keras 2 leaves out the name of the output where the model has one.
        square = logs.get("hidden_mean_square", logs.get("mean_square"))
        assert square == pytest.approx(logs["activity_loss"], rel=1e-5)  # float32 means
        assert {"out_mae", "mae"} & set(logs)

    def test_those_for_all_outputs_are_not_for_taps(self):
        model = compiled(metrics=["mae"])
        logs = model.evaluate(X, Y, verbose=0, return_dict=True)
        assert [name for name in logs if "mae" in name] in (["mae"], ["out_mae"])


class TestPrediction:
    def test_predict_is_unchanged(self):
        plain, model = network(), compiled()
        found = model.predict(X, verbose=0)
        assert set(found) == {"out"}
        np.testing.assert_array_equal(found["out"], plain.predict(X, verbose=0)["out"])

    @pytest.mark.parametrize("nested", [False, True])
    def test_the_stripped_model_has_the_layers_of_the_plain_one(self, nested, tmp_path):
        model = compiled(tapped(nested=nested))
        stripped = kml.strip_losses(model)
        names = [layer.name for layer in stripped.layers]
        assert names == [layer.name for layer in network(nested=nested).layers]
        assert "keras_multiloss" not in str(stripped.get_config())
        np.testing.assert_array_equal(
            stripped.predict(X, verbose=0)["out"], model.predict(X, verbose=0)["out"]
        )


class TestFiles:
    @pytest.mark.parametrize("nested", [False, True])
    def test_a_fresh_process_evaluates_the_same(self, nested, tmp_path, fresh_process):
        model = compiled(tapped(nested=nested))
        fitted(model)
        model.save(tmp_path / "model.keras")
        found = fresh_process.evaluate(tmp_path / "model.keras", X, Y)
        assert found == pytest.approx(
            model.evaluate(X, Y, verbose=0, return_dict=True), rel=1e-6
        )  # float32


class TestPlaces:
    def test_a_tensor_of_the_graph(self):
        model = network()
        tensor = model.get_layer("first").output
        fitted(compiled(kml.MultiLossModel.from_model(model, taps={"hidden": tensor})))

    def test_an_input_and_an_output(self):
        model = network()
        taps = {"hidden": model.input, "last": model.output["out"]}
        model = kml.MultiLossModel.from_model(model, taps=taps)
        logs = fitted(compiled(model))
        assert logs["activity_loss"][0] == pytest.approx(np.mean(X**2), rel=1e-5)  # float32 mean

    def test_one_call_of_a_layer_that_is_called_twice(self):
        x = keras.Input((3,), name="x")
        shared = keras.layers.Dense(3, name="shared")
        first = shared(x)
        model = keras.Model(x, {"out": keras.layers.Dense(1)(shared(first))})
        with pytest.raises(ValueError, match="called several times"):
            kml.MultiLossModel.from_model(model, taps={"hidden": "shared"})
        tapped = kml.MultiLossModel.from_model(model, taps={"hidden": first})
        logs = compiled(tapped).evaluate(X, Y, verbose=0, return_dict=True)
        expected = np.mean(ops.convert_to_numpy(shared(X)) ** 2)
        assert logs["activity_loss"] == pytest.approx(expected, rel=1e-5)  # float32 mean

    @pytest.mark.parametrize("nested", [False, True])
    def test_a_layer_of_a_sequential_model(self, nested):
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(4, name="first"), keras.layers.Dense(1)],
            name="encoder",
        )
        if nested:
            x = keras.Input((3,), name="x")
            model = keras.Model(x, {"out": model(x)})
        taps = {"hidden": "encoder/first" if nested else "first"}
        model = kml.MultiLossModel.from_model(model, taps=taps)
        model.compile("sgd", loss=kml.LossTerm("mse", "hidden", None, name="activity"))
        first = keras.Model(model.inputs, model.outputs)
        logs = model.evaluate(X, verbose=0, return_dict=True)
        assert logs["activity_loss"] > 0.0
        assert kml.strip_losses(model).count_params() == first.count_params()

    @pytest.mark.parametrize(
        ("place", "kind", "text"),
        [
            ("frist", ValueError, "did you mean 'first'"),
            ("first/second", ValueError, "which is not a model"),
            ("nowhere/second", ValueError, "names a layer that the model does not have"),
            (3, TypeError, "neither on a layer nor on a tensor"),
        ],
    )
    def test_a_place_that_is_none_is_told(self, place, kind, text):
        with pytest.raises(kind, match=text):
            kml.MultiLossModel.from_model(network(), taps={"hidden": place})

    def test_a_tensor_beside_the_way_is_told(self):
        model = network()
        beside = keras.layers.Dense(2)(model.get_layer("first").output)
        with pytest.raises(ValueError, match="no output depends on"):
            kml.MultiLossModel.from_model(model, taps={"hidden": beside})

    def test_two_taps_on_one_tensor_are_told(self):
        with pytest.raises(ValueError, match="are on the same tensor"):
            kml.MultiLossModel.from_model(network(), taps={"a": "first", "b": "first"})

    def test_a_tap_with_the_name_of_an_output_is_told(self):
        model = kml.MultiLossModel.from_model(network(), taps={"out": "first"})
        with pytest.raises(ValueError, match="have the same name"):
            compiled(model)

    def test_an_unknown_tap_is_told_with_those_that_there_are(self):
        with pytest.raises(ValueError, match="did you mean 'hidden'"):
            tapped().compile("sgd", loss=kml.LossTerm("mse", "hiden", labels=None))


def test_the_layer_host_is_told_that_it_sees_no_tap():
    with pytest.raises(ValueError, match="attach_losses: term 'activity' names a tap"):
        kml.attach_losses(tapped(), loss())


@needs_jax_backend
def test_no_tracer_is_left_behind():
    import jax

    model = compiled()
    fitted(model)
    gc.collect()
    left = [o for o in gc.get_objects() if isinstance(o, jax.core.Tracer)]
    held = [o for o in left if any(r is model.__dict__ for r in gc.get_referrers(o))]
    assert held == []


def test_no_tensor_of_a_step_outlives_it():
    seen = []

    @register
    class Watched(kml.JointLoss):
        def call(self, y_true, y_pred):
            seen.append(weakref.ref(y_pred))
            return ops.mean(y_pred**2, -1)

    model = tapped()
    model.compile("sgd", loss=kml.LossTerm(Watched(), "hidden", None), run_eagerly=True)
    model.evaluate(X, verbose=0)
    gc.collect()
    assert seen
    assert all(ref() is None for ref in seen)


class TestTeacher:
    TERM = kml.LossTerm("mse", "out", labels=kml.from_output("teacher/out"), name="soft")

    @staticmethod
    def teacher(taps=None):
        keras.utils.set_random_seed(9)
        x = keras.Input((3,), name="x")
        wide = keras.layers.Dense(4, activation="tanh", name="wide")(x)
        wide = keras.layers.BatchNormalization(name="norm")(keras.layers.Dropout(0.5)(wide))
        model = keras.Model(x, {"out": keras.layers.Dense(1, name="out")(wide)})
        return kml.MultiLossModel.from_model(model, taps=taps) if taps else model

    def distilled(self, loss=None, **arguments):
        model = kml.models.with_teacher(tapped(), self.teacher(**arguments))
        model.compile(keras.optimizers.SGD(0.1), loss=loss or self.TERM)
        return model

    def test_its_outputs_are_labels(self):
        model, teacher = self.distilled(), self.teacher()
        student = compiled()
        labels = {"out": teacher.predict(X, verbose=0)["out"]}
        student.compile(keras.optimizers.SGD(0.1), loss=kml.LossTerm("mse", "out", name="soft"))
        logs, expected = fitted(model), fitted_on(student, labels)
        assert logs["soft_loss"] == pytest.approx(expected["soft_loss"], rel=1e-5)  # 8 steps
        assert model.predict(X, verbose=0)["out"] == pytest.approx(
            student.predict(X, verbose=0)["out"], abs=1e-6
        )

    def test_it_is_frozen(self):
        model = self.distilled()
        before = model.get_layer("teacher").get_weights()
        fitted(model)
        for old, new in zip(before, model.get_layer("teacher").get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        assert len(model.trainable_variables) == 6

    def test_features_are_distilled_between_taps(self):
        loss = kml.LossTerm("mse", "hidden", labels=kml.from_output("teacher/deep"), name="feature")
        model = self.distilled(loss + self.TERM, taps={"deep": "wide"})
        logs = fitted(model)
        assert logs["feature_loss"][1] < logs["feature_loss"][0]

    def test_the_only_output_needs_no_path(self):
        self.distilled(kml.LossTerm("mse", "out", labels=kml.from_output("teacher"), name="soft"))

    def test_prediction_does_not_call_it(self):
        model = self.distilled()
        calls = []
        teacher = model.get_layer("teacher").teacher
        teacher.call = lambda *args, **kwargs: calls.append(1)
        model.predict(X, verbose=0)
        assert calls == []

    def test_the_stripped_file_is_the_student_alone(self, tmp_path):
        model = self.distilled()
        stripped = kml.strip_losses(model)
        assert stripped.count_params() == network().count_params()
        assert [x.name for x in stripped.layers] == [x.name for x in network().layers]

    def test_a_fresh_process_goes_on_with_it(self, tmp_path, fresh_process):
        model = self.distilled()
        fitted(model)
        model.save(tmp_path / "model.keras")
        found = fresh_process.evaluate(tmp_path / "model.keras", X, Y)
        expected = model.evaluate(X, Y, verbose=0, return_dict=True)
        assert found == pytest.approx(expected, rel=1e-6)  # float32

    def test_one_that_was_trained_leaves_the_log_of_the_student_alone(self, tmp_path):
        teacher = self.teacher()
        teacher.compile("sgd", loss="mse", metrics=["mae"])
        teacher.fit(X, Y, verbose=0)
        model = kml.models.with_teacher(tapped(), teacher)
        model.compile(keras.optimizers.SGD(0.1), loss=self.TERM)
        logs = model.evaluate(X, Y, verbose=0, return_dict=True)
        assert set(logs) == {"loss", "soft_loss"}
        assert logs["loss"] == pytest.approx(logs["soft_loss"])
        assert fitted(model)["loss"][0] > 0.0
        model.save(tmp_path / "model.keras")
        again = keras.saving.load_model(tmp_path / "model.keras")
        found = again.evaluate(X, Y, verbose=0, return_dict=True)
        assert found == pytest.approx(model.evaluate(X, Y, verbose=0, return_dict=True), rel=1e-6)

    def test_a_sequential_teacher(self):
        teacher = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="score")])
        model = kml.models.with_teacher(tapped(), teacher)
        term = kml.LossTerm("mse", "out", labels=kml.from_output("teacher"), name="soft")
        model.compile("sgd", loss=term)
        assert fitted(model)["soft_loss"][0] > 0.0

    def test_it_takes_some_inputs_of_a_dict(self):
        a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
        out = keras.layers.Dense(1, name="out")(keras.layers.add([a, b]))
        student = keras.Model({"a": a, "b": b}, {"out": out})
        teacher = keras.Model(b, keras.layers.Dense(1, name="score")(b))
        model = kml.models.with_teacher(student, teacher)
        term = kml.LossTerm("mse", "out", labels=kml.from_output("teacher/score"))
        model.compile("sgd", loss=term)
        x = {"a": X, "b": X + 1}
        difference = model.predict(x, verbose=0)["out"] - teacher.predict(x["b"], verbose=0)
        expected = np.mean(difference**2)
        assert model.evaluate(x, verbose=0)[0] == pytest.approx(expected, rel=1e-5)  # float32

    def test_an_input_that_the_student_lacks_is_told(self):
        a, other = keras.Input((3,), name="a"), keras.Input((3,), name="b")
        student = keras.Model({"a": a}, {"out": keras.layers.Dense(1)(a)})
        teacher = keras.Model({"b": other}, keras.layers.Dense(1)(other))
        with pytest.raises(ValueError, match="an input that the student lacks"):
            kml.models.with_teacher(student, teacher)

    def test_a_name_that_is_taken_is_told(self):
        with pytest.raises(ValueError, match="the model has a layer of that name"):
            kml.models.with_teacher(network(), self.teacher(), name="first")


def fitted_on(model, y):
    return model.fit(X, y, batch_size=5, epochs=2, shuffle=False, verbose=0).history


@pytest.mark.skipif(not KERAS_3, reason="Keras 2 exports by another function")
@needs_tensorflow_backend
def test_the_exported_model_gives_outputs_only(tmp_path):
    import tensorflow as tf

    model = compiled()
    fitted(model)
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    assert set(served.serve(X)) == {"out"}
