"""`PerOutputLoss`: one object for `compile(loss=...)` that treats each output in its own way."""

from typing import ClassVar

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from keras_multiloss.losses._masked_loss import MaskedLoss
from keras_multiloss.spec import PerOutputLoss
from tests import contracts
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_keras_2, needs_keras_3
from tests.losses.messages import exactly

#: Another order of sums in float32.
CLOSE = {"rel": 1e-6, "abs": 1e-7}


def losses():
    return {"age": keras.losses.Huber(delta=0.3), "sex": "binary_crossentropy"}


WEIGHTS = {"age": 0.1, "sex": 1.0}


def per_output(**arguments):
    return PerOutputLoss(losses(), weights={"age": 0.1}, **arguments)


def same_model(*, as_list=False):
    """`two_heads` with the weights of every other one."""
    keras.utils.set_random_seed(5)
    return two_heads(as_list=as_list)


def of_keras(*, as_list=False):
    """A model compiled with the dict of losses of Keras itself."""
    model = same_model(as_list=as_list)
    model.compile(keras.optimizers.SGD(0.1), loss=losses(), loss_weights=WEIGHTS)
    return model


def hosted(*, as_list=False):
    """The same model in `MultiLossModel`."""
    model = kml.MultiLossModel.from_model(same_model(as_list=as_list))
    model.compile(keras.optimizers.SGD(0.1), loss=per_output())
    return model


def plain(loss=None, *, as_list=False, **arguments):
    """The same model in `keras.Model`."""
    model = same_model(as_list=as_list)
    loss = per_output() if loss is None else loss
    model.compile(keras.optimizers.SGD(0.1), loss=loss, **arguments)
    return model


def raised_in_fit(loss=None, *, as_list=False):
    """The lines that training in `keras.Model` raises, without what tracing adds to them."""
    x, y = two_heads_data()
    model = plain(loss, as_list=as_list, run_eagerly=True)
    with pytest.raises(ValueError, match="WeightedSumLoss") as raised:
        model.fit(x, list(y.values()) if as_list else y, verbose=0)
    lines = str(raised.value).splitlines()
    return lines[: lines.index("-" * 20)] if "-" * 20 in lines else lines  # of JAX


def train_and_evaluate(model, x, y, sample_weight=None):
    """The loss after two epochs, and the weights."""
    options = {"batch_size": 8, "verbose": 0, "sample_weight": sample_weight}
    model.fit(x, y, epochs=2, shuffle=False, **options)
    logs = model.evaluate(x, y, return_dict=True, **options)
    return logs["loss"], model.get_weights()


def weights_by_output(n):
    rng = np.random.default_rng(2)
    return {name: rng.uniform(0.5, 2.0, size=n).astype("float32") for name in ("age", "sex")}


class TestAsASum:
    def test_it_is_the_sum_of_one_term_an_output(self):
        _, y = two_heads_data()
        outputs = {name: np.full_like(label, 0.3) for name, label in y.items()}
        terms = 0.1 * kml.LossTerm(losses()["age"], "age") + kml.LossTerm(losses()["sex"], "sex")
        assert float(per_output()(y, outputs)) == float(terms(y, outputs))
        assert per_output().names == ["age", "sex"]

    def test_outputs_may_be_addressed_by_position(self):
        loss = PerOutputLoss({0: "mse", 1: "mae"}, weights={1: 3.0})
        ones, twos = np.ones((2, 1)), np.full((2, 1), 2.0)
        assert float(loss([ones, ones], [twos, twos])) == 4.0

    def test_it_takes_sample_weights_by_name_and_some_may_be_missing(self):
        _, y = two_heads_data()
        outputs = {name: np.full_like(label, 0.3) for name, label in y.items()}
        nothing = np.zeros(len(y["age"]), "float32")
        loss = float(per_output()(y, outputs, {"age": nothing}))
        bce = keras.losses.BinaryCrossentropy()(y["sex"], outputs["sex"])
        assert loss == pytest.approx(float(bce), **CLOSE)

    def test_a_masked_loss_keeps_its_mask(self):
        label = {"a": np.float32([[1.0], [-1.0]]), "b": np.float32([[1.0], [1.0]])}
        outputs = {"a": np.float32([[3.0], [9.0]]), "b": np.float32([[1.0], [1.0]])}
        assert float(PerOutputLoss({"a": MaskedLoss("mse", -1), "b": "mse"})(label, outputs)) == 4.0


class TestPlainModel:
    """`keras.Model.compile(loss=per_output)`, of Keras 3."""

    @needs_keras_3
    @pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
    @pytest.mark.parametrize("in_a_list", [False, True], ids=["loss", "[loss]"])
    @pytest.mark.sample(2)
    def test_it_trains_as_the_dict_of_losses_of_keras(self, in_a_list, weighted):
        x, y = two_heads_data()
        weights = weights_by_output(len(x)) if weighted else None
        model = plain([per_output()] if in_a_list else per_output())
        expected, expected_weights = train_and_evaluate(of_keras(), x, y, weights)
        found, found_weights = train_and_evaluate(model, x, y, weights)
        # Losses are reduced by other operations, over a few steps in float32.
        assert found == pytest.approx(expected, rel=1e-5)
        for one, other in zip(found_weights, expected_weights, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)

    @needs_keras_3
    def test_outputs_in_a_list_go_by_position(self):
        x, y = two_heads_data()
        loss = PerOutputLoss({0: losses()["age"], 1: losses()["sex"]}, weights={0: 0.1})
        expected, _ = train_and_evaluate(of_keras(as_list=True), x, list(y.values()))
        found, _ = train_and_evaluate(plain(loss, as_list=True), x, list(y.values()))
        # Losses are reduced by other operations, over a few steps in float32.
        assert found == pytest.approx(expected, rel=1e-5)

    @needs_keras_3
    @pytest.mark.parametrize("suffix", [".keras", ".h5"])
    @pytest.mark.sample(1)
    def test_a_fresh_process_reloads_it_with_all_arguments(self, suffix, fresh_process, tmp_path):
        x, y = two_heads_data()
        model, path = plain(), tmp_path / f"model{suffix}"
        model.fit(x, y, verbose=0)
        model.save(path)
        expected = model.evaluate(x, y, verbose=0, return_dict=True)
        # The same operations, traced anew.
        assert fresh_process.evaluate(path, x, y) == pytest.approx(expected, rel=1e-6)

    @needs_keras_3
    def test_a_file_has_the_object_itself(self, model_path):
        plain().save(model_path)
        reloaded = keras.saving.load_model(model_path).loss
        assert isinstance(reloaded, PerOutputLoss)
        assert reloaded.losses["age"].get_config() == losses()["age"].get_config()
        assert reloaded.weights == WEIGHTS

    @needs_keras_3
    def test_a_misspelt_output_is_an_error_that_suggests_the_name(self):
        assert raised_in_fit(PerOutputLoss({"age": "mse", "sexx": "mse"})) == [
            "WeightedSumLoss: term 'sexx' names an output that is not among the outputs.",
            "  Expected: one of ['age', 'sex']",
            "  Received: 'sexx'",
            "  Hint: did you mean 'sex'?",
        ]

    @needs_keras_3
    def test_names_of_outputs_in_a_list_are_an_error_that_says_what_to_use(self):
        assert raised_in_fit(as_list=True) == [
            "WeightedSumLoss: term 'age' names an output that is not among the outputs.",
            "  Expected: one of [0, 1]",
            "  Received: 'age'",
            (
                "  Hint: a list has positions, not names: let the model return a dict "
                "(`MultiLossModel` also knows the names of a functional model), or give the term "
                "a position, `outputs=0`"
            ),
        ]

    ONE_AT_A_TIME: ClassVar = [
        "WeightedSumLoss: it was given one output, and its terms name several.",
        "  Expected: outputs ['age', 'sex'] by name",
        "  Received: one tensor",
        (
            "  Hint: `keras.Model.compile` shows a loss one output at a time: use "
            "`MultiLossModel.from_model(model)`"
        ),
    ]

    @needs_keras_2
    @pytest.mark.parametrize("in_a_list", [False, True], ids=["loss", "[loss]"])
    @pytest.mark.parametrize("as_list", [False, True], ids=["dict outputs", "list outputs"])
    def test_keras_2_shows_one_output_at_a_time_which_is_an_error(self, as_list, in_a_list):
        loss = [per_output()] if in_a_list else per_output()
        assert raised_in_fit(loss, as_list=as_list) == self.ONE_AT_A_TIME

    @needs_keras_3
    def test_in_a_list_for_outputs_in_a_list_it_sees_one_output_which_is_an_error(self):
        assert raised_in_fit([per_output()], as_list=True) == self.ONE_AT_A_TIME


class TestHosts:
    """`MultiLossModel` and `WeightedSumLossLayer`, on every Keras."""

    @pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
    @pytest.mark.parametrize("as_list", [False, True], ids=["dict outputs", "list outputs"])
    @pytest.mark.sample(2)
    def test_it_trains_as_the_dict_of_losses_of_keras(self, as_list, weighted):
        x, y = two_heads_data()
        labels = list(y.values()) if as_list else y
        weights = weights_by_output(len(x)) if weighted else None
        if as_list and weighted:
            weights = list(weights.values())
        expected, expected_weights = train_and_evaluate(
            of_keras(as_list=as_list), x, labels, weights
        )
        found, found_weights = train_and_evaluate(hosted(as_list=as_list), x, labels, weights)
        # Losses are reduced by other operations, over a few steps in float32.
        assert found == pytest.approx(expected, rel=1e-5)
        for one, other in zip(found_weights, expected_weights, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)

    def test_the_model_logs_each_output(self):
        x, y = two_heads_data()
        logs = hosted().evaluate(x, y, verbose=0, return_dict=True)
        assert logs["loss"] == pytest.approx(0.1 * logs["age_loss"] + logs["sex_loss"], rel=1e-6)

    def test_a_misspelt_output_is_an_error_of_compile(self):
        loss = PerOutputLoss({"age": "mse", "sexx": "mse"})
        message = exactly(
            "MultiLossModel.compile: term 'sexx' names an output that the model does not have.",
            "  Expected: one of ['age', 'sex']",
            "  Received: 'sexx'",
            "  Hint: did you mean 'sex'?",
        )
        with pytest.raises(ValueError, match=message):
            kml.MultiLossModel.from_model(two_heads()).compile("sgd", loss=loss)

    @pytest.mark.parametrize("host", ["model", "layer"])
    def test_a_fresh_process_reloads_either_host(self, host, fresh_process, model_path):
        x, y = two_heads_data()
        if host == "model":
            model, data = hosted(), (x, y)
        else:
            model = kml.attach_losses(same_model(), per_output())
            model.compile("sgd")
            data = ({"x": x, "age_label": y["age"], "sex_label": y["sex"]},)
        model.save(model_path)
        expected = model.evaluate(*data, verbose=0, return_dict=True)
        # The same operations, traced anew.
        assert fresh_process.evaluate(model_path, *data) == pytest.approx(expected, rel=1e-6)


def test_it_keeps_its_arguments():
    loss = per_output(name="both")
    contracts.config_survives_json(loss)
    contracts.arguments_are_attributes(loss)
    contracts.is_registered(PerOutputLoss)
    assert loss.weights == WEIGHTS


class TestErrors:
    def test_no_dict(self):
        message = exactly(
            "PerOutputLoss: `losses` is not a dict of losses.",
            "  Expected: a dict from the names of outputs to losses, {'age': 'mse', ...}",
            "  Received: ['mse', 'mae'] of type list",
        )
        with pytest.raises(TypeError, match=message):
            PerOutputLoss(["mse", "mae"])

    def test_one_output(self):
        message = exactly(
            "PerOutputLoss: `losses` does not have several outputs.",
            "  Expected: losses of two or more outputs",
            "  Received: {'age': 'mse'}",
            "  Hint: one loss needs no PerOutputLoss: compile(loss={'output': loss})",
        )
        with pytest.raises(ValueError, match=message):
            PerOutputLoss({"age": "mse"})

    def test_a_weight_of_an_output_without_a_loss(self):
        message = exactly(
            "PerOutputLoss: `weights` names an output that has no loss.",
            "  Expected: one of ['age', 'sex']",
            "  Received: 'sexx'",
            "  Hint: did you mean 'sex'?",
        )
        with pytest.raises(ValueError, match=message):
            PerOutputLoss(losses(), weights={"sexx": 2.0})

    def test_weights_that_are_no_dict(self):
        message = exactly(
            "PerOutputLoss: `weights` is not a dict of weights.",
            "  Expected: a dict from the names of outputs to numbers, {'age': 0.5}",
            "  Received: [1, 2] of type list",
        )
        with pytest.raises(TypeError, match=message):
            PerOutputLoss(losses(), weights=[1, 2])

    def test_what_no_file_could_restore_names_the_output(self):
        with pytest.raises(ValueError, match="LossTerm 'age': `loss` cannot be saved"):
            PerOutputLoss({"age": lambda y_true, y_pred: y_pred, "sex": "mse"})

    def test_a_tampered_config(self):
        joint = kml.LossTerm(kml.losses.ConsistencyLoss(), ["a", "b"], None)
        message = exactly(
            "PerOutputLoss.from_config: term 'a_b' has several outputs.",
            "  Expected: one output per term",
            "  Received: ['a', 'b']",
        )
        with pytest.raises(ValueError, match=message):
            PerOutputLoss.from_config(kml.WeightedSumLoss([joint]).get_config())

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("mask", -1.0),
            ("labels", "other"),
            ("sample_weight", "weight"),
            ("class_weight", {"1": 2.0}),
            ("required", False),
        ],
    )
    def test_a_config_that_says_more_than_it_can_hold(self, key, value):
        config = PerOutputLoss({"age": "mse", "sex": "mse"}).get_config()
        config["terms"][1][key] = value
        with pytest.raises(ValueError, match=f"the config has a value of '{key}' that one loss"):
            PerOutputLoss.from_config(config)

    def test_a_config_with_a_weighting(self):
        config = PerOutputLoss({"age": "mse", "sex": "mse"}).get_config()
        total = kml.LossTerm("mse", "age") + kml.LossTerm("mse", "sex")
        rule = kml.WeightedSumLoss(total, weighting="uncertainty").get_config()["weighting"]
        with pytest.raises(ValueError, match="the config has a value of 'weighting'"):
            PerOutputLoss.from_config({**config, "weighting": rule})
