"""Shapes: aligned where that is safe, refused otherwise."""

import numpy as np
import pytest

from keras_multiloss._platform import ops
from keras_multiloss.evaluation import (
    align,
    align_labels,
    fit_valid,
    fit_weights,
    same_shape,
    sparse_label,
)
from tests.lanes import needs_unknown_shapes


def tensor(*shape):
    return ops.convert_to_tensor(np.arange(np.prod(shape), dtype="float32").reshape(shape))


def shape(x):
    return tuple(x.shape)


def traced(function, *signatures):
    """A function traced by TensorFlow, which then knows only parts of the shapes."""
    import tensorflow as tf

    specs = [tf.TensorSpec(signature, "float32") for signature in signatures]
    return tf.function(function, input_signature=specs)


@pytest.mark.parametrize(
    ("label", "output", "both"),
    [
        ((4,), (4, 1), (4, 1)),
        ((4, 1), (4,), (4, 1)),
        ((4, 3), (4, 3, 1), (4, 3)),
        ((4, 3, 1), (4, 3), (4, 3)),
        ((4, 3), (4, 3), (4, 3)),
    ],
)
def test_labels_and_outputs_that_differ_by_an_axis_of_one_are_aligned(label, output, both):
    aligned = align(tensor(*label), tensor(*output))
    assert (shape(aligned[0]), shape(aligned[1])) == (both, both)


@pytest.mark.parametrize(("label", "output"), [((4,), (4, 2)), ((4, 1, 1), (4,)), ((), (4, 1))])
def test_other_ranks_are_left_as_they_are(label, output):
    aligned = align(tensor(*label), tensor(*output))
    assert (shape(aligned[0]), shape(aligned[1])) == (label, output)


def test_labels_of_a_joint_loss_become_columns_where_all_outputs_are():
    labels = (tensor(4), tensor(4, 2))
    columns = align_labels(labels, (tensor(4, 1), tensor(4, 1)))
    assert [shape(x) for x in columns] == [(4, 1), (4, 2)]
    mixed = align_labels(labels, (tensor(4, 1), tensor(4, 2)))
    assert [shape(x) for x in mixed] == [(4, 1), (4, 2)]


def test_labels_of_a_joint_loss_lose_their_axis_where_no_output_has_one():
    labels = align_labels((tensor(4, 1), tensor(4, 2)), (tensor(4), tensor(4)))
    assert [shape(x) for x in labels] == [(4,), (4, 2)]


@pytest.mark.parametrize(
    ("label", "output"),
    [((4,), (4, 2)), ((4, 2), (4, 3)), ((4, 1), (4, 3)), ((4, 3), (4, 1)), ((1, 3), (4, 3))],
)
def test_a_label_that_would_be_broadcast_is_refused(label, output):
    with pytest.raises(ValueError, match="the label does not have the shape of the output"):
        same_shape("Here", tensor(*label), tensor(*output))


@pytest.mark.parametrize(
    ("label", "output", "fitted"),
    [((4,), (4, 3), (4,)), ((4, 1), (4, 3), (4,)), ((4, 5, 1), (4, 5, 3), (4, 5))],
)
def test_a_sparse_label_has_a_number_for_each_distribution(label, output, fitted):
    assert shape(sparse_label("Here", tensor(*label), tensor(*output))) == fitted


@pytest.mark.parametrize(
    ("label", "output"), [((4, 3), (4, 3)), ((4, 2), (4, 3)), ((3,), (4, 3)), ((4,), (4, 5, 3))]
)
def test_another_sparse_label_is_refused(label, output):
    with pytest.raises(ValueError, match="the label does not fit the output"):
        sparse_label("Here", tensor(*label), tensor(*output))


@pytest.mark.parametrize(
    ("weights", "values", "fitted"),
    [
        ((), (4,), ()),
        ((4,), (4,), (4,)),
        ((4, 1), (4,), (4,)),
        ((4,), (4, 3), (4, 1)),
        ((4, 1), (4, 3), (4, 1)),
        ((4, 3), (4, 3), (4, 3)),
        ((4, 1, 1), (4, 3), (4, 1)),
        ((1,), (1,), (1,)),
    ],
)
def test_weights_get_the_rank_of_the_values(weights, values, fitted):
    assert shape(fit_weights("Here", tensor(*weights), tensor(*values))) == fitted


@pytest.mark.parametrize(
    ("weights", "values"),
    [((3,), (4,)), ((1,), (4,)), ((4, 3), (4,)), ((3,), (4, 3)), ((4,), ()), ((4, 2), (4, 3))],
)
def test_weights_that_would_spread_over_the_batch_are_refused(weights, values):
    with pytest.raises(ValueError, match="the sample weights do not fit the values of the loss"):
        fit_weights("Here", tensor(*weights), tensor(*values))


def test_a_value_counts_if_all_entries_that_it_stands_for_are_there():
    valid = ops.convert_to_tensor([[True, True], [True, False]])
    fitted = fit_valid("Here", valid, tensor(2))
    assert ops.convert_to_numpy(fitted).tolist() == [True, False]


def test_a_sample_that_is_there_is_there_with_all_its_values():
    fitted = fit_valid("Here", ops.convert_to_tensor([True, False]), tensor(2, 3))
    assert ops.convert_to_numpy(fitted).tolist() == [[True] * 3, [False] * 3]


@pytest.mark.parametrize("values", [(), (3,), (2, 5)])
def test_conditions_that_do_not_fit_the_values_are_refused(values):
    valid = ops.convert_to_tensor(np.ones((2, 3), bool))
    with pytest.raises(ValueError, match="missing labels cannot be left out"):
        fit_valid("Here", valid, tensor(*values))


@needs_unknown_shapes
class TestShapesThatTracingDoesNotKnow:
    """As in `tf.data` pipelines of generators and `py_function`s."""

    def test_a_label_of_unknown_rank_gets_the_shape_of_the_output(self):
        function = traced(lambda y, p: same_shape("Here", y, p), None, (None, 1))
        assert shape(function(tensor(4), tensor(4, 1))) == (4, 1)

    def test_a_sparse_label_of_unknown_rank_has_a_number_for_each_distribution(self):
        function = traced(lambda y, p: sparse_label("Here", y, p), None, (None, 3))
        assert shape(function(tensor(4, 1), tensor(4, 3))) == (4,)

    def test_a_label_that_turns_out_not_to_fit_raises_in_the_graph(self):
        import tensorflow as tf

        function = traced(lambda y, p: same_shape("Here", y, p), (None, None), (None, 3))
        with pytest.raises(tf.errors.InvalidArgumentError):
            function(tensor(4, 1), tensor(4, 3))

    def test_a_known_label_is_left_as_it_is(self):
        kept = []

        def function(y, p):
            kept.append(same_shape("Here", y, p) is y)
            return y

        traced(function, (None, 3), (None, 3))(tensor(4, 3), tensor(4, 3))
        assert kept == [True]

    @pytest.mark.parametrize(
        ("weights", "fitted"),
        [((4,), (4, 1)), ((4, 1), (4, 1)), ((4, 1, 1), (4, 1)), ((4, 3), (4, 3))],
    )
    def test_weights_of_unknown_rank_are_of_samples_or_of_entries(self, weights, fitted):
        function = traced(lambda w, v: fit_weights("Here", w, v), None, (None, 3))
        assert shape(function(tensor(*weights), tensor(4, 3))) == fitted

    def test_conditions_of_unknown_rank_are_refused(self):
        function = traced(lambda y, v: fit_valid("Here", y == 0, v), None, (None,))
        with pytest.raises(ValueError, match="for labels of known rank"):
            function(tensor(4), tensor(4))
