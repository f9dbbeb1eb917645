"""`labels_to_inputs`: every kind of data, in names, values and training."""

import sys

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss import data as kml_data
from keras_multiloss._platform import keras
from keras_multiloss.spec import label_input_name
from tests.conftest import two_heads, two_heads_data
from tests.data.sources import (
    BATCH_SIZE,
    KINDS,
    Batches,
    as_kind,
    assert_same,
    batches_of,
    expected_batches,
    tf_dataset,
)
from tests.lanes import (
    needs_optional_inputs,
    needs_predict_with_none,
    needs_tensorflow,
)

X, Y = two_heads_data()
WEIGHT = np.linspace(0.5, 2.0, len(X), dtype="float32")


def spec():
    return kml.LossTerm("mse", "age") + 0.5 * kml.LossTerm("binary_crossentropy", "sex")


@pytest.mark.parametrize("kind", KINDS)
def test_labels_and_weights_become_inputs(kind):
    data = as_kind(kind, ({"x": X}, Y, WEIGHT))
    inputs = {
        "x": X,
        "age_label": Y["age"],
        "sex_label": Y["sex"],
        "sample_weight": WEIGHT,
    }
    received = batches_of(kind, kml_data.labels_to_inputs(data))
    assert_same(received, expected_batches(kind, inputs, is_dict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_given_to_what_has_none_and_changed_by_rename(kind):
    data = as_kind(kind, (X, (Y["age"], Y["sex"])))
    received = kml_data.labels_to_inputs(
        data,
        inputs="input_1",
        labels=["label_1", "label_2"],
        rename={"label_1": "input_2", "label_2": "input_3"},
    )
    inputs = {"input_1": X, "input_2": Y["age"], "input_3": Y["sex"]}
    assert_same(batches_of(kind, received), expected_batches(kind, inputs, is_dict=True))


def test_a_list_of_inputs_takes_a_list_of_names():
    inputs = kml_data.labels_to_inputs(([X, WEIGHT], Y["age"]), inputs=["x", "z"], labels="age")
    assert_same(inputs, {"x": X, "z": WEIGHT, "age_label": Y["age"]})


def test_nested_labels_have_the_names_that_attach_losses_gives_them():
    x = keras.Input((3,), name="x")
    model = keras.Model(x, {"head": {"box": keras.layers.Dense(1, name="box")(x)}})
    training_model = kml.attach_losses(model, kml.LossTerm("mse", "head/box"))
    inputs = kml_data.labels_to_inputs(({"x": X}, {"head": {"box": Y["age"]}}))
    assert set(inputs) == {tensor.name for tensor in training_model.inputs}


def test_labels_by_position_have_the_names_of_positions():
    inputs = kml_data.labels_to_inputs(({"x": X}, [Y["age"], Y["sex"]]), labels=[0, 1])
    assert list(inputs) == ["x", label_input_name(0), label_input_name(1)]


def test_sample_weights_by_name_have_inputs_of_their_own():
    weights = {"age": WEIGHT, "sex": WEIGHT + 1}
    rename = {"sex_sample_weight": "w"}
    inputs = kml_data.labels_to_inputs(({"x": X}, {"age": Y["age"]}, weights), rename=rename)
    assert_same(
        inputs,
        {"x": X, "age_label": Y["age"], "age_sample_weight": WEIGHT, "w": WEIGHT + 1},
    )


def test_a_sample_weight_of_none_is_no_input():
    assert set(kml_data.labels_to_inputs((X, Y, None), inputs="x")) == {
        "x",
        "age_label",
        "sex_label",
    }


def test_a_label_of_none_leaves_its_input_empty():
    inputs = kml_data.labels_to_inputs(({"x": X}, {"age": Y["age"], "sex": None}))
    assert inputs["sex_label"] is None


@needs_tensorflow
def test_a_label_of_none_leaves_its_input_empty_in_tf_data():
    dataset = tf_dataset((X, Y)).map(lambda x, y: (x, {"age": y["age"], "sex": None}))
    assert next(iter(kml_data.labels_to_inputs(dataset, inputs="x")))["sex_label"] is None


@needs_tensorflow
@pytest.mark.parametrize("drop_remainder", [True, False])
def test_tf_data_keeps_static_shapes_dtypes_and_cardinality(drop_remainder):
    data = ({"x": X}, {"age": Y["age"], "sex": Y["sex"].astype("int64")})
    dataset = tf_dataset(data, drop_remainder=drop_remainder)
    inputs = kml_data.labels_to_inputs(dataset)
    x, y = dataset.element_spec
    assert inputs.element_spec == {
        "x": x["x"],
        "age_label": y["age"],
        "sex_label": y["sex"],
    }
    assert inputs.element_spec["x"].shape[0] == (BATCH_SIZE if drop_remainder else None)
    assert inputs.cardinality() == dataset.cardinality()
    assert kml_data.labels_to_inputs(dataset.repeat()).cardinality() == -1  # infinite


@needs_tensorflow
def test_tf_data_is_prefetched():
    assert "Prefetch" in type(kml_data.labels_to_inputs(tf_dataset(({"x": X}, Y)))).__name__


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.sample(2)
def test_the_losses_of_training_equal_those_of_a_model_with_labels_outside(kind, is_weighted):
    data = (X, Y, WEIGHT) if is_weighted else (X, Y)
    model = two_heads()
    start = model.get_weights()
    outside = kml.MultiLossModel.from_model(model)
    inside = kml.attach_losses(model, spec(), sample_weight=is_weighted)
    losses = []
    for host, loss in ((outside, spec()), (inside, None)):
        host.compile(keras.optimizers.SGD(0.1), loss=loss)
        model.set_weights(start)
        losses.append([])
        for _ in range(3):
            epoch = as_kind(kind, data)
            if host is inside:
                epoch = kml_data.labels_to_inputs(epoch, inputs="x")
            losses[-1] += _fit(host, kind, epoch).history["loss"]
    # The two hosts run the same operations on the same batches, so this holds to the bit.
    assert losses[1] == losses[0]
    assert losses[0][-1] < losses[0][0]


def _fit(model, kind, data):
    if kind != "arrays":
        n_steps = len(X) // BATCH_SIZE if kind == "generator" else None
        return model.fit(data, steps_per_epoch=n_steps, shuffle=False, verbose=0)
    arrays = data if isinstance(data, tuple) else (data,)
    x, y, sample_weight = (*arrays, None, None)[:3]
    return model.fit(
        x, y, sample_weight=sample_weight, batch_size=BATCH_SIZE, shuffle=False, verbose=0
    )


@needs_optional_inputs
@needs_predict_with_none
def test_the_trained_model_predicts_without_labels():
    model = two_heads()
    training_model = kml.attach_losses(model, spec())
    training_model.compile("sgd")
    training_model.fit(kml_data.labels_to_inputs((X, Y), inputs="x"), verbose=0)
    no_labels = {"age_label": None, "sex_label": None}
    predictions = training_model.predict({"x": X, **no_labels}, verbose=0)
    np.testing.assert_array_equal(predictions["age"], model.predict(X, verbose=0)["age"])


@needs_optional_inputs
@needs_predict_with_none
def test_a_term_that_is_not_required_is_skipped_where_its_label_is_none():
    loss = kml.LossTerm("mse", "age") + kml.LossTerm("mse", "sex", required=False)
    model = two_heads()
    training_model = kml.attach_losses(model, loss)
    training_model.compile("sgd")
    data = kml_data.labels_to_inputs((X, {"age": Y["age"], "sex": None}), inputs="x")
    logs = training_model.evaluate(data, verbose=0, return_dict=True)
    age = model.predict(X, verbose=0)["age"]
    # One float32 mean of 24 squares against another.
    np.testing.assert_allclose(logs["loss"], np.mean((age - Y["age"]) ** 2), rtol=1e-6)


def test_tensorflow_is_not_imported_for_other_kinds(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    kml_data.labels_to_inputs((X, Y), inputs="x")
    kml_data.merge_tasks([Batches((X, Y))])
    assert "tensorflow" not in sys.modules


MISTAKES = {
    "no labels": (
        ({"x": X},),
        {},
        (
            "labels_to_inputs: the data does not come with labels.\n"
            "  Expected: (x, y) or (x, y, sample_weight)\n"
            "  Received: a tuple (dict)"
        ),
    ),
    "inputs already": (
        {"x": X},
        {},
        (
            "labels_to_inputs: the data does not come with labels.\n"
            "  Expected: (x, y) or (x, y, sample_weight)\n"
            "  Received: a dict with the keys ['x']\n"
            "  Hint: a dict is what label-input models take already"
        ),
    ),
    "x without names": (
        (X, Y),
        {},
        (
            "labels_to_inputs: x has no names.\n"
            "  Expected: a dict, or as many names in `inputs` as x has entries\n"
            "  Received: one tensor of shape (24, 3), inputs=None\n"
            "  Hint: labels_to_inputs(..., inputs='x'), with names of your own"
        ),
    ),
    "y without names": (
        ({"x": X}, (Y["age"], Y["sex"])),
        {},
        (
            "labels_to_inputs: y has no names.\n"
            "  Expected: a dict, or as many names in `labels` as y has entries\n"
            "  Received: a tuple (ndarray, ndarray), labels=None\n"
            "  Hint: labels_to_inputs(..., labels=['y_0', 'y_1']), with names of your own"
        ),
    ),
    "too few names": (
        ({"x": X}, (Y["age"], Y["sex"])),
        {"labels": "age"},
        (
            "labels_to_inputs: `labels` does not fit y.\n"
            "  Expected: a dict, or as many names in `labels` as y has entries\n"
            "  Received: a tuple (ndarray, ndarray), labels=['age']\n"
            "  Hint: labels_to_inputs(..., labels=['y_0', 'y_1']), with names of your own"
        ),
    ),
    "names for a dict": (
        ({"x": X}, Y),
        {"labels": ["age", "sex"]},
        (
            "labels_to_inputs: `labels` names what has names already.\n"
            "  Expected: no `labels`, as y is a dict with the keys ['age', 'sex']\n"
            "  Received: labels=['age', 'sex']\n"
            "  Hint: `rename` says which label goes to which input"
        ),
    ),
    "one name twice": (
        ({"x": X}, (Y["age"], Y["sex"])),
        {"labels": ["age", "age"]},
        (
            "labels_to_inputs: `labels` has a name twice.\n"
            "  Expected: different names\n"
            "  Received: ['age', 'age']"
        ),
    ),
    "unknown name": (
        ({"x": X}, Y),
        {"rename": {"agee": "input_2"}},
        (
            "labels_to_inputs: `rename` has a name that is not among the labels.\n"
            "  Expected: one of ['age', 'sex']\n"
            "  Received: 'agee'\n"
            "  Hint: did you mean 'age'?"
        ),
    ),
    "collision with an input": (
        ({"x": X, "age_label": X}, Y),
        {},
        (
            "labels_to_inputs: two entries of the data go to the input 'age_label'.\n"
            "  Expected: an input of its own for each input, label and sample weight\n"
            "  Received: input 'age_label' and label 'age'\n"
            "  Hint: give a label the name of another input by `rename`"
        ),
    ),
    "collision of labels": (
        ({"x": X}, {"a/b": WEIGHT, "a_b": WEIGHT}),
        {},
        (
            "labels_to_inputs: two entries of the data go to the input 'a_b_label'.\n"
            "  Expected: an input of its own for each input, label and sample weight\n"
            "  Received: label 'a/b' and label 'a_b'\n"
            "  Hint: give a label the name of another input by `rename`"
        ),
    ),
    "two forms of weights": (
        ({"x": X}, Y, (WEIGHT, WEIGHT)),
        {},
        (
            "labels_to_inputs: the sample weights have no names.\n"
            "  Expected: one array, or a dict of arrays by name\n"
            "  Received: a tuple (ndarray, ndarray)"
        ),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told(mistake):
    data, arguments, message = MISTAKES[mistake]
    with pytest.raises((ValueError, TypeError)) as info:
        kml_data.labels_to_inputs(data, **arguments)
    assert str(info.value) == message


@needs_tensorflow
def test_a_mistake_in_tf_data_is_told_at_once_and_in_the_same_words():
    data, arguments, message = MISTAKES["collision with an input"]
    dataset = tf_dataset(data)
    with pytest.raises(ValueError, match="two entries") as info:
        kml_data.labels_to_inputs(dataset, **arguments)
    assert str(info.value) == message


def test_a_mistake_in_a_pydataset_is_told_when_it_is_read():
    inputs = kml_data.labels_to_inputs(Batches(({"x": X}, Y)), rename={"agee": "input_2"})
    with pytest.raises(ValueError, match="did you mean 'age'"):
        inputs[0]


def test_rename_has_to_be_a_dict_of_names():
    with pytest.raises(TypeError) as info:
        kml_data.labels_to_inputs((X, Y), rename="age")
    assert str(info.value) == (
        "labels_to_inputs: `rename` is not a dict.\n"
        "  Expected: a dict from label names to names of inputs, {'age': 'input_2'}\n"
        "  Received: 'age' of type str"
    )
    with pytest.raises(TypeError, match="`rename` must be a name"):
        kml_data.labels_to_inputs((X, Y), rename={"age": 2})


def test_an_input_has_no_position_for_a_name():
    with pytest.raises(TypeError, match="`inputs` must be a name"):
        kml_data.labels_to_inputs((X, Y), inputs=0)
