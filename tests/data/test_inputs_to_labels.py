"""`inputs_to_labels`, and the round trip between it and `labels_to_inputs`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_multiloss as kml
from keras_multiloss import data as kml_data
from tests.conftest import two_heads, two_heads_data
from tests.data.sources import (
    KINDS,
    Batches,
    as_kind,
    assert_same,
    batches_of,
    expected_batches,
    tf_dataset,
)
from tests.lanes import needs_tensorflow

X, Y = two_heads_data()
WEIGHT = np.linspace(0.5, 2.0, len(X), dtype="float32")
INPUTS = {"x": X, "age_label": Y["age"], "sex_label": Y["sex"]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("extra", "weights"),
    [
        ({}, ()),
        ({"sample_weight": WEIGHT}, (WEIGHT,)),
        ({"sex_sample_weight": WEIGHT}, ({"sex": WEIGHT},)),
    ],
    ids=["no weights", "one weight", "weights by name"],
)
def test_inputs_become_labels_and_weights(kind, extra, weights):
    labels = kml_data.inputs_to_labels(as_kind(kind, {**INPUTS, **extra}))
    assert_same(batches_of(kind, labels), expected_batches(kind, ({"x": X}, Y, *weights)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_round_trip_gives_back_the_data(kind):
    data = ({"x": X}, Y, WEIGHT)
    inputs = kml_data.labels_to_inputs(as_kind(kind, data))
    received = batches_of(kind, kml_data.inputs_to_labels(inputs))
    assert_same(received, expected_batches(kind, data))


def arrays(prefix):
    names = st.text("abc_", min_size=1, max_size=3).map(lambda name: prefix + name)
    return st.dictionaries(names, st.integers(), min_size=1, max_size=3)


@st.composite
def batches_and_renames(draw):
    """A batch, and other names for the inputs of some of its labels and sample weights."""
    x, y = draw(arrays("in_")), draw(arrays(""))
    weights = draw(st.sampled_from([None, 5, dict.fromkeys(y, 1)]))
    names = list(y)
    if weights is not None:
        named = isinstance(weights, dict)
        names += [f"{name}_sample_weight" for name in y] if named else ["sample_weight"]
    renamed = draw(st.lists(st.sampled_from(names), unique=True))
    batch = (x, y) if weights is None else (x, y, weights)
    return batch, {name: f"input_{i}" for i, name in enumerate(renamed)}


@given(batches_and_renames())
def test_labels_to_inputs_and_back_is_exact(drawn):
    batch, rename = drawn
    inputs = kml_data.labels_to_inputs(batch, rename=rename)
    assert kml_data.inputs_to_labels(inputs, rename=rename) == batch
    assert kml_data.inputs_to_labels(inputs, labels=list(batch[1]), rename=rename) == batch


@given(batches_and_renames())
def test_inputs_to_labels_and_back_is_exact(drawn):
    batch, rename = drawn
    inputs = kml_data.labels_to_inputs(batch, rename=rename)
    labels = kml_data.inputs_to_labels(inputs, rename=rename)
    assert kml_data.labels_to_inputs(labels, rename=rename) == inputs


def test_nested_labels_come_back_under_the_names_that_are_given():
    batch = ({"x": 1}, {"head/box": 2, "age": 3}, {"head/box": 4})
    inputs = kml_data.labels_to_inputs(batch)
    assert kml_data.inputs_to_labels(inputs, labels=["head/box", "age"]) == batch


def test_labels_by_position_come_back():
    inputs = kml_data.labels_to_inputs(({"x": 1}, [2, 3]), labels=[0, 1])
    assert kml_data.inputs_to_labels(inputs, labels=[0, 1]) == ({"x": 1}, {0: 2, 1: 3})


def test_only_the_labels_that_are_named_are_taken():
    inputs = {"x": 1, "food_label": 2, "age_label": 3}
    x, y = kml_data.inputs_to_labels(inputs, labels="age")
    assert (x, y) == ({"x": 1, "food_label": 2}, {"age": 3})


def test_a_renamed_label_stands_beside_those_found_by_their_names():
    inputs = {"x": 1, "years_label": 2, "sex_label": 3}
    _, y = kml_data.inputs_to_labels(inputs, rename={"age": "years_label"})
    assert y == {"age": 2, "sex": 3}


def test_an_input_named_like_a_renamed_label_stays_an_input():
    inputs = {"age_label": 1, "input_2": 2}
    assert kml_data.inputs_to_labels(inputs, rename={"age": "input_2"}) == (
        {"age_label": 1},
        {"age": 2},
    )


def test_an_input_named_like_a_renamed_sample_weight_stays_an_input():
    inputs = {"age_sample_weight": 1, "age_label": 2, "w": 3}
    assert kml_data.inputs_to_labels(inputs, rename={"age_sample_weight": "w"}) == (
        {"age_sample_weight": 1},
        {"age": 2},
        {"age": 3},
    )


def test_an_empty_optional_label_stays_empty():
    inputs = {"x": 1, "age_label": 2, "sex_label": None}
    assert kml_data.inputs_to_labels(inputs) == ({"x": 1}, {"age": 2, "sex": None})


def test_the_data_feeds_a_model_with_labels_outside():
    loss = kml.LossTerm("mse", "age") + kml.LossTerm("mse", "sex")
    model = kml.MultiLossModel.from_model(two_heads())
    model.compile("sgd", loss=loss)
    expected = model.evaluate(X, Y, verbose=0)
    assert model.evaluate(*kml_data.inputs_to_labels(INPUTS, inputs="x"), verbose=0) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_round_trip_gives_back_data_without_names(kind):
    inputs = kml_data.labels_to_inputs(as_kind(kind, (X, Y)), inputs="x")
    received = batches_of(kind, kml_data.inputs_to_labels(inputs, inputs="x"))
    assert_same(received, expected_batches(kind, (X, Y)))


@pytest.mark.parametrize("kind", KINDS)
def test_several_inputs_become_a_tuple_in_the_order_that_is_given(kind):
    data = as_kind(kind, ((X, WEIGHT), Y))
    inputs = kml_data.labels_to_inputs(data, inputs=["x", "z"])
    received = batches_of(kind, kml_data.inputs_to_labels(inputs, inputs=["z", "x"]))
    assert_same(received, expected_batches(kind, ((WEIGHT, X), Y)))


@needs_tensorflow
def test_tf_data_keeps_static_shapes_and_cardinality():
    dataset = tf_dataset(INPUTS, drop_remainder=True)
    labels = kml_data.inputs_to_labels(dataset)
    spec = dataset.element_spec
    assert labels.element_spec == (
        {"x": spec["x"]},
        {"age": spec["age_label"], "sex": spec["sex_label"]},
    )
    assert labels.cardinality() == dataset.cardinality()
    assert "Prefetch" in type(labels).__name__


MISTAKES = {
    "labels already": (
        ({"x": X}, Y),
        {},
        (
            "inputs_to_labels: the data is not a dict of inputs.\n"
            "  Expected: a dict from the names of inputs to tensors\n"
            "  Received: a tuple (dict, dict)\n"
            "  Hint: `(x, y)` is what MultiLossModel takes already"
        ),
    ),
    "no labels": (
        {"x": X},
        {},
        (
            "inputs_to_labels: the data has no labels.\n"
            "  Expected: entries `<label>_label`\n"
            "  Received: a dict with the keys ['x']\n"
            "  Hint: `labels` or `rename` say which entries are labels"
        ),
    ),
    "no inputs": (
        {"age_label": X},
        {},
        (
            "inputs_to_labels: no inputs are left for the model.\n"
            "  Expected: at least one entry that is neither a label nor a sample weight\n"
            "  Received: a dict with the keys ['age_label']\n"
            "  Hint: `labels` says which entries are labels"
        ),
    ),
    "unknown input of the model": (
        {**INPUTS, "z": X},
        {"inputs": "x"},
        (
            "inputs_to_labels: `inputs` does not name what is left for the model.\n"
            "  Expected: ['x', 'z'], which is neither a label nor a sample weight\n"
            "  Received: ['x']\n"
            "  Hint: `labels` says which entries are labels"
        ),
    ),
    "unknown label": (
        INPUTS,
        {"labels": ["agee"]},
        (
            "inputs_to_labels: the input of label 'agee' is not in the data.\n"
            "  Expected: one of ['x', 'age_label', 'sex_label']\n"
            "  Received: 'agee_label'\n"
            "  Hint: did you mean 'age_label'?"
        ),
    ),
    "unknown input": (
        INPUTS,
        {"rename": {"age": "age_labels"}},
        (
            "inputs_to_labels: the input of label 'age' is not in the data.\n"
            "  Expected: one of ['x', 'age_label', 'sex_label']\n"
            "  Received: 'age_labels'\n"
            "  Hint: did you mean 'age_label'?"
        ),
    ),
    "unknown sample weight": (
        INPUTS,
        {"rename": {"sample_weight": "w"}},
        (
            "inputs_to_labels: the input of sample weight 'sample_weight' is not in the data.\n"
            "  Expected: one of ['x', 'age_label', 'sex_label']\n"
            "  Received: 'w'"
        ),
    ),
    "renamed but not taken": (
        INPUTS,
        {"labels": ["sex"], "rename": {"age": "age_label"}},
        (
            "inputs_to_labels: `rename` has a name that is not in `labels`.\n"
            "  Expected: one of ['sex']\n"
            "  Received: 'age'"
        ),
    ),
    "one input for two labels": (
        INPUTS,
        {"rename": {"age": "age_label", "sex": "age_label"}},
        (
            "inputs_to_labels: two labels or sample weights share the input 'age_label'.\n"
            "  Expected: an input of its own for each label and sample weight\n"
            "  Received: 'age' and 'sex'\n"
            "  Hint: give one of them the name of another input by `rename`"
        ),
    ),
    "two forms of weights": (
        {**INPUTS, "sample_weight": WEIGHT, "age_sample_weight": WEIGHT},
        {},
        (
            "inputs_to_labels: some sample weights are for all terms and others for one.\n"
            "  Expected: either 'sample_weight' or entries `<name>_sample_weight`\n"
            "  Received: a dict with the keys "
            "['x', 'age_label', 'sex_label', 'sample_weight', 'age_sample_weight']\n"
            "  Hint: drop one of them from the data"
        ),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told(mistake):
    data, arguments, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match="inputs_to_labels") as info:
        kml_data.inputs_to_labels(data, **arguments)
    assert str(info.value) == message


@needs_tensorflow
def test_a_mistake_in_tf_data_is_told_at_once_and_in_the_same_words():
    data, arguments, message = MISTAKES["unknown label"]
    with pytest.raises(ValueError, match="inputs_to_labels") as info:
        kml_data.inputs_to_labels(tf_dataset(data), **arguments)
    assert str(info.value) == message


def test_a_mistake_in_a_pydataset_is_told_when_it_is_read():
    labels = kml_data.inputs_to_labels(Batches(INPUTS), labels="agee")
    with pytest.raises(ValueError, match="did you mean 'age_label'"):
        labels[0]
