"""`LossTerm`: its arguments, its arithmetic and its config."""

import inspect
import json
import math

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.spec import ADDED_LATER, ARGUMENTS
from tests.conftest import variable

register = keras.saving.register_keras_serializable(package="test_terms")
PIECEWISE = keras.optimizers.schedules.PiecewiseConstantDecay([2], [1.0, 0.25])


@register
def own_function(y_true, y_pred):
    return y_pred[:, 0]


@register
class Difference(kml.JointLoss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.abs(y_pred[0] - y_pred[1]), axis=-1)


def every_argument():
    return kml.LossTerm(
        keras.losses.Huber(2.0),
        "age",
        "years",
        weight=0.5,
        name="old",
        mask=-1,
        sample_weight="trust",
        class_weight={0: 1.0, 1: 5.0},
        required=False,
    )


TERMS = [
    kml.LossTerm("mse", "age"),
    kml.LossTerm("binary_crossentropy", 0, mask="nan"),
    kml.LossTerm(Difference(), ["left", "right"], None),
    kml.LossTerm(own_function, "age", "years", weight=PIECEWISE),
    3 * kml.LossTerm("mae", "age", weight=PIECEWISE),
    every_argument(),
]


class TestArguments:
    def test_each_is_an_attribute(self):
        term = every_argument()
        assert isinstance(term.loss, keras.losses.Huber)
        assert (term.outputs, term.labels, term.weight, term.name) == ("age", "years", 0.5, "old")
        assert (term.mask, term.sample_weight, term.required) == (-1, "trust", False)
        assert term.class_weight == {0: 1.0, 1: 5.0}

    def test_the_list_of_arguments_is_that_of_the_constructor(self):
        assert list(ARGUMENTS) == list(inspect.signature(kml.LossTerm).parameters)

    def test_labels_are_by_default_those_of_the_outputs_names(self):
        assert kml.LossTerm("mse", "age").labels == "age"
        assert kml.LossTerm("mse", 1).labels == 1
        assert kml.LossTerm(Difference(), ("a", "b")).labels == ["a", "b"]
        assert kml.LossTerm(Difference(), ["a", "b"], None).labels is None

    def test_the_default_reads_well_in_the_signature(self):
        assert "labels: 'Keys' = <same as outputs>" in str(inspect.signature(kml.LossTerm))

    def test_the_lists_of_keys_are_lists_for_one_key_too(self):
        term = kml.LossTerm("mse", "age", "years")
        assert (term.output_keys, term.label_keys) == (["age"], ["years"])
        assert kml.LossTerm(Difference(), ["a", "b"], None).label_keys == []

    @pytest.mark.parametrize(
        ("term", "name"),
        [
            (kml.LossTerm("mse", "age"), "age"),
            (kml.LossTerm("mse", "age", name="old"), "old"),
            (kml.LossTerm("mse", "head/box"), "head/box"),
            (kml.LossTerm("mse", 1), "output_1"),
            (kml.LossTerm(Difference(), ["a", 1], None), "a_output_1"),
        ],
    )
    def test_a_term_is_called_after_its_outputs(self, term, name):
        assert term.default_name == name

    @pytest.mark.parametrize(
        ("arguments", "kind", "text"),
        [
            ({"outputs": None}, TypeError, "a term needs an output"),
            ({"outputs": []}, ValueError, "`outputs` must not be empty"),
            ({"outputs": True}, ValueError, "`outputs` must be a name or a position"),
            ({"labels": 1.5}, ValueError, "`labels` must be a name or a position"),
            ({"labels": ""}, ValueError, "`labels` must not be empty"),
            ({"weight": math.nan}, ValueError, "`weight` must be finite"),
            ({"weight": True}, TypeError, "`weight` must be a number"),
            ({"weight": "1"}, TypeError, "`weight` must be a number"),
            ({"weight": variable(1.0)}, TypeError, "a loss cannot own a variable"),
            ({"name": ""}, ValueError, "`name` must not be empty"),
            ({"name": 1}, TypeError, "`name` must be a name"),
            ({"mask": "missing"}, ValueError, "`mask` cannot mark missing labels"),
            ({"mask": True}, TypeError, "`mask` cannot mark missing labels"),
            ({"sample_weight": np.ones(3)}, TypeError, "`sample_weight` must be a name"),
            ({"class_weight": [1.0]}, TypeError, "`class_weight` is not a dict"),
            ({"class_weight": {0.5: 1.0}}, ValueError, "is not a class number"),
            ({"required": 1}, TypeError, "`required` must be True or False"),
            ({"loss": 1}, TypeError, "`loss` is not a loss"),
            ({"outputs": ["a", "b"]}, ValueError, "a loss of Keras takes one output"),
            ({"loss": "categorical_crossentropy", "labels": None}, ValueError, "needs a label"),
            (
                {"loss": Difference(), "labels": None, "class_weight": {0: 1.0}},
                ValueError,
                "`class_weight` needs one label",
            ),
        ],
    )
    def test_arguments_that_do_not_fit_raise(self, arguments, kind, text):
        with pytest.raises(kind, match=text):
            kml.LossTerm(**{"loss": "mse", "outputs": "age", **arguments})

    def test_a_sum_is_not_the_loss_of_a_term(self):
        loss = kml.WeightedSumLoss([kml.LossTerm("mse", "age")])
        with pytest.raises(TypeError, match="`loss` is itself a sum of terms"):
            kml.LossTerm(loss, "age")

    def test_the_message_names_the_term(self):
        with pytest.raises(TypeError, match="LossTerm 'old': `mask`"):
            kml.LossTerm("mse", "age", name="old", mask=[1])

    def test_an_object_of_the_other_keras_is_refused(self):
        other = "tf_keras" if keras.__name__.split(".")[0] == "keras" else "keras"
        foreign = type("Foreign", (), {"__module__": f"{other}.losses", "__call__": own_function})
        with pytest.raises(TypeError, match=f"(?s)`loss` belongs to a different Keras.*`{other}`"):
            kml.LossTerm(foreign(), "age")
        with pytest.raises(TypeError, match="`weight` belongs to a different Keras"):
            kml.LossTerm("mse", "age", weight=foreign())

    @pytest.mark.skipif(keras.__name__.split(".")[0] == "keras", reason="no other Keras is here")
    def test_real_objects_of_the_other_keras_are_refused(self):
        import keras as other

        schedule = other.optimizers.schedules.PolynomialDecay(1.0, 10)
        for loss in (other.losses.MeanSquaredError(), other.losses.mean_squared_error):
            with pytest.raises(TypeError, match="`loss` belongs to a different Keras"):
                kml.LossTerm(loss, "age")
        with pytest.raises(TypeError, match="`weight` belongs to a different Keras"):
            kml.LossTerm("mse", "age", weight=schedule)


class TestArithmetic:
    def test_a_number_scales_the_weight_and_nothing_else(self):
        before = every_argument()
        for after in (before * 3, 3 * before, np.float64(3) * before, before * np.float32(3)):
            assert after.weight == 1.5
            assert {**after.get_config(), "weight": 0.5} == before.get_config()

    def test_a_number_scales_a_schedule_at_every_step(self):
        term = 2 * (0.5 * kml.LossTerm("mse", "age", weight=PIECEWISE)) * 3
        assert [float(term.weight(step)) for step in (0, 5)] == [3.0, 0.75]

    @pytest.mark.parametrize("factor", [math.inf, math.nan, "2", True, None, variable(2.0)])
    def test_only_finite_numbers_scale(self, factor):
        with pytest.raises((TypeError, ValueError), match="LossTerm: `factor` must be"):
            kml.LossTerm("mse", "age") * factor

    def test_terms_add_up_to_a_sum(self):
        a, b = kml.LossTerm("mse", "a"), kml.LossTerm("mse", "b")
        assert (a + b).terms == (a, b)
        assert sum([a, b]).terms == (a, b)
        assert sum([a]).terms == (a,)

    @pytest.mark.parametrize("other", [1, "mse", None, 0.5, [], keras.losses.MeanSquaredError()])
    def test_a_term_and_something_else_do_not_add_up(self, other):
        with pytest.raises(TypeError, match="unsupported operand"):
            kml.LossTerm("mse", "a") + other


class TestConfig:
    @pytest.mark.parametrize("term", TERMS, ids=repr)
    def test_it_survives_json(self, term):
        after = kml.LossTerm.from_config(json.loads(json.dumps(term.get_config())))
        assert after.get_config() == term.get_config()
        assert type(after.loss) is type(term.loss)
        assert after.class_weight == term.class_weight

    @pytest.mark.parametrize("key", [key for key in ARGUMENTS if key not in ADDED_LATER])
    def test_a_config_that_lost_an_argument_is_refused(self, key):
        config = kml.LossTerm("mse", "age", mask="nan").get_config()
        del config[key]
        with pytest.raises(ValueError, match=f"LossTerm.from_config: the config has no '{key}'"):
            kml.LossTerm.from_config(config)

    @pytest.mark.parametrize("key", ADDED_LATER)
    def test_a_config_of_the_time_before_an_argument_loads(self, key):
        term = kml.LossTerm("mse", "age", mask="nan")
        config = term.get_config()
        del config[key]
        assert kml.LossTerm.from_config(config).get_config() == term.get_config()

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"extra": 1}, "unknown argument"),
            ({"loss": None}, "LossTerm 'old': `loss` is not a loss"),
            ({"loss": "msee"}, "LossTerm 'old': no loss has this name"),
            ({"loss": {"registered_name": "a>B"}}, "LossTerm 'old': `loss`: a part of the file"),
            ({"weight": {"registered_name": "a>B"}}, "LossTerm 'old': `weight`: a part of the"),
            ({"weight": None}, "LossTerm 'old': `weight` must be a number"),
            ({"weight": {"registered_name": "Huber", "config": {}}}, "LossTerm 'old': `weight`"),
            ({"outputs": {}}, "LossTerm 'old': `outputs` must be a name"),
            ({"labels": {"from_input": 1.5}}, "`name` must be a name or a position"),
            ({"labels": {"from_output": "a"}}, "the config has no 'stop_gradient'"),
            ({"reduction": "avg"}, "LossTerm 'old': `reduction`"),
            ({"part_weights": 5}, "LossTerm 'old': `part_weights` must be a dict"),
            ({"part_weights": {"a": None}}, r"`part_weights\['a'\]` must be a number"),
            ({"parts_as_tasks": True}, "the parts that are tasks have no names"),
            ({"class_weight": {"a": 1.0}}, "a key of `class_weight` is not a class number"),
            ({"class_weight": 5}, "`class_weight` is not a dict"),
            ({"required": "no"}, "`required` must be True or False"),
            ({"name": 5}, "`name` must be a name"),
        ],
        ids=str,
    )
    def test_a_tampered_config_raises_and_names_the_part(self, change, text):
        config = {**every_argument().get_config(), **change}
        with pytest.raises((TypeError, ValueError), match=text):
            kml.LossTerm.from_config(config)

    @pytest.mark.parametrize("missing", ["loss", "outputs"])
    def test_a_config_without_a_part_says_which(self, missing):
        config = every_argument().get_config()
        del config[missing]
        with pytest.raises(
            ValueError, match=f"LossTerm.from_config: the config has no '{missing}'"
        ):
            kml.LossTerm.from_config(config)

    def test_a_config_is_not_changed_by_reading_it(self):
        config = every_argument().get_config()
        before = json.dumps(config)
        kml.LossTerm.from_config(config)
        assert json.dumps(config) == before


def test_a_term_shows_what_it_is():
    assert repr(kml.LossTerm("mse", "age", "years", weight=2)) == (
        "<LossTerm 'age': 2.0 * mean_squared_error(outputs='age', labels='years')>"
    )
    assert "PiecewiseConstantDecay * " in repr(kml.LossTerm("mse", "age", weight=PIECEWISE))
