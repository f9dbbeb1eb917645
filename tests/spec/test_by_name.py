"""Structures of tensors by name."""

import pytest

from keras_multiloss.evaluation import snake_case
from keras_multiloss.spec import by_name, key_name, label_input_name, sample_weight_input_name


@pytest.mark.parametrize(
    ("structure", "flat"),
    [
        (None, {}),
        ("t", {0: "t"}),
        (["t", "u"], {0: "t", 1: "u"}),
        (("t", None), {0: "t"}),
        ({"a": "t", "b": None}, {"a": "t"}),
        ({"head": {"box": "t", "class": "u"}}, {"head/box": "t", "head/class": "u"}),
        ({"pyramid": ["t", "u"]}, {"pyramid/0": "t", "pyramid/1": "u"}),
        ([{"a": "t"}, "u"], {"0/a": "t", 1: "u"}),
        ({"a": {"b": {"c": "t"}}}, {"a/b/c": "t"}),
        ({0: "t"}, {0: "t"}),
    ],
)
def test_a_structure_is_flattened_by_name_and_position(structure, flat):
    assert by_name(structure) == flat


def test_entries_of_a_list_have_both_position_and_name():
    assert by_name(["t", "u"], ["a", "b"]) == {0: "t", 1: "u", "a": "t", "b": "u"}


def test_a_tensor_is_a_list_of_one():
    assert by_name("t", ["a"]) == {0: "t", "a": "t"}


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], ["a", "a"]])
def test_names_that_do_not_fit_a_list_are_not_given_to_it(names):
    assert by_name(["t", "u"], names) == {0: "t", 1: "u"}


def test_a_dict_keeps_its_own_names():
    assert by_name({"a": "t"}, ["b"]) == {"a": "t"}


def test_one_name_twice_is_an_error():
    with pytest.raises(ValueError, match="Here: two entries of a nested dict have the same name"):
        by_name({"a/b": "t", "a": {"b": "u"}}, where="Here")


def test_names_of_inputs_have_no_slashes():
    assert label_input_name("head/box") == "head_box_label"
    assert label_input_name(1) == "label_1_label"
    assert sample_weight_input_name() == "sample_weight"
    assert sample_weight_input_name("head/box") == "head_box_sample_weight"


def test_a_position_has_a_name_too():
    assert key_name(2, "output") == "output_2"
    assert key_name("age", "output") == "age"


def test_a_class_is_named_in_snake_case():
    assert snake_case("GaussianNLL") == "gaussian_nll"
    assert snake_case("MeanSquaredError") == "mean_squared_error"
