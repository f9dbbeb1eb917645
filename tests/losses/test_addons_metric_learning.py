"""The metric-learning losses against those of TensorFlow Addons itself."""

import inspect

import numpy as np
import pytest

from keras_multiloss.losses import _contrastive, _lifted_structure, _npairs
from keras_multiloss.losses import _triplet_hard as _hard
from keras_multiloss.losses import _triplet_semihard as _semihard
from tests.lanes import needs_addons
from tests.losses import metric_learning

pytestmark = needs_addons

RNG = np.random.default_rng(12)
N = 24
LABELS = RNG.integers(0, 5, N)
TAGS = np.eye(5, dtype="int32")[LABELS] | RNG.integers(0, 2, (N, 5))
EMBEDDINGS = RNG.normal(size=(N, 4))
SIMILARITY = RNG.normal(size=(N, N))
ALIKE, DISTANCE = RNG.integers(0, 2, N), RNG.uniform(0, 2, N)

MARGINS = [1.0, 0.3, 5.0]
METRICS = ["L2", "squared-L2", "angular"]
TRIPLETS = [{"margin": m, "distance_metric": d} for m in MARGINS for d in METRICS]
#: Our function and class, the arguments they share, a label and an output.
CASES = [
    (_contrastive.contrastive_loss, _contrastive.ContrastiveLoss, arguments, ALIKE, DISTANCE)
    for arguments in [{}, *({"margin": m} for m in [0.5, 2.0])]
]
CASES += [
    (
        _lifted_structure.lifted_struct_loss,
        _lifted_structure.LiftedStructLoss,
        arguments,
        LABELS,
        EMBEDDINGS,
    )
    for arguments in [{}, {"margin": 0.3}, {"margin": 5.0}]
]
CASES += [
    (_npairs.npairs_loss, _npairs.NpairsLoss, {}, LABELS, SIMILARITY),
    (_npairs.npairs_multilabel_loss, _npairs.NpairsMultilabelLoss, {}, TAGS, SIMILARITY),
]
CASES += [
    (_semihard.triplet_semihard_loss, _semihard.TripletSemiHardLoss, arguments, LABELS, EMBEDDINGS)
    for arguments in [{}, *TRIPLETS]
]
CASES += [
    (_hard.triplet_hard_loss, _hard.TripletHardLoss, {**arguments, "soft": soft}, *data)
    for arguments in [{}, *TRIPLETS]
    for soft in [False, True]
    for data in [(LABELS, EMBEDDINGS)]
]
IDS = [
    "-".join([function.__name__, *map(str, arguments.values())])
    for function, _, arguments, _, _ in CASES
]
every_case = pytest.mark.parametrize(
    ("function", "cls", "arguments", "label", "output"), CASES, ids=IDS
)
#: How the float32 arithmetic of both may differ, relative to the largest entry.
FLOAT32 = 1e-6
#: Two units in the last place of the results.
HALF = {"float16": 2**-10, "bfloat16": 2**-7}


def theirs(target):
    import tensorflow_addons as tfa

    return getattr(tfa.losses, target.__name__)


def value_and_gradient(loss, label, output, dtype, **arguments):
    import tensorflow as tf

    output = tf.cast(output, dtype)
    with tf.GradientTape() as tape:
        tape.watch(output)
        value = loss(label, output, **arguments)
        total = tf.reduce_sum(value)
    gradient = tape.gradient(total, output)
    assert value.dtype == gradient.dtype == dtype
    return [tf.cast(x, "float64").numpy() for x in (value, gradient)]


def check_equal(found, expected, tolerance):
    for ours, other in zip(found, expected, strict=True):
        assert ours.shape == other.shape
        # Gradients that cancel to 0 leave roundings of their parts, which are of order 0.1.
        largest = max(np.abs(other).max(), 0.1)
        np.testing.assert_allclose(ours, other, rtol=0, atol=tolerance * largest)


@every_case
def test_functions_agree(function, cls, arguments, label, output):
    data = (label, output, "float32")
    check_equal(
        value_and_gradient(function, *data, **arguments),
        value_and_gradient(theirs(function), *data, **arguments),
        FLOAT32,
    )


@every_case
def test_classes_agree(function, cls, arguments, label, output):
    data = (label, output, "float32")
    check_equal(
        value_and_gradient(cls(**arguments), *data),
        value_and_gradient(theirs(cls)(**arguments), *data),
        FLOAT32,
    )


#: The same arithmetic in half precision, which is where theirs rounds and ours does not.
ROUNDS_INSIDE = ("contrastive", "npairs")


@every_case
@pytest.mark.parametrize("dtype", list(HALF))
def test_half_precision_agrees(function, cls, arguments, label, output, dtype):
    data = (label, output, dtype)
    n_roundings = 8 if function.__name__.startswith(ROUNDS_INSIDE) else 1
    check_equal(
        value_and_gradient(function, *data, **arguments),
        value_and_gradient(theirs(function), *data, **arguments),
        n_roundings * HALF[dtype],
    )


@every_case
def test_double_precision_agrees(function, cls, arguments, label, output):
    data = (label, output, "float64")
    found = value_and_gradient(function, *data, **arguments)
    try:
        expected = value_and_gradient(theirs(function), *data, **arguments)
    except TypeError:  # theirs multiplies by float32, wherever there are distances
        expected = value_and_gradient(function, label, output, "float32", **arguments)
        check_equal(found, expected, 1e-5)
    else:
        check_equal(found, expected, 1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_random_batches_agree(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    labels = rng.integers(0, rng.integers(1, 8), n)
    labels[0] = labels[-1]  # without a pair theirs is NaN
    embeddings = rng.normal(size=(n, int(rng.integers(3, 8))))
    arguments = {"margin": rng.uniform(0, 3), "distance_metric": METRICS[seed % 3]}
    for function in (_semihard.triplet_semihard_loss, _hard.triplet_hard_loss):
        data = (labels, embeddings, "float32")
        check_equal(
            value_and_gradient(function, *data, **arguments),
            value_and_gradient(theirs(function), *data, **arguments),
            1e-5,  # near pairs lose digits in both: |a|^2 + |b|^2 - 2 ab
        )


@pytest.mark.parametrize(
    ("function", "labels"),
    [
        (_semihard.triplet_semihard_loss, LABELS),
        (_semihard.triplet_semihard_loss, 0 * LABELS),
        (_hard.triplet_hard_loss, LABELS),
        (_hard.triplet_hard_loss, 0 * LABELS),
        (_hard.triplet_hard_loss, np.arange(N)),  # without a pair the other of theirs is NaN
    ],
    ids=["semihard", "semihard one class", "hard", "hard one class", "hard no pairs"],
)
def test_functions_for_distances_agree_also_where_none_is_zero(function, labels):
    def shifted(embeddings):
        import tensorflow as tf

        differences = embeddings[:, None] - embeddings[None]
        return tf.reduce_sum(tf.abs(differences), axis=-1) + 0.5

    data = (labels, EMBEDDINGS, "float32")
    check_equal(
        value_and_gradient(function, *data, distance_metric=shifted),
        value_and_gradient(theirs(function), *data, distance_metric=shifted),
        FLOAT32,
    )


def test_sparse_tags_agree():
    import tensorflow as tf

    data = (tf.sparse.from_dense(TAGS), SIMILARITY, "float32")
    check_equal(
        value_and_gradient(_npairs.npairs_multilabel_loss, *data),
        value_and_gradient(theirs(_npairs.npairs_multilabel_loss), *data),
        FLOAT32,
    )


@pytest.mark.parametrize("shape", [(N,), (N, 1)])
@pytest.mark.parametrize(
    "function",
    [
        _semihard.triplet_semihard_loss,
        _hard.triplet_hard_loss,
        _lifted_structure.lifted_struct_loss,
    ],
)
def test_labels_in_a_column_agree(function, shape):
    data = (LABELS.reshape(shape), EMBEDDINGS, "float32")
    check_equal(
        value_and_gradient(function, *data), value_and_gradient(theirs(function), *data), FLOAT32
    )


@every_case
def test_sample_weights_and_reductions_agree(function, cls, arguments, label, output):
    is_by_sample = cls is _contrastive.ContrastiveLoss
    weights = np.linspace(0, 1, N if is_by_sample else 1) + 0.5
    for reduction in ("none", "sum", "sum_over_batch_size"):
        ours, other = cls(**arguments), theirs(cls)(**arguments)
        ours.reduction = other.reduction = reduction
        found, expected = (
            x(label, output.astype("float32"), weights.astype("float32")) for x in (ours, other)
        )
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=FLOAT32, atol=FLOAT32)


@pytest.mark.parametrize(
    "target",
    list(dict.fromkeys(target for case in CASES for target in case[:2])),
    ids=lambda target: target.__name__,
)
def test_arguments_and_their_defaults_are_the_same(target):
    ours, other = (inspect.signature(x).parameters for x in (target, theirs(target)))
    expected = {p.name: p.default for p in other.values() if p.kind != p.VAR_KEYWORD}
    found = {p.name: p.default for p in ours.values()}
    extra = set(found) - set(expected)
    assert extra <= {"reduction"}  # which theirs has in `**kwargs`, if at all
    assert [(k, v) for k, v in found.items() if k not in extra] == list(expected.items())


@pytest.mark.parametrize(
    "cls", list(dict.fromkeys(case[1] for case in CASES)), ids=lambda target: target.__name__
)
def test_configs_are_the_same(cls):
    assert cls().get_config() == theirs(cls)().get_config()
    assert cls.from_config(theirs(cls)().get_config()).get_config() == cls().get_config()


def test_the_reference_is_theirs():
    # The references in NumPy, that all lanes are tested with, are those of the package.
    import tensorflow_addons as tfa

    embeddings, labels = EMBEDDINGS.astype("float32"), LABELS
    pairs = [
        (tfa.losses.triplet_semihard_loss, metric_learning.triplet_semihard),
        (tfa.losses.triplet_hard_loss, metric_learning.triplet_hard),
        (tfa.losses.lifted_struct_loss, metric_learning.lifted_structure),
    ]
    for package, reference in pairs:
        expected = reference(labels, EMBEDDINGS)
        assert float(package(labels, embeddings)) == pytest.approx(expected, rel=1e-5)
