"""Terms and sums stay as they were built."""

import copy
import pickle

import pytest

import keras_multiloss as kml
from tests.losses.messages import exactly

TERM = kml.LossTerm("mse", "age", weight=2.0)
LOSS = kml.WeightedSumLoss([TERM], weighting="static")


def test_an_attribute_of_a_term_cannot_be_set():
    message = exactly(
        "LossTerm: `weight` cannot be changed, as a model compiled with it would not notice.",
        "  Expected: a new LossTerm, to compile the model with",
        "  Received: weight = 5.0",
        "  Hint: loss.replace('name', weight=2.0) gives a sum with a term like it",
    )
    with pytest.raises(AttributeError, match=message):
        TERM.weight = 5.0
    assert TERM.weight == 2.0


@pytest.mark.parametrize("attribute", ["terms", "names", "weighting", "name"])
def test_an_attribute_of_a_sum_cannot_be_set(attribute):
    with pytest.raises(AttributeError, match=f"`{attribute}` cannot be changed"):
        setattr(LOSS, attribute, None)


def test_the_terms_of_a_sum_cannot_be_replaced_in_place():
    with pytest.raises(TypeError):
        LOSS.terms[0] = TERM
    with pytest.raises(AttributeError):
        LOSS.terms[0].weight = 5.0


def test_copies_are_equal_and_as_closed():
    for other in (copy.copy(LOSS), copy.deepcopy(LOSS)):
        assert other.get_config() == LOSS.get_config()
        with pytest.raises(AttributeError):
            other.names = []


def test_a_term_can_be_pickled():
    assert pickle.loads(pickle.dumps(TERM)).get_config() == TERM.get_config()  # noqa: S301
