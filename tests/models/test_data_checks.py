"""What cannot be trained on is told before Keras starts, in the words of the data."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.conftest import two_heads, two_heads_data
from tests.lanes import needs_keras_3, needs_tensorflow_backend
from tests.losses.messages import exactly

LOSS = kml.LossTerm("mse", "age") + kml.LossTerm("mae", "sex")
METHODS = pytest.mark.parametrize("method", ["fit", "evaluate"])


def compiled(loss=LOSS):
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss=loss)
    return model


def never_starts(model, monkeypatch):
    """A model whose steps would be an error."""
    monkeypatch.setattr(model, "compute_loss", lambda *args, **kwargs: pytest.fail("it started"))
    return model


@METHODS
def test_forgotten_labels_are_asked_for(method, monkeypatch):
    model = never_starts(compiled(), monkeypatch)
    message = exactly(
        "WeightedSumLoss: term 'age' needs a label, and the data has none.",
        "  Expected: labels by name, such as fit(x, {'age': ...})",
        "  Received: no labels",
        "  Hint: a term whose loss needs no label says so: LossTerm(..., labels=None)",
    )
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(two_heads_data()[0], verbose=0)


def test_no_labels_are_needed_where_no_term_has_one():
    model = compiled(kml.LossTerm(kml.losses.OrderingLoss(), ["age", "sex"], labels=None))
    assert np.isfinite(model.evaluate(two_heads_data()[0], verbose=0)).all()


@METHODS
def test_a_misspelt_label_is_found_at_once(method, monkeypatch):
    x, y = two_heads_data()
    model = never_starts(compiled(), monkeypatch)
    with pytest.raises(ValueError, match="did you mean 'sexe'"):
        getattr(model, method)(x, {"age": y["age"], "sexe": y["sex"]}, verbose=0)


@needs_tensorflow_backend
def test_a_misspelt_label_is_found_in_a_dataset(monkeypatch):
    import tensorflow as tf

    x, y = two_heads_data()
    data = tf.data.Dataset.from_tensor_slices((x, {"age": y["age"], "sexe": y["sex"]})).batch(4)
    model = never_starts(compiled(), monkeypatch)
    with pytest.raises(ValueError, match="did you mean 'sexe'"):
        model.fit(data, verbose=0)
    with pytest.raises(ValueError, match="term 'age' needs a label"):
        model.evaluate(data.map(lambda x, y: x), verbose=0)


def test_validation_data_are_named_where_they_are_at_fault(monkeypatch):
    x, y = two_heads_data()
    model = never_starts(compiled(), monkeypatch)
    with pytest.raises(ValueError, match=r"In `validation_data`: .* 'sex' names a label"):
        model.fit(x, y, validation_data=(x, {"age": y["age"]}), verbose=0)


@pytest.mark.parametrize("n_labels", [1, 3])
def test_a_list_has_one_label_for_each_output(n_labels, monkeypatch):
    x, y = two_heads_data()
    model = never_starts(compiled(), monkeypatch)
    message = exactly(
        "MultiLossModel.fit: the list of labels does not have one for each output.",
        "  Expected: 2 labels, in the order of the outputs ['age', 'sex']",
        f"  Received: {n_labels} labels",
        "  Hint: a dict says which is which: {'age': ...}",
    )
    with pytest.raises(ValueError, match=message):
        model.fit(x, [y["age"]] * n_labels, verbose=0)


def test_a_list_of_weights_goes_with_a_dict_of_outputs():
    x, y = two_heads_data()
    model = compiled()
    weights = {"age": np.linspace(0, 1, 24), "sex": np.linspace(2, 1, 24)}
    by_name = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    in_order = model.evaluate(
        x, y, sample_weight=[weights["age"], weights["sex"]], verbose=0, return_dict=True
    )
    assert in_order == by_name
    with pytest.raises(ValueError, match="the list of sample weights does not have one for each"):
        model.evaluate(x, y, sample_weight=[weights["age"]], verbose=0)


@METHODS
def test_labels_of_nan_ask_for_a_mask(method, monkeypatch):
    x, y = two_heads_data()
    y["age"][[1, 5]] = np.nan
    message = exactly(
        f"MultiLossModel.{method}: label 'age' is NaN in places, and its term has no mask.",
        "  Expected: numbers, or LossTerm(..., mask='nan') to leave out what is missing",
        "  Received: 2 NaN of 24 entries",
    )
    with pytest.raises(ValueError, match=message):
        getattr(never_starts(compiled(), monkeypatch), method)(x, y, verbose=0)
    masked = compiled(LOSS.replace("age", mask="nan"))
    getattr(masked, method)(x, y, verbose=0)


@keras.saving.register_keras_serializable(package="tests")
def known_squares(y_true, y_pred):
    from keras_multiloss._platform import ops

    difference = ops.where(ops.isnan(y_true), ops.zeros_like(y_true), y_true - y_pred)
    return ops.mean(difference**2, axis=-1)


@pytest.mark.parametrize(
    "term",
    [
        kml.LossTerm(known_squares, "age"),
        kml.LossTerm(kml.losses.MaskedLoss("mse"), "age"),
        kml.LossTerm("mse", "age", weight=0.0),
    ],
    ids=["own loss", "masked loss", "switched off"],
)
def test_a_loss_that_knows_nan_and_a_term_that_is_off_get_it(term):
    x, y = two_heads_data()
    y["age"][[1, 5]] = np.nan
    logs = compiled(LOSS.without("age") + term).evaluate(x, y, verbose=0, return_dict=True)
    assert np.isfinite(logs["loss"])


def test_a_label_that_does_not_fit_its_output_is_told_at_once(monkeypatch):
    x, y = two_heads_data()
    model = never_starts(compiled(), monkeypatch)
    message = exactly(
        "WeightedSumLoss: term 'age', the first sample: the label does not have the shape of the "
        "output.",
        "  Expected: a label of shape (1, 1)",
        "  Received: shape (1, 2)",
    )
    with pytest.raises(ValueError, match=message):
        model.fit(x, {**y, "age": np.ones((24, 2))}, verbose=0)


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        (np.array(["old", "young"] * 12), r"pandas\.factorize"),
        (np.array([1.0, None] * 12, dtype=object), r"numpy\.asarray"),
        (np.array(["2026-01-01"] * 24, dtype="datetime64[D]"), "days since a date"),
    ],
    ids=["text", "objects", "dates"],
)
def test_labels_that_are_no_numbers_are_told_with_what_makes_numbers(label, hint, monkeypatch):
    x, y = two_heads_data()
    with pytest.raises(ValueError, match=f"label 'age' does not hold numbers(.|\n)*{hint}"):
        never_starts(compiled(), monkeypatch).fit(x, {**y, "age": label}, verbose=0)


class TestPandas:
    @pytest.fixture
    def pandas(self):
        return pytest.importorskip("pandas", reason="pandas is installed in the default lane only")

    def test_a_table_of_labels_is_taken_by_its_columns(self, pandas):
        x, y = two_heads_data()
        table = pandas.DataFrame({"sex": y["sex"][:, 0], "id": ["a"] * 24, "age": y["age"][:, 0]})
        del table["id"]
        model = compiled()
        assert model.evaluate(x, table, verbose=0) == model.evaluate(x, y, verbose=0)
        model.fit(x, table, validation_data=(x, table), validation_freq=1, verbose=0)

    def test_a_table_of_columns_is_the_only_label_there_is(self, pandas):
        x = keras.Input((3,), name="x")
        model = kml.MultiLossModel(x, {"age": keras.layers.Dense(2)(x)})
        model.compile("sgd", loss=kml.LossTerm("mse", "age"))
        labels = np.arange(8.0).reshape(4, 2)
        table = pandas.DataFrame(labels, columns=["a", "b"])
        data = np.ones((4, 3))
        assert model.evaluate(data, table, verbose=0) == model.evaluate(data, labels, verbose=0)

    def test_a_misspelt_column_is_no_label(self, pandas):
        x, y = two_heads_data()
        model = compiled(kml.LossTerm("mse", "age"))
        with pytest.raises(ValueError, match="did you mean 'agee'"):
            model.evaluate(x, pandas.DataFrame({"agee": y["age"][:, 0]}), verbose=0)

    def test_nullable_columns_are_numbers_with_nan(self, pandas):
        x, y = two_heads_data()
        age = pandas.Series(np.round(y["age"][:, 0])).astype("Int64")
        sex = pandas.Series(y["sex"][:, 0]).astype("boolean")
        plain = {"age": np.round(y["age"]), "sex": y["sex"]}
        model = compiled()
        found = model.evaluate(x, {"age": age, "sex": sex}, verbose=0)
        assert found == pytest.approx(model.evaluate(x, plain, verbose=0), rel=1e-6)
        age[[1, 5]] = pandas.NA
        with pytest.raises(ValueError, match="2 NaN of 24 entries"):
            model.evaluate(x, {"age": age, "sex": sex}, verbose=0)
        masked = compiled(LOSS.replace("age", mask="nan"))
        plain["age"][[1, 5]] = np.nan
        found = masked.evaluate(x, {"age": age, "sex": sex}, verbose=0)
        assert found == pytest.approx(masked.evaluate(x, plain, verbose=0), rel=1e-6)

    def test_categories_are_told_how_to_become_class_numbers(self, pandas):
        x, y = two_heads_data()
        sex = pandas.Series(["m", "f"] * 12, dtype="category")
        with pytest.raises(ValueError, match=r"label 'sex' does not hold numbers(.|\n)*factorize"):
            compiled().fit(x, {**y, "sex": sex}, verbose=0)


@needs_keras_3  # Keras 2 numbers them
def test_outputs_of_one_layer_are_asked_for_by_names_of_their_own():
    x, other = keras.Input((3,)), keras.Input((3,))
    shared = keras.layers.Dense(1, name="score")
    model = kml.MultiLossModel([x, other], [shared(x), shared(other)])
    with pytest.raises(ValueError, match="several outputs come from the layer 'score': name them"):
        model.compile("sgd", loss=kml.LossTerm("mse", "score") + kml.LossTerm("mse", "other"))


def test_a_tuple_of_outputs_is_told_to_have_no_names():
    class Net(kml.models.MultiLossMixin, keras.Model):
        def __init__(self):
            super().__init__()
            self.head = keras.layers.Dense(1)

        def call(self, x):
            return self.head(x), self.head(x)

    x, y = two_heads_data()
    model = Net()
    model.compile("sgd", loss=LOSS)
    with pytest.raises(ValueError, match="let the model return a dict"):
        model.evaluate(x, y, verbose=0)


def test_an_unbuilt_sequential_model_is_told_to_be_built():
    model = keras.Sequential([keras.layers.Dense(1)])
    with pytest.raises(TypeError, match=r"is not built(.|\n)*model\.build\(\(None, 3\)\)"):
        kml.MultiLossModel.from_model(model)
