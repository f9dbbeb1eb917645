"""The reductions of a term, against sums written out in NumPy."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_keras_3

RNG = np.random.default_rng(3)
Y = RNG.normal(size=(4, 3, 5)).astype("float32")
P = RNG.normal(size=(4, 3, 5)).astype("float32")
SQUARES = (Y.astype("float64") - P) ** 2
BY_SAMPLE = np.array([1.0, 0.5, 2.0, 0.0], "float32")
BY_ENTRY = RNG.uniform(0.5, 2.0, size=Y.shape).astype("float32")


def with_gaps():
    label = Y.copy()
    label[0, 1:] = np.nan  # a short sequence
    label[2, :, ::2] = np.nan
    label[3] = np.nan  # a sample without labels
    return label, ~np.isnan(label)


def value(label, reduction, sample_weight=None, loss="mse", **arguments):
    term = kml.LossTerm(loss, "out", "label", reduction=reduction, **arguments)
    return float(term.value({"label": label}, {"out": P}, sample_weight))


def reference(reduction, weights, counted):
    """The formula of each reduction, over the squares of single entries."""
    values = weights * np.where(counted, SQUARES, 0.0)
    n_in_sample = counted.sum((1, 2))
    n_samples = (n_in_sample > 0).sum()
    of_samples = values.sum((1, 2)) / np.maximum(n_in_sample, 1)
    return {
        "mean": values.sum() / counted.sum(),
        "weighted_mean": values.sum() / (weights * counted).sum(),
        "sum_over_axes": values.sum() / n_samples,
        "mean_per_sample": of_samples.sum() / n_samples,
        # as Keras sums up "mse": the means of rows
        "sum": (values.sum(-1) / np.maximum(counted.sum(-1), 1)).sum(),
    }[reduction]


REDUCTIONS = ["mean", "weighted_mean", "sum_over_axes", "mean_per_sample", "sum"]


@pytest.mark.parametrize(
    "weights", [None, BY_SAMPLE, BY_ENTRY], ids=["plain", "samples", "entries"]
)
@pytest.mark.parametrize("has_gaps", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_it_is_its_formula(reduction, has_gaps, weights):
    label, counted = with_gaps() if has_gaps else (Y, np.ones(Y.shape, bool))
    full = np.ones(Y.shape) if weights is None else weights
    full = full.reshape(-1, 1, 1) if full.ndim == 1 else full
    found = value(label, reduction, weights, mask="nan" if has_gaps else None)
    expected = reference(reduction, np.broadcast_to(full, Y.shape).astype("float64"), counted)
    assert found == pytest.approx(expected, rel=2e-6)  # float32 sums of 60 numbers


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_batch_without_labels_gives_zero(reduction):
    assert value(np.full_like(Y, np.nan), reduction, mask="nan") == 0.0


@pytest.mark.parametrize("reduction", ["sum_over_axes", "mean_per_sample"])
def test_padding_is_left_out(reduction):
    steps = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [0, 0, 0]], bool)
    output = ops.convert_to_tensor(P)
    kml._platform.set_keras_mask(output, ops.convert_to_tensor(steps))
    term = kml.LossTerm("mse", "out", "label", reduction=reduction)
    found = float(term.value({"label": Y}, {"out": output}))
    counted = np.broadcast_to(steps[:, :, None], Y.shape)
    assert found == pytest.approx(reference(reduction, np.ones(Y.shape), counted), rel=2e-6)


def test_keras_means_the_same_by_mean_and_sum():
    for reduction, in_keras in (("mean", "sum_over_batch_size"), ("sum", "sum")):
        loss = keras.losses.MeanSquaredError(reduction=in_keras)
        assert value(Y, reduction) == pytest.approx(float(loss(Y, P)), rel=1e-6)


def test_a_vae_needs_no_factor():
    image, decoded = (RNG.uniform(0.1, 0.9, size=(4, 8, 8, 1)).astype("float32") for _ in "ab")
    term = kml.LossTerm("binary_crossentropy", "out", "label", reduction="sum_over_axes")
    found = float(term.value({"label": image}, {"out": decoded}))
    by_entry = -(image * np.log(decoded) + (1 - image) * np.log(1 - decoded))
    # Keras clips the probabilities at 1e-7.
    assert found == pytest.approx(by_entry.sum((1, 2, 3)).mean(), rel=1e-5)


def test_a_loss_of_whole_rows_sums_its_steps():
    label = np.eye(5, dtype="float32")[RNG.integers(0, 5, (4, 3))]
    probabilities = np.exp(P) / np.exp(P).sum(-1, keepdims=True)
    term = kml.LossTerm("categorical_crossentropy", "out", "label", reduction="sum_over_axes")
    found = float(term.value({"label": label}, {"out": probabilities}))
    expected = -(label * np.log(probabilities)).sum((1, 2)).mean()
    assert found == pytest.approx(expected, rel=1e-5)  # as above


def test_the_reduction_of_the_term_goes_before_that_of_the_loss():
    loss = keras.losses.MeanSquaredError(reduction="sum")
    assert value(Y, "mean", loss=loss) == pytest.approx(SQUARES.mean(), rel=2e-6)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_log_of_an_epoch_does_not_hang_on_the_size_of_batches(reduction):
    x, y = two_heads_data(20)
    y["age"][1::3] = np.nan
    loss = kml.LossTerm("mse", "age", mask="nan", reduction=reduction)
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss=loss)
    logs = [
        model.evaluate(x, y, batch_size=size, verbose=0, return_dict=True) for size in (4, 7, 20)
    ]
    if reduction == "sum":  # the mean of the sums of batches
        assert logs[0]["age_loss"] * 5 == pytest.approx(logs[2]["age_loss"], rel=1e-5)
        return
    for log in logs:
        assert log["age_loss"] == pytest.approx(logs[2]["age_loss"], rel=1e-5)  # of 20 numbers


@needs_keras_3
def test_it_is_in_the_file(tmp_path):
    x, y = two_heads_data(20)
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss=kml.LossTerm("mse", "age", reduction="sum_over_axes"))
    model.save(tmp_path / "model.keras")
    restored = keras.saving.load_model(tmp_path / "model.keras")
    assert restored.loss["age"].reduction == "sum_over_axes"
    assert restored.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)


def test_an_unknown_one_is_told():
    with pytest.raises(ValueError, match="did you mean 'sum_over_axes'"):
        kml.LossTerm("mse", "out", reduction="sum_over_axis")
