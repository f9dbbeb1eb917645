"""`JointLoss`: what a subclass gets, and what its values become."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.lanes import needs_keras_3


@keras.saving.register_keras_serializable(package="tests")
class Seen(kml.JointLoss):
    """Remembers what it was called with; its values are 1, 2, 3, ..."""

    def call(self, y_true, y_pred):
        self.y_true, self.y_pred = y_true, y_pred
        first = y_pred[0] if isinstance(y_pred, tuple) else y_pred
        return ops.convert_to_tensor(np.arange(1, first.shape[0] + 1, dtype="float32"))


A, B = np.zeros((3, 1), "float32"), np.ones((3, 1), "float32")
OUTPUTS = {"a": A, "b": B}


@pytest.mark.parametrize(
    ("outputs", "labels", "n_outputs", "n_labels"),
    [("a", "a", None, None), (["a"], ["a", "b"], 1, 2), (["b", "a"], "a", 2, None)],
    ids=["tensors", "tuples", "mixed"],
)
def test_names_give_tensors_and_lists_give_tuples(outputs, labels, n_outputs, n_labels):
    loss = Seen()
    kml.LossTerm(loss, outputs, labels).value(OUTPUTS, OUTPUTS)
    for seen, count in [(loss.y_pred, n_outputs), (loss.y_true, n_labels)]:
        assert isinstance(seen, tuple) == (count is not None)
        assert count is None or len(seen) == count


def test_the_order_is_that_of_the_term():
    loss = Seen()
    kml.LossTerm(loss, ["b", "a"], None).value({}, OUTPUTS)
    assert [float(ops.convert_to_numpy(x)[0, 0]) for x in loss.y_pred] == [1.0, 0.0]
    assert loss.y_true is None


def test_labels_keep_their_dtype_and_outputs_become_float32():
    loss = Seen()
    labels = {"id": np.array([16777217, 1, 2], "int32")}
    outputs = {"a": A.astype("float16")}
    kml.LossTerm(loss, "a", "id").value(labels, outputs)
    assert int(np.asarray(ops.convert_to_numpy(loss.y_true)).ravel()[0]) == 16777217
    assert "float32" in str(loss.y_pred.dtype)


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [("sum_over_batch_size", 2.0), ("sum", 6.0), ("mean_with_sample_weight", 2.0)],
)
def test_reductions(reduction, expected):
    loss = Seen(reduction=reduction)
    assert float(loss(None, (A, B))) == pytest.approx(expected)
    term = kml.LossTerm(Seen(reduction=reduction), ["a", "b"], None)
    assert float(term.value({}, OUTPUTS)) == pytest.approx(expected)


def test_no_reduction_gives_values_outside_a_term_and_their_mean_inside():
    values = Seen(reduction="none")(None, (A, B))
    np.testing.assert_array_equal(ops.convert_to_numpy(values), [1.0, 2.0, 3.0])
    term = kml.LossTerm(Seen(reduction="none"), ["a", "b"], None)
    assert float(term.value({}, OUTPUTS)) == pytest.approx(2.0)


def test_sample_weights_weigh_the_values():
    weights = np.array([1.0, 0.0, 1.0], "float32")
    # (1 + 3) / 3
    assert float(Seen()(None, (A, B), weights)) == pytest.approx(4 / 3)


def test_samples_that_lack_any_label_are_left_out():
    labels = {"a": np.array([[0.0], [np.nan], [0.0]], "float32"), "b": np.zeros((3, 1), "float32")}
    term = kml.LossTerm(Seen(), ["a"], ["a", "b"], mask="nan")
    assert float(term.value(labels, OUTPUTS)) == pytest.approx((1 + 3) / 2)


def test_one_value_for_the_batch_takes_no_sample_weights_and_no_mask():
    @keras.saving.register_keras_serializable(package="tests")
    class Whole(kml.JointLoss):
        def call(self, y_true, y_pred):
            return ops.sum(y_pred)

    term = kml.LossTerm(Whole(), "b", None)
    assert float(term.value({}, OUTPUTS)) == 3.0
    with pytest.raises(ValueError, match="one value per sample"):
        term.value({}, OUTPUTS, np.ones(3, "float32"))


def test_a_subclass_without_a_call_says_so():
    @keras.saving.register_keras_serializable(package="tests")
    class Empty(kml.JointLoss):
        pass

    with pytest.raises(NotImplementedError, match="Empty"):
        Empty()(None, (A, B))


@needs_keras_3
def test_a_plain_model_hands_a_joint_loss_its_whole_dict_of_outputs():
    x = keras.Input((2,))
    model = keras.Model(x, {n: keras.layers.Dense(1, name=n)(x) for n in ("left", "right")})
    loss = kml.LossTerm(kml.losses.ConsistencyLoss(), ["left", "right"], None, name="agree")
    loss += kml.LossTerm("mse", "left")
    model.compile("sgd", loss=[loss])
    labels = {"left": np.zeros((4, 1)), "right": np.zeros((4, 1))}
    assert np.isfinite(model.evaluate(np.ones((4, 2)), labels, verbose=0))
