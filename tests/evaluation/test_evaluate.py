"""The value of one term: against Keras's own losses, against NumPy, and by its laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import keras_multiloss as kml
from keras_multiloss._platform import KERAS_3, dtype_name, keras, ops
from keras_multiloss.evaluation import kind_of
from tests import references
from tests.evaluation.test_loss_kinds import classes_of_keras
from tests.lanes import needs_unknown_shapes
from tests.losses.gradients import gradients

#: Float32 rounds each number by 6e-8; sums of some ten numbers in another order stay below this.
TOLERANCE = {"rel": 1e-6, "abs": 1e-7}

WEIGHTS = np.float32([0.0, 2.0, 1.0, 0.5])
PROBABILITIES = np.float32([[0.9, 0.2, 0.3], [0.4, 0.6, 0.1], [0.2, 0.3, 0.7], [0.5, 0.8, 0.6]])
BINARY = np.float32([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
DISTRIBUTIONS = PROBABILITIES / PROBABILITIES.sum(axis=-1, keepdims=True)
ONE_HOT = np.eye(3, dtype="float32")[[0, 2, 1, 1]]
CLASSES = np.int32([0, 2, 1, 1])

register = keras.saving.register_keras_serializable(package="test_evaluation")


def term_value(loss, label, output, sample_weight=None, **arguments):
    term = kml.LossTerm(loss, "out", "label", **arguments)
    value = term.value({"label": label}, {"out": output}, sample_weight)
    assert dtype_name(value) == "float32"
    return float(ops.convert_to_numpy(value))


def example(cls):
    """A label and an output that a loss of Keras takes."""
    kind = kind_of(cls())
    if cls.__name__ == "CTC":
        logits = np.random.default_rng(1).normal(size=(4, 6, 5)).astype("float32")
        return np.int32([[1, 2, 0], [3, 4, 1], [2, 0, 0], [1, 1, 2]]), logits
    if cls.__name__ == "Circle":
        return CLASSES, PROBABILITIES / np.linalg.norm(PROBABILITIES, axis=-1, keepdims=True)
    if kind == "sparse":
        return CLASSES, DISTRIBUTIONS
    return (ONE_HOT, DISTRIBUTIONS) if kind == "vector" else (BINARY, PROBABILITIES)


def of_samples(name, label, output):
    """The values of a loss function of Keras."""
    return ops.convert_to_numpy(keras.losses.get(name)(label, output))


REDUCTIONS = ["sum_over_batch_size", "sum", "none"]
REDUCTIONS += ["mean", "mean_with_sample_weight"] if KERAS_3 else ["auto"]


class TestEqualToKeras:
    @pytest.mark.parametrize("reduction", REDUCTIONS)
    @pytest.mark.parametrize("cls", classes_of_keras(), ids=lambda cls: cls.__name__)
    def test_every_loss_and_reduction(self, cls, reduction):
        label, output = example(cls)
        as_float = label.astype("float32")
        loss = cls(reduction=reduction)
        in_keras = loss if reduction != "none" else cls(reduction="sum_over_batch_size")
        expected = float(in_keras(as_float, output))
        assert term_value(loss, label, output) == pytest.approx(expected, **TOLERANCE)
        if ops.shape(cls(reduction="none")(as_float, output)) != ():
            expected = float(in_keras(as_float, output, WEIGHTS))
            value = term_value(loss, label, output, WEIGHTS)
            assert value == pytest.approx(expected, **TOLERANCE)

    def test_a_class_that_the_loss_itself_ignores(self):
        loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=2)
        expected = float(loss(CLASSES, DISTRIBUTIONS))
        value = term_value(loss, CLASSES, DISTRIBUTIONS)
        assert value == pytest.approx(expected, **TOLERANCE)

    @pytest.mark.parametrize("name", ["mse", "binary_crossentropy", "hinge"])
    @pytest.mark.parametrize(
        ("label", "output"),
        [((4,), (4, 1)), ((4, 1), (4,)), ((4,), (4,)), ((2, 6), (2, 6, 1)), ((2, 6, 1), (2, 6))],
        ids=str,
    )
    def test_labels_and_outputs_of_ranks_that_differ_by_one(self, name, label, output):
        y = BINARY.flat[: np.prod(label)].reshape(label)
        p = PROBABILITIES.flat[: np.prod(output)].reshape(output)
        expected = np.mean(of_samples(name, y.reshape(-1, 1), p.reshape(-1, 1)))
        assert term_value(name, y, p) == pytest.approx(expected, **TOLERANCE)

    @pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool", "float64"])
    @pytest.mark.parametrize("name", ["mse", "binary_crossentropy", "categorical_crossentropy"])
    def test_labels_of_every_dtype(self, name, dtype):
        expected = np.mean(of_samples(name, ONE_HOT, DISTRIBUTIONS))
        value = term_value(name, ONE_HOT.astype(dtype), DISTRIBUTIONS)
        assert value == pytest.approx(expected, **TOLERANCE)

    def test_outputs_that_are_integers_are_numbers_like_others(self):
        assert term_value("mse", np.float32([[0.5]]), np.int32([[2]])) == 2.25

    @pytest.mark.parametrize(
        ("loss", "label", "output"),
        [
            ("binary_crossentropy", BINARY[:, :1], PROBABILITIES[:, :1]),
            ("sparse_categorical_crossentropy", CLASSES, DISTRIBUTIONS),
            ("categorical_crossentropy", ONE_HOT, DISTRIBUTIONS),
        ],
    )
    def test_class_weights_mean_what_they_mean_in_fit(self, loss, label, output):
        """A model that gives its input, and the loss of its first batch."""
        class_weight = {0: 0.5, 1: 3.0, 2: 2.0}
        x = keras.Input(output.shape[1:])
        scale = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        y = keras.layers.Reshape(output.shape[1:])(scale(keras.layers.Reshape((-1, 1))(x)))
        model = keras.Model(x, y)
        model.compile("sgd", loss=loss)
        expected = model.train_on_batch(output, label, class_weight=class_weight)
        value = term_value(loss, label, output, class_weight=class_weight)
        assert value == pytest.approx(float(np.ravel(expected)[0]), **TOLERANCE)


class TestAgainstNumPy:
    """Masks, weights, class weights and reductions at once."""

    LABEL = np.float32([[1, 0, np.nan], [np.nan, np.nan, np.nan], [1, 1, 0], [0, np.nan, 1]])
    SPARSE = np.int32([0, -1, 1, 2])
    REDUCTIONS = ["sum_over_batch_size", "sum"] + ["mean_with_sample_weight"] * KERAS_3

    @pytest.mark.parametrize("reduction", REDUCTIONS)
    @pytest.mark.parametrize("class_weight", [None, {1: 3.0}])
    @pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["unweighted", "weighted"])
    @pytest.mark.parametrize(
        ("cls", "reference"),
        [
            (keras.losses.MeanSquaredError, references.squared),
            (keras.losses.BinaryCrossentropy, references.binary_crossentropy),
        ],
        ids=["mse", "bce"],
    )
    def test_losses_of_single_entries(self, cls, reference, sample_weight, class_weight, reduction):
        arguments = {"mask": "nan", "class_weight": class_weight}
        expected = references.elementwise(
            reference,
            self.LABEL.astype("float64"),
            PROBABILITIES.astype("float64"),
            sample_weight=sample_weight,
            reduction=reduction,
            **arguments,
        )
        loss = cls(reduction=reduction)
        value = term_value(loss, self.LABEL, PROBABILITIES, sample_weight, **arguments)
        # Keras moves probabilities from 0 and 1 by 1e-7 before their logarithm.
        assert value == pytest.approx(expected, rel=3e-6)

    @pytest.mark.parametrize("reduction", REDUCTIONS)
    @pytest.mark.parametrize("class_weight", [None, {1: 3.0, 2: 0.5}])
    @pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["unweighted", "weighted"])
    def test_losses_of_class_numbers(self, sample_weight, class_weight, reduction):
        arguments = {"mask": -1, "class_weight": class_weight}
        expected = references.sparse_crossentropy(
            self.SPARSE,
            DISTRIBUTIONS.astype("float64"),
            sample_weight=sample_weight,
            reduction=reduction,
            **arguments,
        )
        loss = keras.losses.SparseCategoricalCrossentropy(reduction=reduction)
        value = term_value(loss, self.SPARSE, DISTRIBUTIONS, sample_weight, **arguments)
        assert value == pytest.approx(expected, rel=3e-6)

    def test_losses_of_one_hot_labels_leave_out_whole_samples(self):
        label = ONE_HOT.copy()
        label[1] = np.nan
        label[2, 0] = np.nan
        expected = -np.mean(np.log([DISTRIBUTIONS[0, 0], DISTRIBUTIONS[3, 1]]))
        value = term_value("categorical_crossentropy", label, DISTRIBUTIONS, mask="nan")
        assert value == pytest.approx(expected, rel=3e-6)

    def test_a_loss_over_another_axis_leaves_out_whole_samples(self):
        label, output = np.ones((2, 3, 2), "float32"), np.ones((2, 3, 2), "float32")
        label[0, 1, 1] = np.nan
        output[0] = -1.0
        loss = keras.losses.CosineSimilarity(axis=1)
        assert term_value(loss, label, output, mask="nan") == pytest.approx(-1.0, **TOLERANCE)

    @pytest.mark.parametrize(("dtype", "mask"), [("uint8", -1), ("bool", -1), ("int32", "nan")])
    def test_a_label_that_cannot_hold_the_mask_misses_nothing(self, dtype, mask):
        label = BINARY.astype(dtype)
        value = term_value("mse", label, PROBABILITIES, mask=mask)
        assert value == pytest.approx(term_value("mse", label, PROBABILITIES), **TOLERANCE)


class TestMissingLabels:
    LOSSES = [
        ("mse", BINARY, PROBABILITIES),
        ("binary_crossentropy", BINARY, PROBABILITIES),
        ("mean_squared_logarithmic_error", BINARY, PROBABILITIES),
        ("poisson", BINARY, PROBABILITIES),
        ("categorical_crossentropy", ONE_HOT, DISTRIBUTIONS),
        ("cosine_similarity", ONE_HOT, DISTRIBUTIONS),
        ("sparse_categorical_crossentropy", CLASSES.astype("float32"), DISTRIBUTIONS),
    ]

    @pytest.mark.parametrize(("loss", "label", "output"), LOSSES, ids=[x[0] for x in LOSSES])
    def test_all_labels_missing_gives_zero_and_no_gradient(self, loss, label, output):
        missing = np.full_like(label, np.nan)
        assert term_value(loss, missing, output, mask="nan") == 0.0
        (gradient,) = gradients(self.of_output(loss, missing), (output,))
        assert (gradient == 0).all()

    @pytest.mark.parametrize(("loss", "label", "output"), LOSSES, ids=[x[0] for x in LOSSES])
    def test_a_missing_sample_has_no_gradient_and_the_others_have_theirs(self, loss, label, output):
        some = label.copy()
        some[1] = np.nan
        (gradient,) = gradients(self.of_output(loss, some), (output,))
        rest = [0, 2, 3]
        (expected,) = gradients(self.of_output(loss, label[rest]), (output[rest],))
        assert (gradient[1] == 0).all()
        np.testing.assert_allclose(gradient[rest], expected, rtol=1e-5, atol=1e-7)

    @staticmethod
    def of_output(loss, label):
        term = kml.LossTerm(loss, "out", "label", mask="nan")
        return lambda output: term.value({"label": label}, {"out": output})

    def test_a_loss_of_the_whole_batch_cannot_leave_labels_out(self):
        if not KERAS_3:
            pytest.skip("Keras 2 has no loss of the whole batch")
        with pytest.raises(ValueError, match="term 'out': missing labels cannot be left out"):
            term_value(keras.losses.Dice(), BINARY, PROBABILITIES, mask="nan")


@register
def per_sample(y_true, y_pred):
    """A loss of ones own that has one value a sample."""
    return ops.mean(ops.square(ops.cast(y_true, "float32") - y_pred), axis=(1, 2))


class TestPadding:
    """`Masking` and `Embedding(mask_zero=True)` mark steps, which are left out."""

    LENGTHS = [5, 2, 3]
    LABEL = np.random.default_rng(2).normal(size=(3, 5, 2)).astype("float32")

    def outputs(self, n_features=2, dtype=None):
        """The outputs of a model over padded sequences, with the mask that Keras gave them."""
        tokens = np.zeros((3, 5), "int32")
        for sample, length in enumerate(self.LENGTHS):
            tokens[sample, :length] = np.arange(1, length + 1)
        embed = keras.layers.Embedding(6, 4, mask_zero=True, dtype=dtype)
        recurrent = keras.layers.SimpleRNN(n_features, return_sequences=True, dtype=dtype)
        return recurrent(embed(ops.convert_to_tensor(tokens)))

    def expected(self, label, output):
        steps = [(i, t) for i, n in enumerate(self.LENGTHS) for t in range(n)]
        output = ops.convert_to_numpy(ops.cast(output, "float32"))
        return np.mean([(label[step] - output[step]) ** 2 for step in steps])

    def test_padded_steps_are_left_out(self):
        output = self.outputs()
        value = term_value("mse", self.LABEL, output)
        assert value == pytest.approx(self.expected(self.LABEL, output), **TOLERANCE)

    def test_padded_steps_are_left_out_of_outputs_in_half_precision(self):
        output = self.outputs(dtype="mixed_float16" if KERAS_3 else "float16")
        assert dtype_name(output) == "float16"
        value = term_value("mse", self.LABEL, output)
        assert value == pytest.approx(self.expected(self.LABEL, output), **TOLERANCE)

    def test_padded_steps_are_left_out_of_labels_without_the_last_axis(self):
        output, label = self.outputs(n_features=1), self.LABEL[..., 0]
        value = term_value("mse", label, output)
        assert value == pytest.approx(self.expected(label, output[..., 0]), **TOLERANCE)

    def test_padding_and_missing_labels_add_up(self):
        output, label = self.outputs(), self.LABEL.copy()
        label[0, 1:] = np.nan
        squares = (self.LABEL - ops.convert_to_numpy(output)) ** 2
        counted = [squares[0, :1], squares[1, :2], squares[2, :3]]
        value = term_value("mse", label, output, mask="nan")
        assert value == pytest.approx(np.concatenate(counted).mean(), **TOLERANCE)

    def test_a_loss_with_one_value_a_sequence_handles_its_own_padding(self):
        output = self.outputs()
        expected = np.mean((self.LABEL - ops.convert_to_numpy(output)) ** 2)
        assert term_value(per_sample, self.LABEL, output) == pytest.approx(expected, **TOLERANCE)


class TestShapesThatDoNotFit:
    @pytest.mark.parametrize(
        ("loss", "label", "output"),
        [
            ("mse", (4,), (4, 2)),
            ("mse", (4, 1), (4, 2)),
            ("mse", (4, 2), (4, 1)),
            ("mse", (1, 2), (4, 2)),
            ("mse", (4, 5), (4, 5, 2)),
            ("cosine_similarity", (4, 1), (4, 3)),
            ("sparse_categorical_crossentropy", (4, 3), (4, 3)),
            ("sparse_categorical_crossentropy", (1,), (4, 3)),
        ],
    )
    def test_nothing_is_broadcast(self, loss, label, output):
        with pytest.raises(ValueError, match="WeightedSumLoss: term 'out': the label does not"):
            term_value(loss, np.zeros(label, "float32"), np.ones(output, "float32"))

    def test_whole_losses_have_labels_of_the_shape_of_the_output(self):
        loss = keras.losses.CosineSimilarity(axis=1)
        with pytest.raises(ValueError, match="the label does not have the shape of the output"):
            term_value(loss, np.zeros((4, 2), "float32"), np.ones((4, 3), "float32"))

    @pytest.mark.parametrize("n", [1, 3, 5])
    def test_sample_weights_of_another_length(self, n):
        with pytest.raises(ValueError, match="term 'out': the sample weights do not fit"):
            term_value("mse", BINARY, PROBABILITIES, np.ones(n, "float32"))

    @needs_unknown_shapes
    def test_labels_of_unknown_shape_give_what_known_ones_give(self):
        import tensorflow as tf

        spec = [tf.TensorSpec(None, "float32"), tf.TensorSpec((None, 3), "float32")]
        term = kml.LossTerm("mse", "out", "label", mask="nan")
        traced = tf.function(
            lambda y, p: term.value({"label": y}, {"out": p}), input_signature=spec
        )
        label = TestAgainstNumPy.LABEL
        expected = term_value("mse", label, PROBABILITIES, mask="nan")
        assert float(traced(label, PROBABILITIES)) == pytest.approx(expected, **TOLERANCE)


@register
def difference_to_large(y_true, y_pred):
    """How far an integer label is from 16777216, the last integer that float32 counts to."""
    return ops.cast(ops.cast(y_true, "int32") - 16777216, "float32")


class TestDtypes:
    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_outputs_of_half_precision_are_cast_before_the_loss(self, dtype):
        """In float16 the square of 300 is infinite, in bfloat16 it is 90112."""
        output = ops.cast(np.float32([[300.0]]), dtype)
        assert term_value("mse", np.float32([[0.0]]), output) == 90000.0

    def test_labels_keep_their_dtype(self):
        label = np.int32([16777217])
        assert term_value(difference_to_large, label, np.float32([0.0])) == 1.0


LABELS = arrays("float32", (4, 3), elements=st.sampled_from([0.0, 0.25, 1.0, 3.0]))
HOLES = arrays("bool", (4, 3))
ANYTHING = arrays("float32", (4, 3), elements=st.floats(-(2.0**60), 2.0**60, width=32))


class TestLaws:
    @given(LABELS, HOLES, ANYTHING)
    @settings(max_examples=25, deadline=None)
    def test_what_stands_under_a_missing_label_never_matters(self, label, holes, anything):
        """Neither in the output nor, as it is the mask, in the label."""
        missing = np.where(holes, np.float32(-1), label)
        value = term_value("mse", missing, PROBABILITIES, mask=-1)
        other = np.where(holes, anything, PROBABILITIES)
        assert term_value("mse", missing, other, mask=-1) == value

    @given(LABELS, HOLES, st.permutations(range(4)))
    @settings(max_examples=25, deadline=None)
    def test_the_order_of_samples_is_irrelevant(self, label, holes, order):
        missing = np.where(holes, np.float32("nan"), label)
        arguments = {"mask": "nan", "class_weight": {1: 2.0}}
        value = term_value("mae", missing, PROBABILITIES, WEIGHTS, **arguments)
        permuted = (x[order] for x in (missing, PROBABILITIES, WEIGHTS))
        assert term_value("mae", *permuted, **arguments) == pytest.approx(value, **TOLERANCE)

    @given(LABELS, HOLES)
    @settings(max_examples=25, deadline=None)
    def test_leaving_out_equals_a_loss_of_what_is_left(self, label, holes):
        missing = np.where(holes, np.float32("nan"), label)
        left = ~holes
        squares = (label[left].astype("float64") - PROBABILITIES[left]) ** 2
        expected = squares.mean() if left.any() else 0.0
        value = term_value("mse", missing, PROBABILITIES, mask="nan")
        assert value == pytest.approx(expected, **TOLERANCE)
