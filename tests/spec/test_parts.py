"""Losses whose `call` returns a dict of parts."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops, set_keras_mask
from tests.conftest import two_heads, two_heads_data

register = keras.saving.register_keras_serializable(package="test_parts")
RNG = np.random.default_rng(1)
X, Y = two_heads_data(20)


@register
class Parts(kml.JointLoss):
    """Squared and absolute distance of an output."""

    def call(self, y_true, y_pred):
        difference = (y_true - y_pred)[:, 0]
        return {"near": difference**2, "far": ops.abs(difference)}


@register
class AsOneNumber(kml.JointLoss):
    """The same in one number."""

    def call(self, y_true, y_pred):
        difference = (y_true - y_pred)[:, 0]
        return difference**2 + ops.abs(difference)


@register
def parts_of_function(y_true, y_pred):
    return {"near": (y_true - y_pred)[:, 0] ** 2, "far": ops.abs(y_true - y_pred)[:, 0]}


@register
class OfOtherShapes(kml.JointLoss):
    """A value for each sample, for each step of it, and for the batch."""

    def call(self, y_true, y_pred):
        return {
            "sample": y_pred[:, 0, 0],
            "steps": ops.mean(y_pred**2, -1),
            "batch": ops.mean(y_pred),
        }


def one_head():
    """The head for the age alone, as a step wants a gradient of every variable."""
    whole = two_heads()
    return kml.MultiLossModel(whole.input, {"age": whole.output["age"]})


DECAY = keras.optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)


def logs_of(loss, *, fits=False, sample_weight=None, y=Y, **compiled):
    keras.utils.set_random_seed(3)
    model = one_head() if fits else kml.MultiLossModel.from_model(two_heads())
    model.compile(keras.optimizers.SGD(0.01), loss=loss, **compiled)
    if not fits:
        options = {"sample_weight": sample_weight, "batch_size": 7, "verbose": 0}
        return model.evaluate(X, y, return_dict=True, **options)
    history = model.fit(X, y, sample_weight=sample_weight, batch_size=10, verbose=0, epochs=2)
    return {name: values[-1] for name, values in history.history.items()}


def of_term(**arguments):
    return kml.LossTerm(Parts(), "age", name="dist", **arguments)


def close(value):
    return pytest.approx(value, rel=1e-5)  # float32 sums of 20 numbers


@pytest.mark.parametrize("loss", [Parts(), parts_of_function], ids=["class", "function"])
def test_each_part_is_logged_and_the_term_is_their_sum(loss):
    logs = logs_of(kml.LossTerm(loss, "age", name="dist"))
    assert set(logs) == {"loss", "dist_loss", "dist_near_loss", "dist_far_loss"}
    assert logs["dist_loss"] == close(logs["dist_near_loss"] + logs["dist_far_loss"])
    assert logs["loss"] == close(logs["dist_loss"])
    assert logs["dist_loss"] == close(logs_of(kml.LossTerm(AsOneNumber(), "age"))["age_loss"])


def test_weights_of_parts_count_in_the_term_and_not_in_their_logs():
    plain = logs_of(of_term())
    weighed = logs_of(of_term(weight=2.0, part_weights={"near": 5.0}))
    assert weighed["dist_near_loss"] == close(plain["dist_near_loss"])
    assert weighed["dist_loss"] == close(5 * plain["dist_near_loss"] + plain["dist_far_loss"])
    assert weighed["loss"] == close(2 * weighed["dist_loss"])


@pytest.mark.parametrize("weights", [{"near": 0.0}, {"near": 0.25}, {}])
def test_the_gradients_are_those_of_the_weighed_sum(weights):
    def trained(loss):
        keras.utils.set_random_seed(3)
        model = one_head()
        model.compile(keras.optimizers.SGD(0.01), loss=loss)
        model.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    near = weights.get("near", 1.0)
    by_hand = near * kml.LossTerm("mse", "age", name="a") + kml.LossTerm("mae", "age", name="b")
    ours = trained(of_term(part_weights=weights))
    for value, expected in zip(ours, trained(by_hand), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)  # float32


def test_missing_labels_and_sample_weights_count_for_parts_as_for_their_term():
    gaps = {**Y, "age": np.where(np.arange(20)[:, None] % 3 == 0, np.nan, Y["age"])}
    weights = np.linspace(0.0, 2.0, 20).astype("float32")
    logs = logs_of(of_term(mask="nan"), sample_weight=weights, y=gaps)
    parts = {"near": kml.LossTerm("mse", "age", mask="nan", name="near")}
    parts["far"] = kml.LossTerm("mae", "age", mask="nan", name="far")
    alone = logs_of(parts["near"] + parts["far"], sample_weight=weights, y=gaps)
    assert logs["dist_near_loss"] == close(alone["near_loss"])
    assert logs["dist_far_loss"] == close(alone["far_loss"])


def test_a_schedule_weighs_a_part_and_is_logged():
    logs = logs_of(of_term(part_weights={"far": DECAY}), fits=True)
    assert logs["dist_far_weight"] == close((0.25 + 0.125) / 2)  # steps 2 and 3
    assert "dist_weight" not in logs


def test_parts_of_other_shapes_become_one_value_per_sample():
    output = RNG.normal(size=(4, 3, 2))
    found = kml.WeightedSumLoss([kml.LossTerm(OfOtherShapes(), "o", None)]).term_losses(
        None, {"o": output}
    )
    assert float(found["o_sample"]) == close(output[:, 0, 0].mean())
    assert float(found["o_steps"]) == close((output**2).mean())
    assert float(found["o_batch"]) == close(output.mean())
    parts = sum(float(found[f"o_{part}"]) for part in ("sample", "steps", "batch"))
    assert float(found["o"]) == close(parts)


def test_each_part_counts_what_its_own_mask_says():
    @register
    def half_there(y_true, y_pred):
        parts = {"left": y_pred[:, 0] + 0.0, "right": y_pred[:, 0] + 0.0}
        set_keras_mask(parts["left"], ops.convert_to_tensor([True, True, False, False]))
        set_keras_mask(parts["right"], ops.convert_to_tensor([False, True, True, False]))
        return parts

    outputs = {"o": np.array([[1.0], [2.0], [4.0], [8.0]], "float32")}
    found = kml.WeightedSumLoss([kml.LossTerm(half_there, "o", None)]).term_losses(None, outputs)
    assert float(found["o_left"]) == close((1 + 2) / 3)  # the last sample counts in neither
    assert float(found["o_right"]) == close((2 + 4) / 3)
    assert float(found["o"]) == close(9 / 3)


def test_a_loss_called_by_itself_gives_the_sum():
    y_true, y_pred = np.ones((4, 1), "float32"), np.full((4, 1), 3.0, "float32")
    assert float(Parts()(y_true, y_pred)) == 6.0
    np.testing.assert_array_equal(np.asarray(Parts(reduction="none")(y_true, y_pred)), [6.0] * 4)


@pytest.mark.parametrize(
    "outer",
    [
        kml.losses.MaskedLoss,
        lambda inner: kml.losses.DeepSupervisionLoss(inner, weights=[1.0, 0.0]),
    ],
    ids=["masked", "supervision"],
)
def test_a_loss_with_parts_inside_another_counts_as_its_sum(outer):
    y_true, y_pred = np.ones((4, 1), "float32"), np.full((4, 1), 3.0, "float32")
    loss = outer(parts_of_function)
    is_masked = isinstance(loss, kml.losses.MaskedLoss)
    assert float(loss(y_true, y_pred if is_masked else (y_pred, y_true))) == 6.0


class TestAsTasks:
    @staticmethod
    def term(**weights):
        return of_term(part_weights={"near": 1.0, "far": 1.0, **weights}, parts_as_tasks=True)

    def test_the_log_has_the_term_as_well(self):
        logs = logs_of(self.term(near=3.0))
        plain = logs_of(of_term(part_weights={"near": 3.0}))
        assert logs == close(plain)

    def test_a_weighting_weighs_each_part(self):
        loss = kml.WeightedSumLoss([self.term()], weighting="uncertainty")
        logs = logs_of(loss, fits=True)
        assert {"dist_near_weight", "dist_far_weight"} < set(logs)
        assert "dist_weight" not in logs
        one_task = kml.WeightedSumLoss([of_term()], weighting="uncertainty")
        assert "dist_weight" in logs_of(one_task, fits=True)

    def test_an_aggregator_balances_them(self):
        model = one_head()
        model.compile("sgd", loss=self.term(), aggregator="upgrad")
        assert model.aggregator_state().tasks == ["dist_near", "dist_far"]
        assert model.task_gramian(X, Y).shape == (2, 2)
        model.fit(X, Y, verbose=0)

    def test_their_weights_are_those_of_the_term_times_those_of_the_parts(self):
        loss = 2 * self.term(near=3.0) + kml.LossTerm("mse", "age")
        assert loss.weights_at() == {"dist_near": 6.0, "dist_far": 2.0, "age": 1.0}
        with_schedule = (2 * self.term(near=DECAY)).scaled_by(2.0)
        weights = kml.WeightedSumLoss([with_schedule]).weights_at(1)
        assert float(weights["dist_near"]) == pytest.approx(2.0)

    def test_a_schedule_moves_a_task(self):
        logs = logs_of(self.term(far=DECAY), fits=True)
        assert logs["dist_far_weight"] == close((0.25 + 0.125) / 2)

    def test_a_part_without_a_name_is_told(self):
        term = of_term(part_weights={"near": 1.0}, parts_as_tasks=True)
        with pytest.raises(ValueError, match="has no weight in `part_weights`"):
            logs_of(term)
        with pytest.raises(ValueError, match="the parts that are tasks have no names"):
            of_term(parts_as_tasks=True)

    def test_two_schedules_of_one_task_are_refused(self):
        with pytest.raises(ValueError, match="a task would follow two schedules"):
            of_term(weight=DECAY, part_weights={"near": DECAY}, parts_as_tasks=True)


class TestFiles:
    def test_weights_of_parts_survive(self):
        term = of_term(part_weights={"near": 5.0, "far": DECAY})
        loss = term + kml.LossTerm("mse", "sex")
        config = kml.WeightedSumLoss.from_config(loss.get_config()).get_config()
        assert config == loss.get_config()

    def test_names_of_tasks_are_those_of_their_state(self):
        term = TestAsTasks.term()
        loss = kml.WeightedSumLoss([term], weighting="dwa")
        restored = kml.WeightedSumLoss.from_config(loss.get_config())
        assert restored.task_names == ["dist_near", "dist_far"]
        assert restored.names == ["dist"]


class TestMessages:
    @pytest.mark.parametrize(
        ("term", "text"),
        [
            (of_term(part_weights={"nera": 2.0}), "did you mean 'near'"),
            (
                kml.LossTerm(AsOneNumber(), "age", part_weights={"near": 2.0}),
                "a loss that returns one tensor",
            ),
            (kml.LossTerm("mse", "age", part_weights={"a": 2.0}), "a loss that returns one tensor"),
        ],
    )
    def test_weights_of_unknown_parts_are_told(self, term, text):
        with pytest.raises(ValueError, match=text):
            logs_of(term)

    def test_a_part_that_would_be_logged_as_a_term_is_told(self):
        with pytest.raises(ValueError, match="would be logged as 'dist_near_loss'"):
            logs_of(of_term() + kml.LossTerm("mse", "age", name="dist_near"))
        with pytest.raises(ValueError, match="would be logged as 'dist_near_loss'"):
            of_term(part_weights={"near": 1.0}) + kml.LossTerm("mse", "age", name="dist_near")

    @pytest.mark.parametrize("parts", [{}, {1: 2.0}, {"a": [1.0]}], ids=str)
    def test_what_is_no_dict_of_parts_is_told(self, parts):
        @register
        def odd(y_true, y_pred):
            return parts

        with pytest.raises((ValueError, TypeError), match="a dict that is not one of parts"):
            logs_of(kml.LossTerm(odd, "age"))

    def test_pairs_in_a_part_are_told(self):
        @register
        def pairs(y_true, y_pred):
            return {"wide": y_true - ops.reshape(y_pred, (1, -1))}

        with pytest.raises(ValueError, match="part 'wide': the loss compares each sample"):
            kml.LossTerm(pairs, "age").value({"age": Y["age"]}, {"age": Y["age"]})

    def test_more_parts_than_the_log_has_room_for_are_told(self):
        @register
        def many(y_true, y_pred):
            return {f"p{i}": (y_true - y_pred)[:, 0] for i in range(33)}

        with pytest.raises(ValueError, match="part 'age_p32' is one too many"):
            logs_of(kml.LossTerm(many, "age"))
