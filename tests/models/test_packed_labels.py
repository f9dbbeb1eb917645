"""Labels and weights on their way through Keras's adapters: alike arrays travel as one."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.models import _packed_labels as packed
from keras_multiloss.models._packed_labels import unpacked, with_packed_labels
from keras_multiloss.spec import MOST_ENTRIES

NAMES = ["a", "b", "c", "n"]
X = np.linspace(-1.0, 1.0, 36).reshape(12, 3).astype("float32")
LABELS = {
    "a": X[:, :1],
    "b": -X[:, :1].astype("float32"),
    "c": X[:, 1:2].astype("float64"),
    "n": np.arange(12) % 3,
}
WEIGHTS = {"a": np.arange(12.0), "b": np.ones(12)}


def sent(y, sample_weight=None, *, joins=True):
    arguments = {"x": X, "y": y, "sample_weight": sample_weight}
    return with_packed_labels("MultiLossModel.fit", arguments, joins=joins)["y"]


def as_tensors(y):
    if isinstance(y, dict):
        return {name: as_tensors(entry) for name, entry in y.items()}
    return ops.convert_to_tensor(y)


def arrays_in(y):
    return [a for v in y.values() for a in arrays_in(v)] if isinstance(y, dict) else [y]


def test_arrays_of_one_shape_and_dtype_are_joined():
    assert [a.shape for a in arrays_in(sent(LABELS))] == [(12, 1), (12,), (12, 2, 1)]
    assert sent(LABELS, joins=False) is LABELS


def test_what_was_joined_comes_back_by_name():
    y, weights = unpacked(as_tensors(sent(LABELS, WEIGHTS)), None)
    assert set(y) == set(LABELS)
    assert set(weights) == set(WEIGHTS)
    for name, label in LABELS.items():
        found = ops.convert_to_numpy(y[name])
        np.testing.assert_allclose(found, label, rtol=1e-6)
    assert "int" in str(ops.convert_to_numpy(y["n"]).dtype)
    np.testing.assert_allclose(ops.convert_to_numpy(weights["a"]), WEIGHTS["a"])


def test_large_arrays_are_not_copied(monkeypatch):
    monkeypatch.setattr(packed, "MOST_BYTES", 95)
    assert sent(LABELS) is LABELS
    monkeypatch.setattr(packed, "MOST_BYTES", 96)
    assert len(arrays_in(sent(LABELS))) == 3


def test_arrays_of_large_samples_are_not_joined():
    for n_entries, n_arrays in ((MOST_ENTRIES, 1), (MOST_ENTRIES + 1, 2)):
        y = {n: np.ones((12, n_entries), "float32") for n in "ab"}
        assert len(arrays_in(sent(y))) == n_arrays


def test_other_labels_stay_as_they_are():
    for y in (LABELS["a"], [LABELS["a"], LABELS["b"]], {"head": {"a": LABELS["a"]}}, None):
        assert sent(y) is y


def test_nothing_is_packed_twice():
    once = sent(LABELS, WEIGHTS)
    assert sent(once) is once


class OwnLoss(kml.MultiLossModel):
    """It reads labels by name."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **rest):
        assert set(y) == {"a", "b", "c", "n"}
        assert sample_weight is None or set(sample_weight) == {"a", "b"}
        return super().compute_loss(x, y, y_pred, sample_weight, **rest)


class OwnStep(kml.MultiLossModel):
    """Its step gets labels by name, packed only where there are weights."""

    def train_step(self, *args):
        y = args[-1][1]
        assert packed.is_packed(y) or {"a", "b", "c", "n"} == set(y)
        return super().train_step(*args)


def compiled(cls=kml.MultiLossModel):
    keras.utils.set_random_seed(1)
    x = keras.Input((3,), name="x")
    heads = {n: keras.layers.Dense(1, name=n)(x) for n in "abc"}
    heads["n"] = keras.layers.Dense(3, activation="softmax", name="n")(x)
    model = cls(x, heads)
    terms = [kml.LossTerm("mse", n) for n in "abc"]
    loss = kml.WeightedSumLoss([*terms, kml.LossTerm("sparse_categorical_crossentropy", "n")])
    model.compile(keras.optimizers.SGD(0.1), loss=loss, metrics={"a": ["mae"]})
    return model


def history(model, **options):
    arguments = {"batch_size": 5, "epochs": 2, "verbose": 0, "shuffle": False, **options}
    return model.fit(X, LABELS, **arguments).history


@pytest.mark.parametrize(
    "options",
    [{}, {"sample_weight": WEIGHTS}, {"validation_split": 0.25}, {"validation_data": (X, LABELS)}],
    ids=["labels", "weights", "split", "validation"],
)
@pytest.mark.parametrize("cls", [OwnLoss, OwnStep])
def test_training_is_that_on_labels_one_by_one(options, cls):
    joined, single = history(compiled(), **options), history(compiled(cls), **options)
    assert set(joined) == set(single)
    for name, values in single.items():
        np.testing.assert_allclose(joined[name], values, rtol=1e-5, err_msg=name)
