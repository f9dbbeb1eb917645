"""Body mass and sex of penguins, of which some have not been weighed or sexed."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests.lanes import needs_penguins


def build():
    bird = keras.Input((3,), name="bird")
    hidden = keras.layers.Dense(8, activation="relu")(bird)
    mass = keras.layers.Dense(1)(hidden)
    sex = keras.layers.Dense(1, activation="sigmoid")(hidden)
    loss = kml.LossTerm(keras.losses.Huber(delta=0.5), "mass", mask="nan")
    loss += kml.LossTerm("binary_crossentropy", "sex", mask="nan")
    return keras.Model(bird, {"mass": mass, "sex": sex}), loss


def palmer_penguins():
    """344 penguins; 2 lack their measures and mass, 11 their sex."""
    from palmerpenguins import load_penguins

    table = load_penguins()
    measures = table[["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]].to_numpy("float32")
    bird = (measures - np.nanmean(measures, axis=0)) / np.nanstd(measures, axis=0)
    sex = table["sex"].map({"female": 0.0, "male": 1.0})
    mass = table["body_mass_g"] / 1000
    labels = {"mass": mass, "sex": sex}
    return np.nan_to_num(bird), {k: v.to_numpy("float32")[:, None] for k, v in labels.items()}


def made_up_penguins(n=128):
    """Penguins whose males are larger; every tenth lacks its mass, every seventh its sex."""
    rng = np.random.default_rng(0)
    sex = rng.integers(0, 2, (n, 1)).astype("float32")
    bird = (sex + rng.normal(size=(n, 3))).astype("float32")
    mass = 4.0 + bird.mean(axis=1, keepdims=True)
    mass[::10], sex[::7] = np.nan, np.nan
    return bird, {"mass": mass, "sex": sex}


@pytest.mark.parametrize(
    "penguins", [made_up_penguins, pytest.param(palmer_penguins, marks=needs_penguins)]
)
@pytest.mark.sample(2)
def test_mass_and_sex_with_missing_labels(acceptance, penguins):
    x, y = penguins()
    assert np.isnan(y["mass"]).any()
    assert np.isnan(y["sex"]).any()
    logs = acceptance.check(build, x, y)
    assert np.isfinite(list(logs.values())).all()
