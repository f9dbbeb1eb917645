"""The loss of each sample, and the report that sorts by it."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_pandas, needs_tensorflow

register = keras.saving.register_keras_serializable(package="test_sample_losses")
X, Y = two_heads_data(20)
GAPS = {**Y, "age": np.where(np.arange(20)[:, None] % 4 == 0, np.nan, Y["age"])}
WEIGHTS = np.linspace(0.0, 2.0, 20).astype("float32")
LOSS = kml.LossTerm("mse", "age", mask="nan") + 0.5 * kml.LossTerm("binary_crossentropy", "sex")


@register
class Halves(kml.JointLoss):
    def call(self, y_true, y_pred):
        difference = ops.square(y_true - y_pred)[:, 0]
        return {"one": difference / 4, "other": difference * 3 / 4}


@register
class OfBatch(kml.JointLoss):
    def call(self, y_true, y_pred):
        return ops.mean(y_pred)


def compiled(loss=LOSS, **arguments):
    keras.utils.set_random_seed(2)
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss=loss, **arguments)
    return model


def errors(model):
    return (Y["age"] - model.predict(X, verbose=0)["age"])[:, 0] ** 2


def close(values):
    return pytest.approx(values, rel=1e-5, nan_ok=True)  # float32


@pytest.mark.parametrize("batch_size", [7, 32])
def test_it_is_the_loss_of_each_sample(batch_size):
    model = compiled()
    found = model.term_losses(X, GAPS, batch_size=batch_size)
    expected = np.where(np.isnan(GAPS["age"][:, 0]), np.nan, errors(model))
    assert found["age"] == close(expected)
    assert set(found) == {"age", "sex"}


def test_their_means_are_the_log_of_evaluate():
    model = compiled()
    logs = model.evaluate(X, GAPS, verbose=0, return_dict=True)
    found = model.term_losses(X, GAPS)
    for name, values in found.items():
        assert np.nanmean(values) == close(logs[f"{name}_loss"])


@pytest.mark.parametrize("reduction", ["sum_over_axes", "mean_per_sample", "sum"])
def test_reductions_that_add_up_sum_in_the_sample(reduction):
    x = keras.Input((3,), name="x")
    model = kml.MultiLossModel(x, {"y": keras.layers.Dense(4)(x)})
    loss = kml.LossTerm("mse", "y", labels=None, reduction=reduction)
    model.compile("sgd", loss=loss)
    squares = model.predict(X, verbose=0)["y"] ** 2
    expected = squares.sum(-1) if reduction == "sum_over_axes" else squares.mean(-1)
    assert model.term_losses(X)["y"] == close(expected)


def test_weights_of_samples_multiply():
    model = compiled()
    found = model.term_losses(X, Y, WEIGHTS)
    assert found["age"] == close(errors(model) * WEIGHTS)


def test_parts_have_theirs():
    model = compiled(kml.LossTerm(Halves(), "age", name="h", part_weights={"one": 2.0}))
    found = model.term_losses(X, Y)
    assert list(found) == ["h", "h_one", "h_other"]
    assert found["h_one"] == close(errors(model) / 4)
    assert found["h"] == close(errors(model) * 1.25)


def test_a_loss_of_the_batch_says_that_it_has_none():
    model = compiled(LOSS + kml.LossTerm(OfBatch(), "age", None, name="whole"))
    with pytest.warns(UserWarning, match=r"Terms \['whole'\] have no loss of each sample"):
        assert set(model.term_losses(X, Y)) == {"age", "sex"}


def test_a_label_that_some_batches_lack_is_not_a_number_there():
    loss = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "sex", required=False)
    model = compiled(loss)
    parts = [(X[:8], {"age": Y["age"][:8]}), (X[8:], {k: v[8:] for k, v in Y.items()})]
    found = model.term_losses(iter(parts))
    assert np.isnan(found["sex"][:8]).all()
    assert np.isfinite(found["sex"][8:]).all()
    assert found["age"] == close(errors(model))


@needs_tensorflow
def test_tf_data_is_read_once():
    import tensorflow as tf

    model, passes = compiled(), []

    def batches():
        passes.append(1)
        for start in range(0, 20, 6):
            yield X[start : start + 6], {k: v[start : start + 6] for k, v in Y.items()}

    signature = (
        tf.TensorSpec((None, 3)),
        {"age": tf.TensorSpec((None, 1)), "sex": tf.TensorSpec((None, 1))},
    )
    found = model.term_losses(tf.data.Dataset.from_generator(batches, output_signature=signature))
    assert found["age"] == close(errors(model))
    assert len(passes) == 1


def test_without_a_total_loss_or_data_it_raises():
    model = kml.MultiLossModel.from_model(two_heads())
    with pytest.raises(ValueError, match=r"MultiLossModel\.term_losses: the model has no total"):
        model.term_losses(X, Y)
    with pytest.raises(ValueError, match="the data has no batch"):
        compiled().term_losses(iter([]))


@needs_pandas
class TestReport:
    def test_the_worst_come_first(self):
        model = compiled()
        wrong = {**Y, "age": Y["age"].copy()}
        wrong["age"][11] += 50.0
        table = kml.report(model, (X, wrong), top=5)
        assert table.index[0] == 11
        assert list(table.columns) == ["loss", "age_loss", "sex_loss", "age", "sex"]
        assert len(table) == 5
        losses = table["age_loss"] + 0.5 * table["sex_loss"]
        np.testing.assert_allclose(table["loss"], losses, rtol=1e-5)  # float32
        assert table["loss"].is_monotonic_decreasing

    def test_groups_by_a_label(self):
        model = compiled()
        table = kml.report(model, (X, Y), by="sex")
        assert table.index.name == "sex"
        assert table["n_samples"].sum() == 20
        of_group = errors(model)[Y["sex"][:, 0] == table.index[0]]
        assert table["age_loss"].iloc[0] == close(of_group.mean())

    def test_a_generator_is_read_once(self):
        model = compiled()
        parts = ((X[i : i + 8], {k: v[i : i + 8] for k, v in Y.items()}) for i in (0, 8, 16))
        expected = kml.report(model, (X, Y), top=None)
        found = kml.report(model, parts, top=None)
        np.testing.assert_allclose(found, expected, rtol=1e-5)  # float32 products of other sizes
        assert list(found.index) == list(expected.index)

    def test_a_number_with_many_values_is_cut(self):
        x, y = two_heads_data(100)
        assert len(kml.report(compiled(), (x, y), by="age", top=None)) == 20

    def test_an_unknown_name_is_told(self):
        with pytest.raises(ValueError, match="did you mean 'sex'"):
            kml.report(compiled(), (X, Y), by="sx")
