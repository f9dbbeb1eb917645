"""`WeightedKappaLoss`: Cohen's kappa of counts, and batches that have none."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import ops
from keras_multiloss.losses._kappa import WeightedKappaLoss
from tests.losses.gradients import finite_differences, gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(4)
CLASSES = np.array([0, 1, 2, 3, 1, 2, 0, 3, 3, 1])
LABELS = np.eye(4)[CLASSES]
OUTPUTS = RNG.dirichlet(np.ones(4), 10)
LEAST = np.log(1e-6)

every_weightage = pytest.mark.parametrize("weightage", ["quadratic", "linear"])

#: The logarithm of a ratio of two sums of some 40 products in float32.
TOLERANCE = {"rel": 2e-6, "abs": 2e-6}


def value(label, output, n_classes=4, **arguments):
    label, output = (ops.convert_to_tensor(np.asarray(x, "float32")) for x in (label, output))
    return float(WeightedKappaLoss(n_classes, **arguments).call(label, output))


def reference(classes, outputs, weightage, epsilon=1e-6):
    """The sums over pairs: of each sample with itself, and of each label with each output."""
    n, n_classes = outputs.shape

    def disagreement(label, output):
        steps = np.abs(label - np.arange(n_classes))
        return np.sum(output * (steps if weightage == "linear" else steps**2))

    observed = sum(disagreement(classes[i], outputs[i]) for i in range(n)) / n
    expected = sum(disagreement(a, b) for a in classes for b in outputs) / n**2
    return np.log(observed / expected + epsilon)


@every_weightage
def test_values_equal_the_reference(weightage):
    expected = reference(CLASSES, OUTPUTS, weightage)
    assert value(LABELS, OUTPUTS, weightage=weightage) == pytest.approx(expected, **TOLERANCE)


@every_weightage
def test_gradients_equal_finite_differences_of_the_reference(weightage):
    labels = ops.convert_to_tensor(LABELS.astype("float32"))
    loss = WeightedKappaLoss(4, weightage)
    found = gradients(lambda output: loss.call(labels, output), (OUTPUTS,))
    expected = finite_differences(lambda output: reference(CLASSES, output, weightage), (OUTPUTS,))
    np.testing.assert_allclose(found[0], expected[0], rtol=2e-5, atol=2e-6)


def test_two_raters_by_hand():
    # Raters agree on 3 of 4 samples, and differ by one class once: observed 1 / 4. Counts of
    # (2, 2) and (1, 3) expect 2 * 3 / 16 + 2 * 1 / 16 = 1 / 2; kappa is 1 - 1 / 2.
    label, output = np.eye(2)[[0, 0, 1, 1]], np.eye(2)[[0, 1, 1, 1]]
    assert value(label, output, 2) == pytest.approx(np.log(0.5 + 1e-6), **TOLERANCE)


def test_full_agreement_gives_the_least_value():
    assert value(LABELS, LABELS) == pytest.approx(LEAST)
    assert value(LABELS, LABELS, epsilon=0.5) == pytest.approx(np.log(0.5))
    assert value(LABELS, LABELS, epsilon=None) == pytest.approx(LEAST)


@every_weightage
def test_outputs_that_ignore_the_sample_agree_by_chance(weightage):
    outputs = np.tile([[0.1, 0.2, 0.3, 0.4]], (10, 1))
    assert value(LABELS, outputs, weightage=weightage) == pytest.approx(0.0, abs=5e-6)


def test_far_mistakes_cost_more():
    near, far = np.eye(4)[[1, 1, 2, 3]], np.eye(4)[[3, 1, 2, 3]]
    label = np.eye(4)[[0, 1, 2, 3]]
    assert value(label, near) < value(label, far)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_no_expected_disagreement_gives_the_least_value(n):
    one_class = np.eye(4)[[2] * n].reshape(n, 4)
    assert value(one_class, one_class) == pytest.approx(LEAST)
    labels = ops.convert_to_tensor(one_class.astype("float32"))
    found = gradients(lambda output: WeightedKappaLoss(4).call(labels, output), (one_class,))
    assert np.isfinite(found[0]).all()


def test_one_uncertain_sample_agrees_by_chance():
    assert value(LABELS[:1], OUTPUTS[:1]) == pytest.approx(0.0, abs=2e-6)


def test_repeating_a_batch_changes_nothing():
    twice = value(np.concatenate([LABELS] * 2), np.concatenate([OUTPUTS] * 2))
    assert twice == pytest.approx(value(LABELS, OUTPUTS), **TOLERANCE)


def test_reversing_the_order_of_the_classes_changes_nothing():
    assert value(LABELS[:, ::-1], OUTPUTS[:, ::-1]) == pytest.approx(
        value(LABELS, OUTPUTS), **TOLERANCE
    )


def test_it_is_a_float32_scalar_for_every_dtype():
    for dtype in ("float16", "int32"):
        labels = ops.convert_to_tensor(LABELS.astype("int32"))
        found = WeightedKappaLoss(4).call(labels, ops.cast(labels, dtype))
        assert "float32" in str(found.dtype)
        assert tuple(found.shape) == ()


def test_a_term_of_it_is_the_value_of_the_batch():
    loss = kml.WeightedSumLoss([kml.LossTerm(WeightedKappaLoss(4), "grade")])
    found = float(loss({"grade": LABELS.astype("float32")}, {"grade": OUTPUTS.astype("float32")}))
    assert found == pytest.approx(reference(CLASSES, OUTPUTS, "quadratic"), **TOLERANCE)


def test_a_mask_is_refused_as_there_is_one_value_for_the_batch():
    loss = kml.WeightedSumLoss([kml.LossTerm(WeightedKappaLoss(4), "grade", mask="nan")])
    label = LABELS.astype("float32")
    label[2] = np.nan
    with pytest.raises(ValueError, match="missing labels cannot be left out"):
        loss({"grade": label}, {"grade": OUTPUTS.astype("float32")})


def test_class_numbers_are_refused():
    message = exactly(
        "WeightedKappaLoss: the label does not have the shape of the output.",
        "  Expected: a label of shape (10, 4)",
        "  Received: shape (10,)",
        "  Hint: a sparse label (one class number per sample) needs a sparse loss",
    )
    with pytest.raises(ValueError, match=message):
        WeightedKappaLoss(4).call(CLASSES, OUTPUTS)


def test_the_columns_are_the_classes():
    message = exactly(
        "WeightedKappaLoss: `y_true` does not have a column for each class.",
        "  Expected: shape (batch, 5), for num_classes=5",
        "  Received: shape (10, 4)",
        "  Hint: class numbers have to be one-hot encoded",
    )
    with pytest.raises(ValueError, match=message):
        value(LABELS, OUTPUTS, 5)


@pytest.mark.parametrize(
    ("n_classes", "kind"), [(1, ValueError), (2.5, TypeError), (True, TypeError)]
)
def test_the_number_of_classes_is_an_integer_from_2_up(n_classes, kind):
    message = exactly(
        "WeightedKappaLoss: `num_classes` must be an integer of at least 2.",
        "  Expected: the number of classes, such as 3",
        f"  Received: {n_classes!r} of type {type(n_classes).__name__}",
    )
    with pytest.raises(kind, match=message):
        WeightedKappaLoss(num_classes=n_classes)


def test_an_unknown_weightage_is_refused():
    message = exactly(
        "WeightedKappaLoss: `weightage` is not one of its choices.",
        "  Expected: one of ['quadratic', 'linear']",
        "  Received: 'cubic'",
    )
    with pytest.raises(ValueError, match=message):
        WeightedKappaLoss(4, weightage="cubic")


def test_epsilon_is_positive():
    with pytest.raises(ValueError, match="`epsilon` must be above 0"):
        WeightedKappaLoss(4, epsilon=0.0)
