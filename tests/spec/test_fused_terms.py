"""Terms that are evaluated as one: which they are, and that nothing but the speed changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_multiloss as kml
from keras_multiloss._platform import keras, ops, set_keras_mask
from keras_multiloss.engine import take_step
from keras_multiloss.spec import MOST_ENTRIES, Batch, JoinedByName, JoinedTensors
from tests.lanes import needs_tensorflow_backend
from tests.losses.gradients import gradients

N_SAMPLES = 5

#: Losses and the shapes of an output that they take.
ENTRIES, ROWS = [(), (1,), (3,), (2, 3)], [(3,), (2, 3)]
LOSSES = {
    "mse": ENTRIES,
    "mae": ENTRIES,
    "poisson": ENTRIES,
    "binary_crossentropy": ENTRIES,
    "categorical_crossentropy": ROWS,
    "cosine_similarity": ROWS,
    "kl_divergence": ROWS,
    "sparse_categorical_crossentropy": ROWS,
}
REDUCTIONS = [None, "sum", "sum_over_axes", "mean_per_sample", "weighted_mean"]


@st.composite
def sums_and_data(draw):
    """A sum of terms, some of which are alike, with labels, outputs and sample weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    terms, labels, outputs, weights = [], {}, {}, {}
    kinds = draw(st.lists(st.sampled_from(sorted(LOSSES)), min_size=1, max_size=3))
    for kind in kinds:
        shape = draw(st.sampled_from(LOSSES[kind]))
        is_sparse = kind.startswith("sparse")
        mask = draw(st.sampled_from([None, "nan", -1.0]))
        options = {
            "mask": None if is_sparse and mask == "nan" else mask,
            "reduction": draw(st.sampled_from(REDUCTIONS)),
            "class_weight": draw(st.sampled_from([None, {0: 2.0, 1: 0.5}])),
        }
        is_weighted = draw(st.booleans())
        for _ in range(draw(st.integers(1, 3))):
            name = f"t{len(terms)}"
            terms.append(
                kml.LossTerm(kind, name, weight=draw(st.sampled_from([0.0, 0.5, 1.0])), **options)
            )
            label, outputs[name] = tensors_of(rng, shape, is_sparse)
            if options["mask"] is not None:
                lost = rng.random(label.shape) < 0.4
                value = np.nan if options["mask"] == "nan" else -1
                label = np.where(lost, value, label).astype(label.dtype)
            labels[name] = label
            if is_weighted:
                weights[name] = rng.random(N_SAMPLES).astype("float32")
    order = draw(st.permutations(range(len(terms))))
    return [terms[i] for i in order], labels, outputs, weights


def tensors_of(rng, shape, is_sparse):
    output = rng.uniform(0.05, 0.95, (N_SAMPLES, *shape)).astype("float32")
    if is_sparse:
        return rng.integers(0, shape[-1], (N_SAMPLES, *shape[:-1])).astype("int32"), output
    return rng.integers(0, 2, (N_SAMPLES, *shape)).astype("float32"), output


def blocks_of(loss, labels, outputs, weights=None):
    """The names of the terms that were evaluated as one."""
    batch = Batch.of(loss, labels, outputs, weights)
    return [block.names for block in loss.tasks.blocks(batch, {}, fuse=True)]


def tensors(arrays):
    return {name: ops.convert_to_tensor(array) for name, array in arrays.items()}


@settings(max_examples=60, deadline=None)
@given(sums_and_data())
def test_fused_terms_have_the_values_the_logs_and_the_gradients_of_single_ones(drawn):
    terms, labels, outputs, weights = drawn
    fused, single = kml.WeightedSumLoss(terms), kml.WeightedSumLoss(terms, fuse=False)
    names, arrays = list(outputs), tuple(outputs.values())

    def total(loss):
        def value(*found):
            # All terms may have the weight 0.
            found_total = loss(tensors(labels), dict(zip(names, found, strict=True)), weights)
            return found_total + 0.0 * ops.sum(found[0])

        return value

    steps = [
        take_step(loss, Batch.of(loss, labels, tensors(outputs), weights), None, training=True)
        for loss in (fused, single)
    ]
    for field in ("losses", "logged", "counts", "weights"):
        values = [ops.convert_to_numpy(getattr(step, field)) for step in steps]
        np.testing.assert_allclose(*values, rtol=1e-6, atol=1e-6, err_msg=field)
    assert steps[0].names == steps[1].names == fused.names
    assert float(steps[0].total) == pytest.approx(float(steps[1].total), rel=1e-6, abs=1e-6)
    for found, expected in zip(
        gradients(total(fused), arrays), gradients(total(single), arrays), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


OUTPUTS = {n: np.full((4, 2), 0.5, "float32") for n in "abcd"}
LABELS = {n: np.ones((4, 2), "float32") for n in "abcd"}


def sum_of(*terms):
    return kml.WeightedSumLoss(list(terms))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"loss": "mae"}),
        ({}, {"mask": "nan"}),
        ({}, {"reduction": "sum"}),
        ({}, {"class_weight": {1: 2.0}}),
        ({}, {"weight": 0.0}),
        ({}, {"labels": None}),
        ({"loss": keras.losses.Huber(0.5)}, {"loss": keras.losses.Huber(0.6)}),
    ],
)
def test_terms_that_differ_are_not_fused(first, second):
    terms = [
        kml.LossTerm(**{"loss": "mse", "outputs": name, **options})
        for name, options in zip("abcd", [first, second, first, second], strict=True)
    ]
    assert blocks_of(sum_of(*terms), LABELS, OUTPUTS) == [["a", "c"], ["b", "d"]]


def test_terms_of_unlike_tensors_are_not_fused():
    loss = sum_of(*(kml.LossTerm("mse", name) for name in "abcd"))
    outputs = {**OUTPUTS, "b": np.ones((4, 3), "float32")}
    labels = {**LABELS, "b": np.ones((4, 3), "float32"), "c": np.ones((4, 2), "int32")}
    assert blocks_of(loss, labels, outputs) == [["a", "d"], ["b"], ["c"]]
    weights = {"a": np.ones(4, "float32")}
    assert blocks_of(loss, LABELS, OUTPUTS, weights) == [["a"], ["b", "c", "d"]]


def test_losses_are_alike_by_class_and_arguments_whatever_their_names():
    losses = [keras.losses.Huber(0.5, name="one"), keras.losses.Huber(0.5, name="other")]
    loss = sum_of(*(kml.LossTerm(x, n) for x, n in zip(losses, "ab", strict=True)))
    assert blocks_of(loss, LABELS, OUTPUTS) == [["a", "b"]]


def test_losses_that_compare_samples_are_not_fused():
    tags = {n: np.array([0, 0, 1, 1]) for n in "ab"}
    loss = sum_of(*(kml.LossTerm(kml.losses.TripletSemiHardLoss(), n) for n in "ab"))
    assert blocks_of(loss, tags, OUTPUTS) == [["a"], ["b"]]
    loss = sum_of(*(kml.LossTerm("dice", n) for n in "ab")) if hasattr(keras.losses, "Dice") else 0
    assert not loss or blocks_of(loss, LABELS, OUTPUTS) == [["a"], ["b"]]


def test_large_samples_are_not_fused():
    loss = sum_of(*(kml.LossTerm("mse", n) for n in "ab"))
    for n_entries, expected in ((MOST_ENTRIES, [["a", "b"]]), (MOST_ENTRIES + 1, [["a"], ["b"]])):
        rows = {n: np.ones((2, n_entries), "float32") for n in "ab"}
        assert blocks_of(loss, rows, rows) == expected


def test_outputs_of_one_axis_are_not_fused():
    flat = {n: np.ones(4, "float32") for n in "ab"}
    loss = sum_of(*(kml.LossTerm("mse", n) for n in "ab"))
    assert blocks_of(loss, flat, flat) == [["a"], ["b"]]


@keras.saving.register_keras_serializable("tests")
def scaled_error(y_true, y_pred):
    return 3.0 * ops.mean(ops.abs(y_true - y_pred), axis=-1)


scaled_error.is_sample_wise = True


@keras.saving.register_keras_serializable("tests")
class InParts(kml.JointLoss):
    is_sample_wise = True

    def call(self, y_true, y_pred):
        errors = ops.abs(y_true - y_pred)
        return {"left": errors[:, 0], "right": 2.0 * errors[:, 1]}


def test_a_loss_of_ones_own_says_that_it_takes_samples_one_by_one():
    loss = sum_of(*(kml.LossTerm(scaled_error, n) for n in "ab"))
    assert blocks_of(loss, LABELS, OUTPUTS) == [["a", "b"]]
    assert float(loss(LABELS, OUTPUTS)) == pytest.approx(3.0)


class AgainstTheBatch(InParts):
    def call(self, y_true, y_pred):
        return ops.abs(y_true - ops.mean(y_pred, axis=0))[:, 0]


class CalledInAnotherWay(InParts):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return super().__call__(y_true, y_pred, sample_weight)


@pytest.mark.parametrize("cls", [AgainstTheBatch, CalledInAnotherWay])
def test_a_class_below_with_values_of_its_own_has_to_say_so_again(cls):
    loss = keras.saving.register_keras_serializable("tests")(cls)()
    terms = sum_of(*(kml.LossTerm(loss, n) for n in "ab"))
    assert blocks_of(terms, LABELS, OUTPUTS) == [["a"], ["b"]]


def test_fused_terms_log_their_parts():
    term = InParts()
    loss = sum_of(*(kml.LossTerm(term, n) for n in "ab"))
    outputs = {"a": np.full((4, 2), 0.5, "float32"), "b": np.full((4, 2), 0.25, "float32")}
    assert blocks_of(loss, LABELS, outputs) == [["a", "b"]]
    step = take_step(loss, Batch.of(loss, LABELS, outputs), None, training=True)
    found = [{name: float(x) / 4 for name, x in parts.items()} for parts in step.parts]
    assert found == [{"a_left": 0.5, "a_right": 1.0}, {"b_left": 0.75, "b_right": 1.5}]


def test_the_padding_of_each_output_counts():
    outputs = {n: ops.convert_to_tensor(np.full((2, 3, 1), 2.0, "float32")) for n in "ab"}
    for i, output in enumerate(outputs.values()):
        is_step = np.array([[True, True, False], [True, i == 0, False]])
        set_keras_mask(output, ops.convert_to_tensor(is_step))
    labels = {n: np.zeros((2, 3, 1), "float32") for n in "ab"}
    loss = sum_of(*(kml.LossTerm("mse", n) for n in "ab"))
    assert blocks_of(loss, labels, outputs) == [["a", "b"]]
    step = take_step(loss, Batch.of(loss, labels, outputs), None, training=True)
    assert ops.convert_to_numpy(step.counts).tolist() == [4.0, 3.0]
    assert float(loss(labels, outputs)) == 8.0


def test_an_error_in_fused_terms_names_the_term_it_is_about():
    loss = sum_of(*(kml.LossTerm("mse", n) for n in "ab"))
    labels = {n: np.ones((4, 3), "float32") for n in "ab"}
    with pytest.raises(ValueError, match=r"(?s)term .a.*\(4, 3\)") as caught:
        loss(labels, OUTPUTS)
    assert "(8, " not in str(caught.value)


def test_a_sum_among_the_terms_that_is_not_fused_keeps_the_whole_from_it():
    single = kml.WeightedSumLoss([kml.LossTerm("mse", "a")], fuse=False)
    assert not (single + kml.LossTerm("mse", "b")).fuse
    assert not (2.0 * single).fuse
    assert (kml.LossTerm("mse", "a") + kml.LossTerm("mse", "b")).fuse
    assert not kml.WeightedSumLoss.from_config(single.get_config()).fuse
    old = {k: v for k, v in single.get_config().items() if k != "fuse"}
    assert kml.WeightedSumLoss.from_config(old).fuse
    with pytest.raises(TypeError, match="fuse"):
        kml.WeightedSumLoss([kml.LossTerm("mse", "a")], fuse="yes")


def model_of(activation, n_units=3):
    keras.utils.set_random_seed(3)
    x = keras.Input((4,), name="x")
    heads = {n: keras.layers.Dense(n_units, activation=activation, name=n)(x) for n in "ab"}
    return kml.MultiLossModel(x, heads)


@pytest.mark.parametrize(
    ("activation", "kind"),
    [("sigmoid", "binary_crossentropy"), ("softmax", "sparse_categorical_crossentropy")],
)
def test_a_saturated_probability_has_the_gradient_of_its_logit(activation, kind):
    """Keras takes the logits behind a probability on TensorFlow: also those of fused terms."""
    x = 60.0 * np.ones((2, 4), "float32")
    is_sparse = kind.startswith("sparse")
    y = {
        n: np.zeros((2,) if is_sparse else (2, 3), "int32" if is_sparse else "float32")
        for n in "ab"
    }
    trained = []
    for fuse in (True, False):
        model = model_of(activation)
        for n in "ab":
            weights = np.zeros((4, 3), "float32")
            weights[:, 1] = 1.0
            model.get_layer(n).set_weights([weights, np.zeros(3, "float32")])
        loss = kml.WeightedSumLoss([kml.LossTerm(kind, n) for n in "ab"], fuse=fuse)
        model.compile(keras.optimizers.SGD(0.01), loss=loss)
        logs = model.train_on_batch(x, y, return_dict=True)
        trained.append([logs["a_loss"], *(model.get_layer(n).get_weights()[0] for n in "ab")])
    for found, expected in zip(*trained, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@needs_tensorflow_backend
def test_a_saturated_probability_moves_in_fused_terms():
    x, y = 60.0 * np.ones((2, 4), "float32"), {n: np.zeros((2, 3), "float32") for n in "ab"}
    model = model_of("sigmoid")
    for n in "ab":
        model.get_layer(n).set_weights([np.ones((4, 3), "float32"), np.zeros(3, "float32")])
    model.compile(
        keras.optimizers.SGD(0.01),
        loss=sum_of(*(kml.LossTerm("binary_crossentropy", n) for n in "ab")),
    )
    logs = model.train_on_batch(x, y, return_dict=True)
    assert logs["a_loss"] == pytest.approx(240.0)
    assert np.all(model.get_layer("a").get_weights()[0] < 1.0)


def test_a_weight_that_moves_to_0_switches_a_fused_term_off():
    model = model_of(None)
    loss = kml.WeightedSumLoss([kml.LossTerm("mse", n) for n in "ab"], weighting="static")
    model.compile(keras.optimizers.SGD(0.01), loss=loss)
    model.term_weights["a"] = 0.0
    before = {n: model.get_layer(n).get_weights()[0] for n in "ab"}
    y = {"a": np.full((2, 3), np.nan, "float32"), "b": np.ones((2, 3), "float32")}
    model.train_on_batch(np.ones((2, 4), "float32"), y)
    after = {n: model.get_layer(n).get_weights()[0] for n in "ab"}
    np.testing.assert_array_equal(after["a"], before["a"])
    assert np.isfinite(after["b"]).all()
    assert not np.array_equal(after["b"], before["b"])


@needs_tensorflow_backend
def test_batches_whose_sizes_turn_out_to_differ_say_what_to_do():
    import tensorflow as tf

    loss = sum_of(*(kml.LossTerm("mse", n, labels=None) for n in "ab"))
    spec = tf.TensorSpec((None, 2), "float32")

    @tf.function(input_signature=[spec, spec])
    def total(a, b):
        return loss(None, {"a": a, "b": b})

    assert float(total(tf.ones((3, 2)), tf.ones((3, 2)))) == 2.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="use_WeightedSumLoss_with_fuse_False"):
        total(tf.ones((3, 2)), tf.ones((6, 2)))


@pytest.mark.parametrize("order", ["abc", "cab", "ab"])
def test_labels_that_came_as_one_tensor_go_to_their_terms(order):
    whole = np.arange(12, dtype="float32").reshape(4, 3, 1)
    joined = JoinedTensors.of(ops.convert_to_tensor(whole))
    labels = JoinedByName(dict(zip("abc", joined.tensors, strict=True)), [joined])
    outputs = {n: np.full((4, 1), i, "float32") for i, n in enumerate("abc")}
    loss = sum_of(*(kml.LossTerm("mse", n) for n in order))
    step = take_step(loss, Batch.of(loss, labels, outputs), None, training=True)
    expected = [np.mean((whole[:, "abc".index(n)] - "abc".index(n)) ** 2) for n in order]
    np.testing.assert_allclose(ops.convert_to_numpy(step.losses), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "labels", ["y", ["y", "z", "y"], kml.from_output("c"), kml.from_input("x")], ids=str
)
def test_terms_that_share_a_label_train_as_single_ones(labels):
    """TensorFlow's optimizer of graphs may not see a stack of one tensor."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(12, 4)).astype("float32")
    y = {"y": rng.normal(size=(12, 1)).astype("float32"), "z": x[:, 0]}
    found = []
    for fuse in (True, False):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((4,), name="x")
        n_units = 4 if repr(labels) == "from_input('x')" else 1
        heads = {n: keras.layers.Dense(n_units, name=n)(inputs) for n in "abc"}
        model = kml.MultiLossModel(inputs, heads)
        of = labels if isinstance(labels, list) else [labels] * 3
        terms = [kml.LossTerm("mse", n, labels=k) for n, k in zip("abc", of, strict=True)]
        loss = kml.WeightedSumLoss(terms, fuse=fuse)
        model.compile(keras.optimizers.SGD(0.1), loss=loss)
        weights = np.linspace(0.0, 1.0, 12).astype("float32")
        options = {"batch_size": 4, "verbose": 0, "shuffle": False}
        found.append(model.fit(x, y, sample_weight=weights, **options).history)
    for name, values in found[1].items():
        np.testing.assert_allclose(found[0][name], values, rtol=1e-5, err_msg=name)
