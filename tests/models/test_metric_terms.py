"""`MetricTerm`: metrics that name their outputs and labels themselves."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from tests.conftest import two_heads, two_heads_data
from tests.lanes import BACKEND, needs_jax_backend

register = keras.saving.register_keras_serializable(package="test_metric_terms")
X, Y = two_heads_data(20)


@register
class Gap(keras.metrics.Metric):
    """The mean distance of two differences: a metric of tuples."""

    def __init__(self, name="gap", **kwargs):
        super().__init__(name=name, **kwargs)
        self.mean = keras.metrics.Mean()

    def update_state(self, y_true, y_pred, sample_weight=None):
        labels = [ops.reshape(ops.cast(label, "float32"), (-1,)) for label in y_true]
        outputs = [ops.reshape(output, (-1,)) for output in y_pred]
        gap = ops.abs((labels[0] - labels[1]) - (outputs[0] - outputs[1]))
        self.mean.update_state(gap, sample_weight)

    def result(self):
        return self.mean.result()

    def reset_state(self):
        self.mean.reset_state()


@register
def half_error(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred), -1) / 2


def compiled(*metrics, model=None, **arguments):
    keras.utils.set_random_seed(4)
    model = kml.MultiLossModel.from_model(model or two_heads())
    loss = kml.LossTerm("mse", "age", mask="nan") + kml.LossTerm("binary_crossentropy", "sex")
    model.compile("sgd", loss=loss, metrics=list(metrics) or None, **arguments)
    return model


def logs_of(model, y=Y, **options):
    return model.evaluate(X, y, batch_size=7, verbose=0, return_dict=True, **options)


def predictions(model):
    found = model.predict(X, verbose=0)
    return {name: np.asarray(value, "float64")[:, 0] for name, value in found.items()}


def close(value):
    return pytest.approx(value, rel=1e-5)  # float32 means of 20 numbers


def test_one_output_with_a_label_of_another_name():
    y = {**Y, "years": Y["age"] + 1}
    model = compiled(kml.MetricTerm("mae", "age", "years"))
    expected = np.abs(predictions(model)["age"] - y["years"][:, 0]).mean()
    assert logs_of(model, y)["age_mean_absolute_error"] == close(expected)


def test_several_outputs_come_as_tuples():
    model = compiled(kml.MetricTerm(Gap(), ["age", "sex"]))
    found = predictions(model)
    gap = (Y["age"][:, 0] - Y["sex"][:, 0]) - (found["age"] - found["sex"])
    assert logs_of(model)["gap"] == close(np.abs(gap).mean())


def test_labels_from_inputs_and_outputs():
    model = compiled(
        kml.MetricTerm("mae", "age", kml.from_output("sex"), name="apart"),
        kml.MetricTerm(keras.metrics.Mean(), "sex", None, name="mean_sex"),
    )
    found, logs = predictions(model), logs_of(model)
    assert logs["apart"] == close(np.abs(found["age"] - found["sex"]).mean())
    assert logs["mean_sex"] == close(found["sex"].mean())


def test_a_function_of_ones_own():
    logs = logs_of(compiled(kml.MetricTerm(half_error, "age"), kml.MetricTerm("mae", "age")))
    assert logs["age_half_error"] == close(logs["age_mean_absolute_error"] / 2)


class TestMissingLabels:
    gaps = {**Y, "age": np.where(np.arange(20)[:, None] % 3 == 0, np.nan, Y["age"])}
    there = np.arange(20) % 3 != 0

    def test_one_label(self):
        model = compiled(kml.MetricTerm("mae", "age", mask="nan"))
        errors = np.abs(predictions(model)["age"] - Y["age"][:, 0])
        found = logs_of(model, self.gaps)["age_mean_absolute_error"]
        assert found == close(errors[self.there].mean())

    def test_several_labels(self):
        model = compiled(kml.MetricTerm(Gap(), ["age", "sex"], mask="nan"))
        found = predictions(model)
        gap = np.abs((Y["age"] - Y["sex"])[:, 0] - (found["age"] - found["sex"]))
        assert logs_of(model, self.gaps)["gap"] == close(gap[self.there].mean())

    def test_auc(self):
        y = {**Y, "sex": np.where(self.there[:, None], Y["sex"], -1)}
        model = compiled(kml.MetricTerm(keras.metrics.AUC(name="auc"), "sex", "group", mask=-1))
        alone = keras.metrics.AUC()
        alone.update_state(y["sex"][self.there], predictions(model)["sex"][self.there][:, None])
        assert logs_of(model, {**Y, "group": y["sex"]})["sex_auc"] == close(float(alone.result()))


class TestWeights:
    weights = np.linspace(0.0, 2.0, 20).astype("float32")

    def expected(self, model, weights):
        errors = np.abs(predictions(model)["age"] - Y["age"][:, 0])
        return np.average(errors, weights=weights)

    def test_only_weighted_metrics_have_them(self):
        term, other = kml.MetricTerm("mae", "age"), kml.MetricTerm("mae", "age", name="weighed")
        model = compiled(term, weighted_metrics=[other])
        logs = logs_of(model, sample_weight=self.weights)
        assert logs["age_mean_absolute_error"] == close(self.expected(model, np.ones(20)))
        assert logs["weighed"] == close(self.expected(model, self.weights))

    def test_a_metric_may_name_its_own(self):
        model = compiled(kml.MetricTerm("mae", "age", sample_weight="sex"))
        logs = logs_of(model, sample_weight={"sex": self.weights})
        assert logs["age_mean_absolute_error"] == close(self.expected(model, self.weights))


class TestBesideThoseOfKeras:
    @pytest.mark.parametrize(
        "metrics",
        [
            [{"age": ["mae"]}, kml.MetricTerm("mse", "age", name="own")],
            kml.MetricTerm("mse", "age", name="own"),
            ["mae", "mse", kml.MetricTerm("mse", "age", name="own")],
        ],
        ids=["dict", "alone", "list"],
    )
    def test_all_are_logged(self, metrics):
        model = kml.MultiLossModel.from_model(two_heads())
        loss = kml.LossTerm("mse", "age") + kml.LossTerm("mse", "sex")
        model.compile("sgd", loss=loss, metrics=metrics)
        logs = logs_of(model)
        assert logs["own"] == close(logs["age_loss"])
        assert any("mean_absolute_error" in n or "mae" in n for n in logs) != isinstance(
            metrics, kml.MetricTerm
        )

    def test_they_start_anew_in_each_epoch(self):
        model = compiled(kml.MetricTerm("mse", "age", name="own"))
        history = model.fit(X, Y, epochs=2, batch_size=7, validation_data=(X, Y), verbose=0)
        logs = model.evaluate(X, Y, verbose=0, return_dict=True)
        assert history.history["val_own"][-1] == close(logs["own"])
        assert history.history["own"][-1] == close(history.history["age_loss"][-1])

    def test_a_fresh_process_has_them(self, tmp_path, fresh_process):
        own = kml.MetricTerm(
            keras.metrics.MeanAbsoluteError(), "age", "years", mask="nan", name="own"
        )
        model = compiled({"age": ["mse"]}, own, weighted_metrics=[kml.MetricTerm("mae", "sex")])
        y = {**Y, "years": Y["age"]}
        model.fit(X, y, verbose=0)
        model.save(tmp_path / "model.keras")
        found = fresh_process.evaluate(tmp_path / "model.keras", X, y)
        assert found == close(model.evaluate(X, y, verbose=0, return_dict=True))
        assert {"own", "sex_mean_absolute_error"} < set(found)


class TestMessages:
    @pytest.mark.parametrize(
        ("arguments", "kind", "text"),
        [
            ({"metric": "accuracy"}, ValueError, "means something else for each shape"),
            ({"metric": "meen"}, ValueError, "no metric has this name"),
            ({"metric": 3}, TypeError, "`metric` is not a metric"),
            ({"outputs": None}, TypeError, "a term needs an output"),
            ({"mask": "none"}, ValueError, "`mask` cannot mark"),
        ],
    )
    def test_arguments(self, arguments, kind, text):
        with pytest.raises(kind, match=text):
            kml.MetricTerm(**{"metric": "mae", "outputs": "age", **arguments})

    def test_an_unknown_output_is_told_at_compile(self):
        with pytest.raises(ValueError, match=r"metric 'agee_.*' names an output(.|\n)*'age'"):
            compiled(kml.MetricTerm("mae", "agee"))

    def test_a_missing_label_is_told_before_training(self):
        model = compiled(kml.MetricTerm("mae", "age", "yaers"))
        with pytest.raises(ValueError, match="metric 'age_mean_absolute_error' names a label"):
            model.fit(X, Y, verbose=0)

    def test_a_name_that_the_log_has_is_told(self):
        with pytest.raises(ValueError, match="would be called 'age_loss'"):
            compiled(kml.MetricTerm("mae", "age", name="age_loss"))

    def test_one_without_a_total_loss_is_told(self):
        model = kml.MultiLossModel.from_model(two_heads())
        losses = {"age": "mse", "sex": "mse"}
        with pytest.raises(TypeError, match="a MetricTerm goes with a total loss"):
            model.compile("sgd", loss=losses, metrics=[kml.MetricTerm("mae", "age")])

    def test_one_inside_a_dict_is_told(self):
        with pytest.raises(TypeError, match="beside the dict"):
            compiled({"age": [kml.MetricTerm("mae", "age")]})


def test_a_metric_of_an_output_finds_the_input_that_its_term_has_for_a_label():
    x = keras.Input((3,), name="x")
    model = kml.MultiLossModel(x, {"y": keras.layers.Dense(3)(x)})
    own = kml.LossTerm("mse", "y", labels=kml.from_input("x"))
    model.compile("sgd", loss=own, metrics=["mse"])
    logs = model.evaluate(X, verbose=0, return_dict=True)
    metric = next(value for name, value in logs.items() if "mse" in name or "mean" in name)
    assert metric == close(logs["y_loss"])


class TestInTheLayer:
    TERM = kml.MetricTerm("mae", "age", "years", mask="nan", name="own")
    Y = {**Y, "years": np.where(np.arange(20)[:, None] % 3 == 0, np.nan, Y["age"])}

    @pytest.mark.skipif(BACKEND == "jax", reason="Keras layers record no metrics on JAX")
    def test_it_is_that_of_the_model(self, tmp_path, fresh_process):
        loss = kml.LossTerm("mse", "age") + kml.LossTerm("mse", "sex")
        by_model = kml.MultiLossModel.from_model(two_heads())
        by_model.compile("sgd", loss=loss, metrics=[self.TERM])
        shape = {"years": {"shape": (1,), "dtype": "float32"}}
        model = kml.attach_losses(by_model, loss, shape, metrics=[self.TERM])
        model.compile("sgd")
        data = kml.data.labels_to_inputs((X, self.Y), inputs=by_model.inputs[0].name)
        found = model.evaluate(data, verbose=0, return_dict=True)
        assert found["own"] == close(logs_of(by_model, self.Y)["own"])
        model.fit(data, verbose=0)
        model.save(tmp_path / "model.keras")
        again = fresh_process.evaluate(tmp_path / "model.keras", data)
        assert again == close(model.evaluate(data, verbose=0, return_dict=True))

    @needs_jax_backend
    def test_jax_has_none_in_layers(self):
        with pytest.raises(ValueError, match="cannot record metrics in the call of a layer"):
            kml.WeightedSumLossLayer(kml.LossTerm("mse", "age"), metrics=[self.TERM])

    def test_what_is_no_metric_term_is_told(self):
        with pytest.raises(TypeError, match="is not a MetricTerm"):
            kml.WeightedSumLossLayer(kml.LossTerm("mse", "age"), metrics=["mae"])
