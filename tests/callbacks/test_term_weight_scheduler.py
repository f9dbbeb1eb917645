"""`TermWeightScheduler`: what it is given; what it does is in tests/weighting/test_view.py."""

import pytest

from keras_multiloss.callbacks import TermWeightScheduler
from tests.losses.messages import exactly
from tests.weighting.hosts import OPTIONS, hosted, spec


@pytest.mark.parametrize("weights", [{"sex": 0.5}, [0.5], None])
def test_what_is_no_dict_of_functions_is_refused(weights):
    with pytest.raises(TypeError, match="`weights` is not a dict of functions"):
        TermWeightScheduler(weights)


@pytest.mark.parametrize("host", ["model", "layer"])
def test_a_name_that_is_no_term_is_found_when_training_begins(host):
    model, data = hosted(host, spec("static"))
    message = exactly(
        "TermWeightScheduler: there is no such term in the model.",
        "  Expected: one of ['age', 'sex', 'size']",
        "  Received: 'sexx'",
        "  Hint: did you mean 'sex'?",
    )
    with pytest.raises(ValueError, match=message):
        model.fit(*data, callbacks=[TermWeightScheduler({"sexx": float})], **OPTIONS)


def test_constant_weights_are_not_open_to_change():
    model, data = hosted("model", spec(None))
    with pytest.raises(ValueError, match='weighting="static"'):
        model.fit(*data, callbacks=[TermWeightScheduler({"sex": float})], **OPTIONS)
