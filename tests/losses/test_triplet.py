"""`TripletSemiHardLoss`, `TripletHardLoss` and their functions."""

import json

import numpy as np
import pytest

from keras_multiloss._platform import dtype_name, keras, ops
from keras_multiloss.losses._distances import pairwise_distance
from keras_multiloss.losses._triplet_hard import TripletHardLoss, triplet_hard_loss
from keras_multiloss.losses._triplet_semihard import TripletSemiHardLoss, triplet_semihard_loss
from tests.lanes import needs_tensorflow_backend, needs_unknown_shapes
from tests.losses import metric_learning
from tests.losses.gradients import finite_differences, gradients
from tests.losses.messages import exactly

RNG = np.random.default_rng(4)
LABELS = np.array([0, 1, 2, 0, 1, 1, 0, 3, 2, 0])
EMBEDDINGS = RNG.normal(size=(10, 3))


def soft_hard_loss(*args, **kwargs):
    return triplet_hard_loss(*args, soft=True, **kwargs)


def soft_hard_reference(*args, **kwargs):
    return metric_learning.triplet_hard(*args, soft=True, **kwargs)


LOSSES = [triplet_semihard_loss, triplet_hard_loss, soft_hard_loss]
REFERENCES = [metric_learning.triplet_semihard, metric_learning.triplet_hard, soft_hard_reference]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=["semihard", "hard", "soft"])
every_class = pytest.mark.parametrize("cls", [TripletSemiHardLoss, TripletHardLoss])
each = pytest.mark.parametrize(
    ("loss", "reference"),
    list(zip(LOSSES, REFERENCES, strict=True)),
    ids=["semihard", "hard", "soft"],
)
every_metric = pytest.mark.parametrize("metric", ["L2", "squared-L2", "angular"])


def value(loss, labels, embeddings, **arguments):
    return float(loss(labels, embeddings.astype("float32"), **arguments))


@keras.saving.register_keras_serializable(package="test_triplet")
def squared_lengths_of_differences(embeddings):
    differences = ops.expand_dims(embeddings, 1) - ops.expand_dims(embeddings, 0)
    return ops.sum(ops.square(differences), axis=-1)


@each
@every_metric
@pytest.mark.parametrize("margin", [1.0, 0.2])
def test_it_is_the_loss_of_its_triplets(loss, reference, metric, margin):
    expected = reference(LABELS, EMBEDDINGS, margin=margin, metric=metric)
    found = value(loss, LABELS, EMBEDDINGS, margin=margin, distance_metric=metric)
    assert found == pytest.approx(expected, rel=1e-5)


@each
@every_metric
def test_its_gradients_are_finite_differences(loss, reference, metric):
    (found,) = gradients(lambda x: loss(LABELS, x, distance_metric=metric), (EMBEDDINGS,))
    (expected,) = finite_differences(lambda x: reference(LABELS, x, metric=metric), (EMBEDDINGS,))
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5)


def test_semihard_by_hand():
    # On a line: anchor 0 and positive 2; negatives at -1, 2.5 and 4.
    line = np.array([[0.0], [2.0], [-1.0], [2.5], [4.0]])
    labels = np.array([0, 0, 1, 2, 3])
    # From 0, the nearest negative beyond 2 is at 2.5: 1 + 2 - 2.5 = 0.5. From 2, the nearest
    # beyond 2 is at 3 (-1), as 4 is not farther than the positive: 1 + 2 - 3 = 0.
    assert value(triplet_semihard_loss, labels, line) == pytest.approx(0.25, rel=1e-6)


def test_hard_by_hand():
    line = np.array([[0.0], [2.0], [3.0], [2.5]])
    # Anchors 0, 2, 3 and 2.5: 1 + 3 - 2.5, 1 + 2 - 0.5, 1 + 3 - 0.5, and 1 + 0 - 0.5.
    expected = (1.5 + 2.5 + 3.5 + 0.5) / 4
    labels = np.array([0, 0, 0, 1])
    assert value(triplet_hard_loss, labels, line) == pytest.approx(expected, rel=1e-6)


def test_a_negative_as_far_as_the_positive_is_not_semihard():
    line = np.array([[0.0], [1.0], [-1.0], [-3.0]])
    # From 0 both are at 1, so that the negative is at 3: 1 + 1 - 3 < 0; from 1 it is at 2.
    labels = np.array([0, 0, 1, 1])
    # The pair (-1, -3) at 2: from -1 the farthest is at 2, which is not farther; from -3 at 3.
    expected = (0 + 0 + (1 + 2 - 2) + (1 + 2 - 3)) / 4
    assert value(triplet_semihard_loss, labels, line) == pytest.approx(expected, rel=1e-6)


@every_loss
def test_the_order_of_the_batch_is_irrelevant(loss):
    order = RNG.permutation(len(LABELS))
    expected = value(loss, LABELS, EMBEDDINGS)
    assert value(loss, LABELS[order], EMBEDDINGS[order]) == pytest.approx(expected, rel=1e-5)


@each
def test_a_batch_of_one_class_has_no_negatives(loss, reference):
    labels = np.zeros(10)
    expected = reference(labels, EMBEDDINGS)
    assert value(loss, labels, EMBEDDINGS) == pytest.approx(expected, rel=1e-5)
    (found,) = gradients(lambda x: loss(labels, x), (EMBEDDINGS,))
    assert np.all(np.isfinite(found))


def test_a_batch_without_pairs_gives_zero_semihard_loss():
    assert value(triplet_semihard_loss, np.arange(10), EMBEDDINGS) == 0.0
    (found,) = gradients(lambda x: triplet_semihard_loss(np.arange(10), x), (EMBEDDINGS,))
    np.testing.assert_array_equal(found, 0.0)


def test_an_anchor_without_a_positive_has_it_at_zero_in_the_hard_loss():
    expected = metric_learning.triplet_hard(np.arange(10), EMBEDDINGS, margin=2.0)
    found = value(triplet_hard_loss, np.arange(10), EMBEDDINGS, margin=2.0)
    assert found == pytest.approx(expected, rel=1e-5)


@every_loss
@every_metric
def test_samples_at_one_place_have_a_finite_gradient(loss, metric):
    samples = np.tile(EMBEDDINGS[:1], (10, 1))
    (found,) = gradients(lambda x: loss(LABELS, x, distance_metric=metric), (samples,))
    assert np.all(np.isfinite(found))


def test_the_soft_loss_of_far_samples_does_not_overflow():
    expected = metric_learning.triplet_hard(LABELS, 1e4 * EMBEDDINGS, margin=0.0)
    assert value(soft_hard_loss, LABELS, 1e4 * EMBEDDINGS) == pytest.approx(expected, rel=1e-5)


@every_loss
def test_a_function_takes_the_place_of_a_name(loss):
    expected = value(loss, LABELS, EMBEDDINGS, distance_metric="squared-L2")
    metric = squared_lengths_of_differences
    found = value(loss, LABELS, EMBEDDINGS, distance_metric=metric)
    assert found == pytest.approx(expected, rel=1e-5)


@every_metric
@pytest.mark.parametrize("labels", [LABELS, np.zeros(10), np.arange(10), [0] * 9 + [1]])
def test_the_hard_loss_is_alike_for_a_name_and_for_its_function(metric, labels):
    labels = np.array(labels)

    def losses(embeddings):
        return [
            triplet_hard_loss(labels, embeddings, margin=4.0, distance_metric=by)
            for by in (metric, lambda x: pairwise_distance("Here", x, metric))
        ]

    values = losses(EMBEDDINGS.astype("float32"))
    assert float(values[0]) == pytest.approx(float(values[1]), rel=1e-6)
    found = [gradients(lambda x, i=i: losses(x)[i], (EMBEDDINGS,))[0] for i in range(2)]
    # Of float32 sums of ten distances.
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


@every_metric
@pytest.mark.parametrize("n", [1, 2])
def test_a_zero_vector_is_at_zero_from_itself_in_the_hard_loss(metric, n):
    zeros, labels = np.zeros((n, 3)), np.arange(n)
    to_other = 1.0 if metric == "angular" and n == 2 else 0.0
    assert value(triplet_hard_loss, labels, zeros, distance_metric=metric) == 1.0 - to_other


@every_loss
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_rounded_at_the_end_only(loss, dtype):
    embeddings = ops.cast(ops.convert_to_tensor(EMBEDDINGS.astype("float32")), dtype)
    found = loss(LABELS, embeddings)
    precise = ops.cast(loss(LABELS, ops.cast(embeddings, "float32")), dtype)
    assert dtype_name(found) == dtype
    assert float(ops.cast(found, "float32")) == float(ops.cast(precise, "float32"))


@every_class
def test_classes_and_embeddings_survive_a_file(cls):
    loss = cls(margin=0.5, distance_metric=squared_lengths_of_differences)
    config = json.loads(json.dumps(loss.get_config()))
    after = cls.from_config(config)
    assert after.get_config() == loss.get_config()
    assert after.distance_metric is squared_lengths_of_differences
    assert value(after, LABELS, EMBEDDINGS) == value(loss, LABELS, EMBEDDINGS)


@every_class
def test_a_metric_that_is_no_longer_registered_is_named(cls):
    config = cls(distance_metric=squared_lengths_of_differences).get_config()
    config["distance_metric"]["registered_name"] = "elsewhere>manhattan"
    message = exactly(
        f"{cls.__name__}: `distance_metric`: a part of the file cannot be restored.",
        "  Expected: the name of a registered class or function",
        "  Received: 'elsewhere>manhattan'",
        "  Hint: import the module that defines and registers it before loading",
    )
    with pytest.raises(ValueError, match=message):
        cls.from_config(config)


def test_the_class_takes_all_arguments():
    loss = TripletHardLoss(0.5, True, "angular", "mined", reduction="sum")
    assert loss.get_config() == {
        "margin": 0.5,
        "soft": True,
        "distance_metric": "angular",
        "name": "mined",
        "reduction": "sum",
    }
    expected = metric_learning.triplet_hard(LABELS, EMBEDDINGS, soft=True, metric="angular")
    assert value(loss, LABELS, EMBEDDINGS) == pytest.approx(expected, rel=1e-5)


@needs_unknown_shapes
@every_loss
def test_the_size_of_the_batch_may_be_unknown_while_tracing(loss):
    import tensorflow as tf

    signature = [tf.TensorSpec((None,), "int32"), tf.TensorSpec((None, 3), "float32")]
    traced = tf.function(loss, input_signature=signature)
    for n in (10, 4, 0):
        embeddings = tf.constant(EMBEDDINGS[:n].astype("float32"))
        labels = tf.constant(LABELS[:n].astype("int32"))
        assert float(traced(labels, embeddings)) == pytest.approx(
            float(loss(labels, embeddings)),
            rel=1e-6,
        )


@needs_tensorflow_backend
@every_loss
def test_xla_gives_the_same(loss):
    import tensorflow as tf

    data = tf.constant(LABELS.astype("int32")), tf.constant(EMBEDDINGS.astype("float32"))
    compiled = tf.function(loss, jit_compile=True)
    assert float(compiled(*data)) == pytest.approx(float(loss(*data)), rel=1e-5)


@needs_tensorflow_backend
@every_loss
def test_memory_is_of_order_batch_times_batch(loss):
    import tensorflow as tf

    n = 32

    @tf.function
    def step(labels, embeddings):
        return tf.gradients(loss(labels, embeddings), embeddings)

    graph = step.get_concrete_function(
        tf.TensorSpec((n,), "int32"), tf.TensorSpec((n, 3), "float32")
    ).graph
    assert max(sizes_in(graph)) <= (n + 1) ** 2


@needs_tensorflow_backend
@every_metric
def test_only_the_pairs_of_the_hard_loss_have_gradients(metric):
    import tensorflow as tf

    n, n_features = 32, 3

    @tf.function
    def step(labels, embeddings):
        loss = triplet_hard_loss(labels, embeddings, distance_metric=metric)
        with tf.name_scope("backward"):
            return tf.gradients(loss, embeddings)

    specs = tf.TensorSpec((n,), "int32"), tf.TensorSpec((n, n_features), "float32")
    graph = step.get_concrete_function(*specs).graph
    assert max(sizes_in(graph, "backward")) == n * n_features


def sizes_in(graph, prefix=""):
    """The known sizes of the tensors that the operations of a graph make."""
    operations = [op for op in graph.get_operations() if op.name.startswith(prefix)]
    sizes = [t.shape.num_elements() for op in operations for t in op.outputs]
    return [size for size in sizes if size is not None]
