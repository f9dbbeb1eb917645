"""Arguments that pass the checks come back in one form; others raise. Texts: test_messages."""

import math
from fractions import Fraction

import numpy as np
import pytest

from keras_multiloss._checks import (
    check_bool,
    check_choice,
    check_class_weight,
    check_config,
    check_finite_number,
    check_keys,
    check_mask,
    check_name,
    check_positive,
    check_seed,
)
from keras_multiloss._messages import error, unknown_name
from keras_multiloss._platform import ops
from tests.conftest import variable


def test_an_error_says_where_what_was_expected_what_came_and_what_to_do():
    e = error(KeyError, "Here", "it is wrong", expected="this", received="that", hint="so")
    assert isinstance(e, KeyError)
    assert e.args == ("Here: it is wrong.\n  Expected: this\n  Received: that\n  Hint: so",)


def test_an_error_without_a_hint_ends_with_what_came():
    e = error(ValueError, "Here", "it is wrong", expected=1, received=2)
    assert str(e).splitlines()[-1] == "  Received: 2"


def test_an_unknown_name_gets_the_nearest_known_name():
    e = unknown_name("Here", "it is unknown", "hieght", ["age", "height"])
    assert "Expected: one of ['age', 'height']" in str(e)
    assert "Hint: did you mean 'height'?" in str(e)


def test_a_name_unlike_any_other_gets_the_hint_of_the_caller():
    assert "Hint: look" in str(unknown_name("Here", "x", "zzz", ["age"], hint="look"))


def test_an_unknown_name_among_none_says_so():
    assert "no names at all" in str(unknown_name("Here", "it is unknown", "age", []))


@pytest.mark.parametrize("name", ["age", "head/box", "größe"])
def test_a_string_is_a_name(name):
    check_name("Here", "name", name)


@pytest.mark.parametrize(("name", "kind"), [("", ValueError), (1, TypeError), (None, TypeError)])
def test_nothing_else_is_a_name(name, kind):
    with pytest.raises(kind):
        check_name("Here", "name", name)


@pytest.mark.parametrize("value", [1, 0.5, -2.0, np.float32(0.5), np.int64(3), Fraction(1, 4)])
def test_a_real_number_becomes_a_float(value):
    number = check_finite_number("Here", "x", value)
    assert type(number) is float
    assert number == value


@pytest.mark.parametrize("value", [True, np.True_, "1", None, 1j, [1.0], np.ones(1), np.ones(())])
def test_what_is_no_real_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="`x` must be a number"):
        check_finite_number("Here", "x", value)


@pytest.mark.parametrize("make", [ops.ones, variable], ids=["tensor", "variable"])
def test_a_tensor_and_a_variable_are_no_numbers(make):
    with pytest.raises(TypeError, match="`x` must be a number"):
        check_finite_number("Here", "x", make(()))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_number_that_is_not_finite_is_a_value_error(value):
    with pytest.raises(ValueError, match="`x` must be finite"):
        check_finite_number("Here", "x", value)


@pytest.mark.parametrize("value", [0, -1.0])
def test_zero_and_less_are_not_positive(value):
    with pytest.raises(ValueError, match="`x` must be above 0"):
        check_positive("Here", "x", value)


@pytest.mark.parametrize("value", [1, 0, "yes", None, np.True_])
def test_only_true_and_false_are_truth_values(value):
    with pytest.raises(TypeError, match="`x` must be True or False"):
        check_bool("Here", "x", value)
    assert check_bool("Here", "x", True) is True


def test_a_choice_is_one_of_the_choices():
    check_choice("Here", "x", "sum", ("sum", "mean"))
    with pytest.raises(ValueError, match="did you mean 'mean'"):
        check_choice("Here", "x", "meen", ("sum", "mean"))


@pytest.mark.parametrize(
    ("keys", "checked"),
    [
        ("age", "age"),
        (0, 0),
        (np.int64(2), 2),
        (["age", 1], ["age", 1]),
        (("age", "sex"), ["age", "sex"]),
        (None, None),
    ],
)
def test_names_and_positions_are_kept_and_a_tuple_becomes_a_list(keys, checked):
    assert check_keys("Here", "outputs", keys) == checked


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ([], ValueError),
        ("", ValueError),
        (-1, ValueError),
        (True, ValueError),
        (1.0, ValueError),
        (["age", None], TypeError),
        ([["age"]], TypeError),
        ({"age": 1}, TypeError),
    ],
)
def test_other_keys_raise(keys, kind):
    with pytest.raises(kind, match="`outputs`"):
        check_keys("Here", "outputs", keys)


@pytest.mark.parametrize(
    ("mask", "checked"),
    [
        (None, None),
        ("nan", "nan"),
        (math.nan, "nan"),
        (np.float32("nan"), "nan"),
        (-1, -1),
        (np.int32(-1), -1),
        (0.5, 0.5),
    ],
)
def test_a_mask_is_nan_or_a_number(mask, checked):
    assert check_mask("Here", "mask", mask) == checked


@pytest.mark.parametrize(
    ("mask", "kind"),
    [("NaN", ValueError), (True, TypeError), ([-1], TypeError), (math.inf, ValueError)],
)
def test_other_masks_raise(mask, kind):
    with pytest.raises(kind, match="`mask`"):
        check_mask("Here", "mask", mask)


def test_class_weights_become_floats_by_int():
    checked = check_class_weight("Here", {np.int64(1): 5, 0: np.float32(0.5)})
    assert checked == {1: 5.0, 0: 0.5}
    assert {type(k) for k in checked} == {int}
    assert {type(v) for v in checked.values()} == {float}


@pytest.mark.parametrize(
    ("class_weight", "kind"),
    [
        ({}, TypeError),
        ([1.0, 2.0], TypeError),
        ({"a": 1.0}, ValueError),
        ({-1: 1.0}, ValueError),
        ({True: 1.0}, ValueError),
        ({0.0: 1.0}, ValueError),
        ({0: "1"}, TypeError),
        ({0: math.inf}, ValueError),
    ],
)
def test_other_class_weights_raise(class_weight, kind):
    with pytest.raises(kind, match="class_weight"):
        check_class_weight("Here", class_weight)


class Saved:
    pass


def test_a_config_is_copied():
    config = {"a": 1}
    checked = check_config(Saved, config, ("a", "b"), required=("a",))
    assert checked == config
    assert checked is not config


@pytest.mark.parametrize(
    ("config", "kind", "text"),
    [
        ([], TypeError, "the config is not a dict"),
        ({"a": 1, "bb": 2}, ValueError, "unknown argument"),
        ({"b": 1}, ValueError, "the config has no 'a'"),
    ],
)
def test_a_config_of_something_else_raises(config, kind, text):
    with pytest.raises(kind, match=text):
        check_config(Saved, config, ("a", "b"), required=("a",))


def test_a_seed_may_be_an_integer_of_numpy():
    assert check_seed("here", np.int64(7)) == 7
