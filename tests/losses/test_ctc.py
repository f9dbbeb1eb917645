"""`CTCLoss`: lengths and blanks in all their forms, impossible labels, masks of Keras, refusals."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops, set_keras_mask
from tests.lanes import needs_torch_backend, needs_unknown_shapes
from tests.losses import references_of_sequences as references
from tests.losses.gradients import gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(14)
N_FRAMES = np.array([7, 5, 6, 3, 1])
LENGTH = np.array([3, 2, 3, 1, 0])
#: Repeated classes, a label that fills its frames, and one without entries; 0 pads.
LABEL = np.array([[2, 2, 1], [3, 3, 0], [1, 2, 1], [3, 0, 0], [0, 0, 0]])
LOGITS = RNG.normal(size=(5, 7, 4)).astype("float32")
#: Seven frames in float32, in another order.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def values(label, *outputs, **arguments):
    loss = kml.losses.CTCLoss(reduction="none", **arguments)
    outputs = outputs if len(outputs) > 1 else outputs[0]
    return np.array([float(x) for x in loss(label, outputs)])


def test_lengths_may_be_labels_outputs_or_read_from_padding():
    expected = references.ctc(LABEL, LOGITS.astype("float64"), 0, LENGTH, N_FRAMES)
    for label, outputs in [
        ((LABEL, LENGTH, N_FRAMES), (LOGITS,)),
        ((LABEL, LENGTH[:, None], N_FRAMES[:, None]), (LOGITS,)),
        ((LABEL, LENGTH), (LOGITS, N_FRAMES)),
        (LABEL, (LOGITS, N_FRAMES[:, None].astype("float32"))),
        (np.where(LABEL == 0, -1, LABEL), (LOGITS, N_FRAMES)),
    ]:
        np.testing.assert_allclose(values(label, *outputs), expected, **CLOSE)


def test_frames_beyond_the_number_get_no_gradient():
    loss = kml.losses.CTCLoss(reduction="sum")
    (found,) = gradients(lambda logits: loss((LABEL, LENGTH, N_FRAMES), logits), (LOGITS,))
    for i, n in enumerate(N_FRAMES):
        assert not found[i, n:].any()
        assert np.abs(found[i, :n]).max() > 1e-3


@pytest.mark.parametrize(("blank", "last"), [(3, 3), (-1, 3), (2, 2)])
def test_the_blank_may_be_any_class(blank, last):
    order = [1, 2, 3]
    order.insert(last, 0)  # the blank is moved there from the front
    renamed = np.argsort(order)[LABEL]
    found = values(renamed, LOGITS[..., order].copy(), blank=blank)
    np.testing.assert_allclose(found, values(LABEL, LOGITS), **CLOSE)


def test_a_class_number_0_is_an_entry_where_the_blank_is_another():
    label = np.array([[0, 0, -1]])
    expected = references.ctc(label, LOGITS[:1].astype("float64"), blank=3)
    np.testing.assert_allclose(values(label, LOGITS[:1], blank=3), expected, **CLOSE)


def test_gradients_of_equally_likely_alignments_are_those_of_the_definition():
    """Zeros are what a new model gives; a maximum would take one of the alignments that tie."""
    loss, zeros = kml.losses.CTCLoss(reduction="sum"), np.zeros((1, 2, 2), "float32")
    (found,) = gradients(lambda logits: loss(np.array([[1]]), logits), (zeros,))
    # Of the 3 alignments (1 1, 1 blank, blank 1), 2 have the class in each frame: 1/2 - 2/3.
    np.testing.assert_allclose(found, np.full((1, 2, 2), 1 / 6) * [1, -1], rtol=1e-6)


IMPOSSIBLE = {
    "too few frames": (np.array([[1, 2, 3]]), 2),
    "too few frames for a repeated class": (np.array([[1, 1, 0]]), 2),
    "no frames": (np.array([[1, 0, 0]]), 0),
    "a class that there is not": (np.array([[4, 0, 0]]), 7),
}


@pytest.mark.parametrize("zero_infinity", [True, False])
@pytest.mark.parametrize(("label", "n_frames"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_impossible_labels_give_zero_or_infinity_and_no_gradient(label, n_frames, zero_infinity):
    loss = kml.losses.CTCLoss(zero_infinity=zero_infinity)
    outputs = (LOGITS[:1], np.array([n_frames], "float32"))
    assert float(loss(label, outputs)) == (0.0 if zero_infinity else np.inf)
    found, _ = gradients(lambda *outputs: loss(label, outputs), outputs)
    assert not found.any()


def test_a_given_length_may_reach_what_is_no_class():
    length = np.array([2])
    assert values((np.array([[1, 0, 2]]), length), LOGITS[:1]) == [0.0]  # the blank
    assert values((np.array([[1, -1, 2]]), length), LOGITS[:1]) == [0.0]
    assert values((np.array([[1, 2]]), np.array([3])), LOGITS[:1]) == [0.0]
    assert values((np.array([[1, 2]]), np.array([-1])), LOGITS[:1]) == [0.0]


def test_no_frames_show_the_empty_label_with_certainty():
    assert values(LABEL[4:], LOGITS[4:], np.array([0])) == [0.0]
    assert values(np.zeros((1, 0), "int32"), LOGITS[4:, :0]) == [0.0]


def test_labels_without_room_for_entries_are_blanks_only():
    expected = references.ctc(LABEL[4:], LOGITS[4:].astype("float64"))
    np.testing.assert_allclose(values(LABEL[4:, :0], LOGITS[4:]), expected, **CLOSE)


def test_a_long_certain_sequence_costs_nothing():
    classes = np.tile([1, 2, 3], 100)
    logits = 100.0 * np.eye(4, dtype="float32")[classes][None]
    assert values(classes[None], logits) == pytest.approx(0.0, abs=1e-4)  # 300 roundings


def test_a_class_whose_logit_is_minus_infinity_is_as_good_as_none():
    logits = np.concatenate([LOGITS, np.full((5, 7, 1), -np.inf, "float32")], axis=-1)
    np.testing.assert_allclose(values(LABEL, logits), values(LABEL, LOGITS), **CLOSE)
    loss = kml.losses.CTCLoss()
    (found,) = gradients(lambda logits: loss(LABEL, logits), (logits,))
    assert np.isfinite(found).all()


@needs_torch_backend
def test_values_and_gradients_of_long_sequences_equal_those_of_pytorch():
    import torch

    logits = 3 * RNG.normal(size=(8, 120, 20)).astype("float32")
    label = RNG.integers(1, 4, (8, 30))  # few classes, so that many are repeated
    length, n_frames = RNG.integers(0, 31, 8), RNG.integers(80, 121, 8)
    oracle = torch.nn.CTCLoss(reduction="none")

    def expected(logits):
        log_p = torch.log_softmax(logits.double(), -1).transpose(0, 1)
        return oracle(log_p, *map(torch.tensor, (label, n_frames, length)))

    found = values((label, length, n_frames), logits)
    # 120 frames, each rounded to 6e-8 of a value near 100.
    np.testing.assert_allclose(found, expected(torch.tensor(logits)).numpy(), rtol=1e-5)
    loss = kml.losses.CTCLoss(reduction="sum")
    ours = gradients(lambda z: loss((label, length, n_frames), z), (logits,))
    theirs = gradients(lambda z: expected(z).sum(), (logits,))
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def masked_model():
    """A model whose output carries the mask of its steps of zeros."""
    keras.utils.set_random_seed(3)
    x = keras.Input((None, 3), name="x")
    steps = keras.layers.Masking()(x)
    hidden = keras.layers.SimpleRNN(4, return_sequences=True)(steps)
    return kml.MultiLossModel(x, {"logits": keras.layers.Dense(4)(hidden)})


def batch_with_padding():
    x = RNG.normal(size=(5, 7, 3)).astype("float32")
    for row, n in zip(x, N_FRAMES, strict=True):
        row[n:] = 0.0
    return x


def losses_of_model(model, x, labels, names):
    model.compile("sgd", loss=kml.LossTerm(kml.losses.CTCLoss(), "logits", names, name="ctc"))
    data = dict(zip(names, labels, strict=True)) if isinstance(names, list) else {names: labels}
    found = model.evaluate(x, data, batch_size=2, verbose=0, return_dict=True)["ctc_loss"]
    fitted = model.fit(x, data, batch_size=5, shuffle=False, verbose=0).history["ctc_loss"][0]
    return found, fitted


def test_frames_that_keras_masks_do_not_count():
    x, model = batch_with_padding(), masked_model()
    logits = ops.convert_to_numpy(model(x)["logits"])
    expected = values((LABEL, LENGTH, N_FRAMES), logits).mean()
    assert losses_of_model(model, x, LABEL, "label") == pytest.approx((expected,) * 2, rel=1e-5)


def test_half_precision_outputs_keep_the_mask_of_keras():
    logits = ops.cast(LOGITS, "float16")
    expected = values((LABEL, LENGTH, N_FRAMES), logits)
    set_keras_mask(logits, ops.convert_to_tensor(np.arange(7) < N_FRAMES[:, None]))
    np.testing.assert_array_equal(values(LABEL, logits), expected)


def test_given_numbers_of_frames_count_more_than_a_mask():
    x, model = batch_with_padding(), masked_model()
    logits = ops.convert_to_numpy(model(x)["logits"])
    fewer = np.maximum(N_FRAMES - 1, 1)
    expected = values((LABEL, LENGTH, fewer), logits).mean()
    names = ["label", "length", "n_frames"]
    found = losses_of_model(model, x, (LABEL, LENGTH, fewer), names)
    assert found == pytest.approx((expected,) * 2, rel=1e-5)


@needs_unknown_shapes
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_graph_that_knows_no_sizes_gives_the_same(jit_compile):
    import tensorflow as tf

    loss = kml.losses.CTCLoss(reduction="none")

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int64),
            tf.TensorSpec([None, None, None], tf.float32),
        ],
        jit_compile=jit_compile,
    )
    def traced(label, logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            found = loss(label, logits)
        return found, tape.gradient(found, logits)

    found, gradient = traced(LABEL, LOGITS)
    np.testing.assert_allclose(found, values(LABEL, LOGITS), **CLOSE)
    total = kml.losses.CTCLoss(reduction="sum")
    expected = gradients(lambda logits: total(LABEL, logits), (LOGITS,))[0]
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


@needs_unknown_shapes
def test_it_equals_the_loss_of_tensorflow():
    import tensorflow as tf

    lengths = [tf.constant(x, "int32") for x in (LENGTH[:4], N_FRAMES[:4])]
    expected = tf.nn.ctc_loss(
        LABEL[:4].astype("int32"), LOGITS[:4], *lengths, logits_time_major=False, blank_index=0
    )
    found = values((LABEL[:4], LENGTH[:4], N_FRAMES[:4]), LOGITS[:4])
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_two_numbers_of_frames_are_refused():
    message = exactly(
        "CTCLoss: the number of frames is given twice.",
        "  Expected: `n_frames` as a label or as an output",
        "  Received: both",
    )
    with pytest.raises(ValueError, match=message):
        values((LABEL, LENGTH, N_FRAMES), LOGITS, N_FRAMES)


def test_a_blank_beyond_the_classes_is_refused():
    message = exactly(
        "CTCLoss: there is no class `blank`.",
        "  Expected: more than 4 classes in the last axis of the logits",
        "  Received: shape (5, 7, 4)",
    )
    with pytest.raises(ValueError, match=message):
        values(LABEL, LOGITS, blank=4)


@pytest.mark.parametrize(
    ("label", "outputs", "problem"),
    [
        (LABEL[:, 0], (LOGITS,), "the label does not have the axes that it needs"),
        (LABEL, (LOGITS[0],), "the output `logits` does not have the axes that it needs"),
        (LABEL, (LOGITS, LOGITS), "the number of frames is not one number per sample"),
        ((LABEL, LABEL), (LOGITS,), "the label length is not one number per sample"),
        ((LABEL,) * 4, (LOGITS,), "it needs 2 labels"),
    ],
)
def test_other_shapes_are_refused(label, outputs, problem):
    with pytest.raises(ValueError, match=problem):
        values(label, *outputs)
