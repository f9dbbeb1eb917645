"""`MaskedLoss`: another loss, over the labels that are there."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops
from keras_multiloss.losses._masked_loss import MaskedLoss
from keras_multiloss.losses._pinball import PinballLoss
from tests import contracts
from tests.conftest import two_heads, two_heads_data
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(4)
NAN = float("nan")
#: Another order of sums in float32.
CLOSE = {"rel": 1e-6, "abs": 1e-7}

OUTPUT = RNG.uniform(0.1, 0.9, size=(5, 3)).astype("float32")
LABEL = RNG.integers(0, 2, size=(5, 3)).astype("float32")
LABEL[[0, 2, 2, 4], [1, 0, 2, 1]] = NAN
IS_THERE = ~np.isnan(LABEL)
WEIGHTS = np.array([1.0, 0.0, 2.0, 0.5, 3.0], "float32")
DISTRIBUTIONS = (OUTPUT / OUTPUT.sum(axis=-1, keepdims=True)).astype("float32")
CLASSES = np.array([0, -1, 2, 1, -1], "int32")


@keras.saving.register_keras_serializable(package="tests")
def distance_to_large(label, output):
    """Zero where an integer label is exactly 16777217, which float32 cannot hold."""
    return ops.cast(label - 16777217, "float32") ** 2 + 0.0 * output


class TestValues:
    def test_a_mean_over_entries_leaves_out_single_entries(self):
        squares = (OUTPUT.astype("float64") - np.nan_to_num(LABEL)) ** 2
        expected = squares[IS_THERE].mean()
        assert float(MaskedLoss("mse")(LABEL, OUTPUT)) == pytest.approx(expected, **CLOSE)

    def test_a_loss_of_class_numbers_leaves_out_samples(self):
        kept = CLASSES >= 0
        logs = np.log(DISTRIBUTIONS.astype("float64")[kept, CLASSES[kept]])
        loss = MaskedLoss("sparse_categorical_crossentropy", -1)
        assert float(loss(CLASSES, DISTRIBUTIONS)) == pytest.approx(-logs.mean(), **CLOSE)

    def test_a_loss_of_whole_rows_leaves_out_samples_that_lack_an_entry(self):
        kept = IS_THERE.all(axis=-1)
        loss = MaskedLoss(keras.losses.CosineSimilarity())
        expected = float(keras.losses.CosineSimilarity()(LABEL[kept], OUTPUT[kept]))
        assert float(loss(LABEL, OUTPUT)) == pytest.approx(expected, **CLOSE)

    @pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
    @pytest.mark.parametrize(
        "inner",
        ["mae", keras.losses.Huber(delta=0.2), "cosine_similarity", PinballLoss(0.9)],
        ids=["mae", "huber", "cosine", "pinball"],
    )
    def test_it_is_what_a_term_with_a_mask_gives(self, inner, weights):
        term = kml.LossTerm(inner, "a", mask="nan")
        expected = float(term.value({"a": LABEL}, {"a": OUTPUT}, weights))
        assert float(MaskedLoss(inner)(LABEL, OUTPUT, weights)) == pytest.approx(expected, **CLOSE)

    @pytest.mark.parametrize("inner", [keras.losses.MeanSquaredError(reduction="sum"), "mse"])
    def test_the_reduction_of_the_inner_loss_is_not_used(self, inner):
        assert float(MaskedLoss(inner)(LABEL, OUTPUT)) == float(MaskedLoss("mse")(LABEL, OUTPUT))

    def test_a_label_without_missing_entries_gives_the_inner_loss(self):
        label = np.nan_to_num(LABEL)
        inner = keras.losses.BinaryCrossentropy(label_smoothing=0.1)
        expected = float(inner(label, OUTPUT, WEIGHTS))
        assert float(MaskedLoss(inner)(label, OUTPUT, WEIGHTS)) == pytest.approx(expected, **CLOSE)

    @pytest.mark.parametrize("inner", ["mse", "cosine_similarity"])
    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none"])
    def test_a_batch_without_any_label_gives_zero(self, inner, reduction):
        values = MaskedLoss(inner, reduction=reduction)(np.full_like(LABEL, NAN), OUTPUT)
        assert not ops.convert_to_numpy(values).any()

    def test_integer_labels_keep_their_digits(self):
        label = np.array([[16777217], [-1], [16777217]], "int32")
        loss = MaskedLoss(distance_to_large, -1)
        assert float(loss(label, np.ones((3, 1), "float32"))) == 0.0

    def test_half_precision_outputs_do_not_overflow(self):
        # 300 squared is beyond float16.
        output = np.array([[300.0], [7.0]], "float16")
        assert float(MaskedLoss("mse", -1)(np.float16([[0.0], [-1.0]]), output)) == 90000.0

    def test_one_number_a_sample_comes_with_or_without_its_axis(self):
        label, output = LABEL[:, 1], OUTPUT[:, 1]
        expected = float(MaskedLoss("mse")(label[:, None], output[:, None]))
        assert float(MaskedLoss("mse")(label, output[:, None])) == pytest.approx(expected, **CLOSE)

    def test_padding_that_keras_marked_is_left_out_too(self):
        padded = keras.layers.Masking()(ops.convert_to_tensor(np.float32([[[2.0], [0.0], [5.0]]])))
        label = np.float32([[[0.0], [0.0], [NAN]]])
        assert float(MaskedLoss("mse")(label, padded)) == 4.0


class TestReductions:
    ROWS = [
        np.mean((OUTPUT[i][IS_THERE[i]] - LABEL[i][IS_THERE[i]]) ** 2, dtype="float64")
        for i in range(5)
    ]

    def test_no_reduction_gives_the_mean_of_what_is_there_in_each_row(self):
        values = MaskedLoss("mse", reduction="none")(LABEL, OUTPUT)
        np.testing.assert_allclose(ops.convert_to_numpy(values), self.ROWS, rtol=1e-6)

    def test_no_reduction_of_one_number_a_sample_gives_each(self):
        label = np.array([1.0, NAN, 3.0], "float32")
        values = MaskedLoss("mse", reduction="none")(label, np.zeros(3, "float32"), WEIGHTS[2:])
        np.testing.assert_array_equal(ops.convert_to_numpy(values), [2.0, 0.0, 27.0])

    def test_a_sum_adds_up_rows(self):
        value = float(MaskedLoss("mse", reduction="sum")(LABEL, OUTPUT, WEIGHTS))
        assert value == pytest.approx(np.dot(self.ROWS, WEIGHTS), **CLOSE)

    def test_the_weights_of_what_is_there_may_divide(self):
        loss = MaskedLoss(
            "sparse_categorical_crossentropy", -1, reduction="mean_with_sample_weight"
        )
        kept = CLASSES >= 0
        values = -np.log(DISTRIBUTIONS.astype("float64")[kept, CLASSES[kept]])
        expected = np.average(values, weights=WEIGHTS[kept])
        assert float(loss(CLASSES, DISTRIBUTIONS, WEIGHTS)) == pytest.approx(expected, **CLOSE)


class TestGradients:
    @pytest.mark.parametrize("inner", ["mse", "binary_crossentropy", "msle"])
    def test_missing_entries_have_none_and_others_a_finite_one(self, inner):
        loss = MaskedLoss(inner)
        (found,) = gradients(lambda output: loss(ops.convert_to_tensor(LABEL), output), (OUTPUT,))
        assert np.isfinite(found).all()
        assert not found[~IS_THERE].any()
        assert found[IS_THERE].all()

    def test_a_batch_without_any_label_has_none(self):
        missing = np.full_like(LABEL, NAN)
        loss = MaskedLoss("binary_crossentropy")
        (found,) = gradients(lambda output: loss(ops.convert_to_tensor(missing), output), (OUTPUT,))
        assert not found.any()


class TestInsideATerm:
    """A term takes a masked loss for what it is, with the reduction of that."""

    @pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
    @pytest.mark.parametrize("inner", ["mse", "cosine_similarity"])
    def test_a_term_reads_which_values_count(self, inner, reduction):
        loss = MaskedLoss(inner, reduction=reduction)
        value = kml.LossTerm(loss, "a").value({"a": LABEL}, {"a": OUTPUT}, WEIGHTS)
        assert float(value) == pytest.approx(float(loss(LABEL, OUTPUT, WEIGHTS)), **CLOSE)

    def test_masks_nest(self):
        label = np.array([[1.0], [-1.0], [NAN], [3.0]], "float32")
        output = np.zeros((4, 1), "float32")
        nested = MaskedLoss(MaskedLoss("mse", -1))
        assert float(nested(label, output)) == 5.0


def missing_labels():
    """Data for `two_heads` in which a third of each label is missing, and which are there."""
    x, y = two_heads_data()
    is_there = {}
    for start, (name, label) in enumerate(y.items()):
        label[start::3] = NAN
        is_there[name] = ~np.isnan(label[:, 0])
    return x, y, is_there


def mean_squares(model, x, y, is_there, weights=None):
    """The sum over outputs of the mean of what is there, in float64."""
    outputs = model.predict(x, verbose=0)
    outputs = dict(zip(y, outputs, strict=True)) if isinstance(outputs, list) else outputs
    weights = np.ones(len(x)) if weights is None else weights
    squares = {name: ((outputs[name] - y[name])[:, 0].astype("float64")) ** 2 for name in y}
    return sum(np.mean((weights * squares[name])[is_there[name]]) for name in y)


class TestCompile:
    """In a plain `keras.Model`."""

    @pytest.mark.parametrize("loss", ["dict", "one"])
    @pytest.mark.parametrize("as_list", [False, True], ids=["dict outputs", "list outputs"])
    def test_a_model_trains_on_the_labels_there_are(self, as_list, loss):
        x, y, is_there = missing_labels()
        labels = list(y.values()) if as_list else y
        one = MaskedLoss("mse")
        model = two_heads(as_list=as_list)
        model.compile("sgd", loss=one if loss == "one" else {"age": one, "sex": MaskedLoss("mse")})
        history = model.fit(x, labels, batch_size=24, epochs=3, verbose=0).history
        assert history["loss"][-1] < history["loss"][0]
        # One batch; float32 against float64.
        expected = pytest.approx(mean_squares(model, x, y, is_there), rel=1e-5)
        assert model.evaluate(x, labels, batch_size=24, verbose=0)[0] == expected

    def test_a_model_of_one_output(self):
        x, y, _ = missing_labels()
        inputs = keras.Input((3,))
        model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
        model.compile("sgd", loss=MaskedLoss("mse"))
        history = model.fit(x, y["age"], batch_size=24, epochs=3, verbose=0).history
        assert history["loss"][-1] < history["loss"][0]

    def test_sample_weights_weigh(self):
        x, y, is_there = missing_labels()
        weights = RNG.uniform(0.5, 2.0, size=len(x)).astype("float32")
        model = two_heads()
        model.compile("sgd", loss={"age": MaskedLoss("mse"), "sex": MaskedLoss("mse")})
        given = {"age": weights, "sex": weights}
        logs = model.evaluate(x, y, batch_size=24, sample_weight=given, verbose=0, return_dict=True)
        expected = mean_squares(model, x, y, is_there, weights)
        # One batch; float32 against float64.
        assert logs["loss"] == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("suffix", [".keras", ".h5"])
    @pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
    def test_a_fresh_process_reloads_it_with_the_arguments_of_the_inner_loss(
        self, suffix, fresh_process, tmp_path
    ):
        x, y, _ = missing_labels()
        y["sex"] = np.where(np.isnan(y["sex"]), -1, y["sex"]).astype("int32")
        model = two_heads()
        model.compile(
            "sgd",
            loss={
                "age": MaskedLoss(keras.losses.Huber(delta=0.1), name="robust"),
                "sex": MaskedLoss(PinballLoss(0.9), -1, reduction="sum"),
            },
        )
        path = tmp_path / f"model{suffix}"
        model.save(path)
        expected = model.evaluate(x, y, verbose=0, return_dict=True)
        # The same operations, traced anew.
        assert fresh_process.evaluate(path, x, y) == pytest.approx(expected, rel=1e-6)


def test_it_keeps_its_arguments():
    loss = MaskedLoss(keras.losses.Huber(delta=0.3), -1, reduction="sum", name="robust")
    contracts.config_survives_json(loss)
    contracts.arguments_are_attributes(loss)
    contracts.is_registered(MaskedLoss)
    restored = MaskedLoss.from_config(loss.get_config())
    label = np.nan_to_num(LABEL, nan=-1)
    assert float(restored(label, OUTPUT)) == float(loss(label, OUTPUT)) > 0


def test_the_old_name_of_its_mask_goes_on_working():
    for loss in (
        MaskedLoss("mse", mask_value=-1),
        MaskedLoss("mse", -1),
        MaskedLoss("mse", mask=-1),
    ):
        assert loss.mask == loss.mask_value == -1.0
    config = MaskedLoss("mse", -1).get_config()
    config["mask_value"] = config.pop("mask")
    assert MaskedLoss.from_config(config).mask == -1.0


def test_its_default_name_is_that_of_the_inner_loss():
    assert MaskedLoss("mse").name == "masked_mean_squared_error"
    assert MaskedLoss(PinballLoss()).name == "masked_pinball_loss"


class TestErrors:
    def test_a_misspelt_argument(self):
        message = exactly(
            "MaskedLoss: there is no argument 'maks'.",
            "  Expected: an argument of the signature",
            "  Received: maks=-1",
            "  Hint: did you mean 'mask'?",
        )
        with pytest.raises(TypeError, match=message):
            MaskedLoss("mse", maks=-1)

    def test_a_mask_that_marks_nothing(self):
        message = exactly(
            "MaskedLoss: `mask` cannot mark missing labels.",
            "  Expected: 'nan', or a number such as -1",
            "  Received: None",
        )
        with pytest.raises(TypeError, match=message):
            MaskedLoss("mse", None)

    def test_a_name_for_a_number(self):
        with pytest.raises(ValueError, match=r"MaskedLoss: `mask` cannot mark missing labels"):
            MaskedLoss("mse", "missing")

    def test_what_is_no_loss(self):
        message = exactly(
            "MaskedLoss: `inner` is not a loss.",
            "  Expected: a Keras loss object, a name, a registered function or a JointLoss",
            "  Received: 3 of type int",
        )
        with pytest.raises(TypeError, match=message):
            MaskedLoss(3)

    def test_what_no_file_could_restore(self):
        with pytest.raises(ValueError, match="MaskedLoss: `inner` cannot be saved: it is a lambda"):
            MaskedLoss(lambda y_true, y_pred: y_pred)

    def test_a_sum_of_terms(self):
        total = kml.LossTerm("mse", "a") + kml.LossTerm("mae", "a")
        message = exactly(
            "MaskedLoss: `inner` is itself a sum of terms.",
            "  Expected: the loss of one term",
            f"  Received: {total!r}",
            "  Hint: add sums up, term + sum, and give the mask to the terms",
        )
        with pytest.raises(TypeError, match=message):
            MaskedLoss(total)

    def test_several_outputs(self):
        outputs = {"age": OUTPUT, "sex": OUTPUT}
        message = exactly(
            "MaskedLoss: it needs one output and one label.",
            "  Expected: a tensor of each",
            "  Received: 2 in a dict",
            "  Hint: give each output a loss of its own, compile(loss={'age': MaskedLoss('mse')})",
        )
        with pytest.raises(ValueError, match=message):
            MaskedLoss("mse")(LABEL, outputs)

    def test_an_unknown_reduction(self):
        message = exactly(
            "MaskedLoss: `reduction` is not one of its choices.",
            "  Expected: one of ['sum_over_batch_size', 'sum', 'mean_with_sample_weight', 'none']",
            "  Received: 'sums'",
            "  Hint: did you mean 'sum'?",
        )
        with pytest.raises(ValueError, match=message):
            MaskedLoss("mse", reduction="sums")

    def test_a_config_without_an_inner_loss(self):
        with pytest.raises(ValueError, match=r"MaskedLoss\.from_config: the config has no 'inner'"):
            MaskedLoss.from_config({"mask_value": -1})
