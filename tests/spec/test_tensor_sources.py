"""Labels that the model has: its inputs and its outputs."""

import json

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.lanes import needs_layer_logs

register = keras.saving.register_keras_serializable(package="test_sources")
IMAGE = np.random.default_rng(0).uniform(size=(12, 4)).astype("float32")


@register
class Weighed(kml.JointLoss):
    """A loss that needs an input beside its output."""

    def call(self, y_true, y_pred):
        output, image = y_pred
        return ops.mean(ops.abs(output - y_true) * image, axis=-1)


def autoencoder(**outputs):
    keras.utils.set_random_seed(2)
    image = keras.Input((4,), name="image")
    code = keras.layers.Dense(2, name="code")(image)
    decoded = keras.layers.Dense(4, name="decoded")(code)
    made = {"decoded": decoded, **{name: keras.layers.Dense(4)(code) for name in outputs}}
    return keras.Model(image, made)


def trained(loss, x=IMAGE, y=None, model=None):
    model = kml.MultiLossModel.from_model(model or autoencoder())
    model.compile(keras.optimizers.SGD(0.1), loss=loss)
    history = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    return model, history.history


def assert_same_weights(model, other):
    for value, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-7)  # float32


class TestInputs:
    def test_an_autoencoder_needs_no_label_in_the_data(self):
        term = kml.LossTerm("mse", "decoded", labels=kml.from_input("image"))
        model, logs = trained(term)
        assert logs["loss"][1] < logs["loss"][0]
        by_hand, _ = trained(kml.LossTerm("mse", "decoded"), y={"decoded": IMAGE})
        assert_same_weights(model, by_hand)

    def test_other_terms_have_labels_in_the_data(self):
        own = kml.LossTerm("mse", "decoded", labels=kml.from_input("image"), name="own")
        _, logs = trained(own + kml.LossTerm("mae", "decoded", "target"), y={"target": IMAGE + 1})
        assert {"own_loss", "decoded_loss"} < set(logs)

    @pytest.mark.parametrize("key", ["image", 0])
    def test_an_input_is_named_or_has_a_place(self, key):
        trained(kml.LossTerm("mse", "decoded", labels=kml.from_input(key)))

    def test_a_loss_may_need_an_input_beside_its_output(self):
        term = kml.LossTerm(Weighed(), ["decoded", kml.from_input("image")], "target")
        model, logs = trained(term, y={"target": IMAGE})
        assert "decoded_loss" in logs
        decoded = model.predict(IMAGE, verbose=0)["decoded"]
        expected = np.mean(np.abs(decoded - IMAGE) * IMAGE)
        found = model.evaluate(IMAGE, {"target": IMAGE}, verbose=0)
        assert found[0] == pytest.approx(expected, rel=1e-5)  # float32 mean of 48 numbers

    def test_labels_default_to_the_outputs_among_them(self):
        term = kml.LossTerm(Weighed(), ["decoded", kml.from_input("image")])
        assert term.labels == ["decoded"]

    def test_it_reads_one_of_several_inputs(self):
        left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
        joined = keras.layers.Dense(2, name="out")(keras.layers.add([left, right]))
        model = kml.MultiLossModel({"left": left, "right": right}, joined)
        model.compile("sgd", loss=kml.LossTerm("mse", "out", labels=kml.from_input("right")))
        x = {"left": IMAGE[:, :2], "right": IMAGE[:, 2:]}
        expected = np.mean((model.predict(x, verbose=0) - x["right"]) ** 2)
        assert model.evaluate(x, verbose=0)[0] == pytest.approx(expected, rel=1e-5)

    def test_the_gramian_knows_them(self):
        term = kml.LossTerm("mse", "decoded", labels=kml.from_input("image"), name="a")
        model, _ = trained(term + kml.LossTerm("mae", "decoded", kml.from_input("image"), name="b"))
        assert model.task_gramian(IMAGE, None).shape == (2, 2)


class TestOutputs:
    LOSS = kml.LossTerm("mse", "decoded", labels=kml.from_output("other"), name="agree")

    @pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of the target
    def test_no_gradient_reaches_the_target(self):
        assert self.movement_of_target(kml.from_output("other")) == 0.0

    def test_gradients_flow_where_that_is_asked_for(self):
        assert self.movement_of_target(kml.from_output("other", stop_gradient=False)) > 0.0

    @staticmethod
    def movement_of_target(label):
        model = kml.MultiLossModel.from_model(autoencoder(other=1))
        target = next(x for x in model.layers if x.name not in {"image", "code", "decoded"})
        before = target.get_weights()[0]
        term = kml.LossTerm("mse", "decoded", labels=label, name="agree")
        model.compile(keras.optimizers.SGD(0.1), loss=term)
        model.fit(IMAGE, verbose=0)
        return np.abs(target.get_weights()[0] - before).max()

    def test_the_value_is_that_of_the_two(self):
        outputs = {"decoded": np.ones((2, 3)), "other": np.full((2, 3), 3.0)}
        assert float(kml.WeightedSumLoss([self.LOSS])(None, outputs)) == 4.0


class TestPenalties:
    @pytest.mark.parametrize(
        ("loss", "expected"), [("mse", 9.0), ("mae", 3.0), (keras.losses.Huber(1.0), 2.5)]
    )
    def test_a_loss_of_keras_without_a_label_is_taken_against_zero(self, loss, expected):
        term = kml.LossTerm(loss, "residual", labels=None)
        assert float(term.value({}, {"residual": np.full((2, 3), -3.0)})) == expected

    def test_others_need_a_label(self):
        with pytest.raises(ValueError, match="this loss of Keras needs a label"):
            kml.LossTerm("sparse_categorical_crossentropy", "scores", labels=None)


class TestInTheGraph:
    LOSS = kml.LossTerm("mse", "decoded", labels=kml.from_input("image"))

    def test_the_layer_host_computes_the_same(self):
        model = kml.attach_losses(autoencoder(), self.LOSS)
        model.compile(keras.optimizers.SGD(0.1))
        model.fit({"image": IMAGE}, batch_size=4, epochs=2, shuffle=False, verbose=0)
        by_model, _ = trained(self.LOSS)
        assert_same_weights(model, by_model)
        assert [tensor.name for tensor in kml.strip_losses(model).inputs] == ["image"]

    @needs_layer_logs
    def test_the_layer_logs_it(self):
        model = kml.attach_losses(autoencoder(), self.LOSS)
        model.compile("sgd")
        assert "decoded_loss" in model.evaluate({"image": IMAGE}, verbose=0, return_dict=True)

    def test_the_layer_is_told_of_a_missing_input(self):
        decoded = autoencoder().output["decoded"]
        with pytest.raises(ValueError, match="names an input that is not among the inputs"):
            kml.WeightedSumLossLayer(self.LOSS)({"decoded": decoded})


class TestFiles:
    def test_they_survive_json(self):
        term = kml.LossTerm(
            Weighed(),
            ["decoded", kml.from_input("image")],
            [kml.from_output("other", stop_gradient=False), "a", kml.from_input(0)],
        )
        restored = kml.LossTerm.from_config(json.loads(json.dumps(term.get_config())))
        assert restored.outputs == term.outputs
        assert restored.labels == term.labels

    @pytest.mark.parametrize("in_graph", [False, True])
    def test_a_fresh_process_evaluates_the_same(self, in_graph, tmp_path, fresh_process):
        loss, x = TestInTheGraph.LOSS, {"image": IMAGE} if in_graph else IMAGE
        model = kml.attach_losses(autoencoder(), loss) if in_graph else trained(loss)[0]
        if in_graph:
            model.compile("sgd")
        model.save(tmp_path / "model.keras")
        found = fresh_process.evaluate(tmp_path / "model.keras", x)
        expected = model.evaluate(x, verbose=0, return_dict=True)
        assert found == pytest.approx(expected, rel=1e-6)  # float32


class TestMessages:
    def test_an_unknown_input_or_output_is_told_at_compile(self):
        model = kml.MultiLossModel.from_model(autoencoder())
        with pytest.raises(ValueError, match="did you mean 'image'"):
            model.compile(loss=kml.LossTerm("mse", "decoded", labels=kml.from_input("imgae")))
        with pytest.raises(ValueError, match="names an output that the model does not have"):
            model.compile(loss=kml.LossTerm("mse", "decoded", labels=kml.from_output("teacher")))

    def test_a_term_needs_an_output_of_its_own(self):
        with pytest.raises(TypeError, match="a term needs an output"):
            kml.LossTerm("mse", kml.from_input("image"))

    def test_a_loop_of_ones_own_has_to_give_the_inputs(self):
        loss = kml.WeightedSumLoss([TestInTheGraph.LOSS])
        with pytest.raises(ValueError, match=r"loss\(y_true, y_pred, x=\.\.\.\)"):
            loss(None, {"decoded": IMAGE})
        assert float(loss(None, {"decoded": IMAGE}, x={"image": IMAGE})) == 0.0
