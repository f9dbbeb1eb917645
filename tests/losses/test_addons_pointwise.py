"""The losses of TensorFlow Addons that treat rows one by one, and kappa, against the package.

The package is run in float64 on the same numbers, as its own float32 results have rounding
errors above 1e-6 (the focal loss takes `1 - p` of a `p` near 1, for one).
"""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from keras_multiloss.losses import _focal, _giou, _kappa, _pinball, _sparsemax
from tests.lanes import needs_addons

pytestmark = needs_addons

RNG = np.random.default_rng(11)
ROWS = 16

#: Float32 keeps 6e-8 of each number; a gradient is a sum of products of some ten of them.
SINGLE = {"rtol": 1e-6, "atol": 2e-7}
DOUBLE = {"rtol": 1e-9, "atol": 1e-9}
#: Kappa is the logarithm of a ratio near 1 of two sums of 80 products.
KAPPA = {"rtol": 2e-6, "atol": 2e-6}
#: The results are rounded once to half precision: half of a unit in the last place.
ROUNDED = {"float16": 2.0**-11, "bfloat16": 2.0**-8}


def theirs(name):
    """A function or class of the package."""
    import tensorflow_addons as tfa

    if name == "sparsemax_loss_from_logits":
        return getattr(importlib.import_module("tensorflow_addons.losses.sparsemax_loss"), name)
    return getattr(tfa.losses, name)


def boxes(n=ROWS):
    corner = RNG.uniform(0, 4, (n, 2))
    return np.concatenate([corner, corner + RNG.uniform(0.5, 4, (n, 2))], axis=-1)


def one_hot(n_classes, n=ROWS):
    return np.eye(n_classes)[RNG.integers(0, n_classes, n)]


def probabilities(n_classes, n=ROWS):
    return RNG.dirichlet(np.ones(n_classes), n)


def grid(**choices):
    """Every combination of the choices of arguments."""
    combinations = [{}]
    for name, values in choices.items():
        combinations = [{**c, name: value} for c in combinations for value in values]
    return combinations


@dataclass(frozen=True)
class Case:
    """A loss of the package beside ours, random inputs, and the arguments to try.

    Numbers among the arguments are exact in float32, which the package casts them to.
    """

    name: str
    ours: Any
    label: np.ndarray
    output: np.ndarray
    arguments: list[dict[str, Any]] = field(default_factory=lambda: [{}])

    @property
    def tolerances(self) -> dict[str, dict[str, float]]:
        if self.name == "WeightedKappaLoss":  # the package has it in float32 only
            return {"float32": KAPPA, "float64": KAPPA}
        return {"float32": SINGLE, "float64": DOUBLE}


FOCAL = grid(alpha=[0.25, 0.75, 0.0, None], gamma=[2.0, 0.5, 0.0, None], from_logits=[False, True])
FOCAL_INPUTS = (RNG.integers(0, 2, (ROWS, 5)) * 1.0, RNG.uniform(0.01, 0.99, (ROWS, 5)))
SOFT_INPUTS = (RNG.uniform(0, 1, (ROWS, 5)), RNG.uniform(0.01, 0.99, (ROWS, 5)))
PINBALL_INPUTS = (RNG.normal(size=(ROWS, 3, 2)), RNG.normal(size=(ROWS, 3, 2)))
SPARSEMAX_INPUTS = (one_hot(6), RNG.normal(size=(ROWS, 6)))
SMOOTHED_INPUTS = (probabilities(6), 3 * RNG.normal(size=(ROWS, 6)))
PINBALL = grid(tau=[0.0, 0.125, 0.5, 1.0])
GIOU = grid(mode=["giou", "iou"])

FUNCTIONS = {
    "giou": Case("giou_loss", _giou.giou_loss, boxes(), boxes(), GIOU),
    "pinball": Case("pinball_loss", _pinball.pinball_loss, *PINBALL_INPUTS, PINBALL),
    "focal": Case(
        "sigmoid_focal_crossentropy", _focal.sigmoid_focal_crossentropy, *FOCAL_INPUTS, FOCAL
    ),
    "focal of soft labels": Case(
        "sigmoid_focal_crossentropy", _focal.sigmoid_focal_crossentropy, *SOFT_INPUTS, FOCAL
    ),
    "sparsemax": Case(
        "sparsemax_loss_from_logits", _sparsemax.sparsemax_loss_from_logits, *SPARSEMAX_INPUTS
    ),
    "sparsemax of soft labels": Case(
        "sparsemax_loss_from_logits", _sparsemax.sparsemax_loss_from_logits, *SMOOTHED_INPUTS
    ),
}

REDUCTIONS = grid(reduction=["sum_over_batch_size", "sum", "none"])


def with_reductions(arguments):
    return [{**a, **reduction} for a in arguments for reduction in REDUCTIONS]


CLASSES = {
    "GIoULoss": Case("GIoULoss", _giou.GIoULoss, boxes(), boxes(), with_reductions(GIOU)),
    "PinballLoss": Case(
        "PinballLoss", _pinball.PinballLoss, *PINBALL_INPUTS, with_reductions(PINBALL)
    ),
    "SigmoidFocalCrossEntropy": Case(
        "SigmoidFocalCrossEntropy",
        _focal.SigmoidFocalCrossEntropy,
        *FOCAL_INPUTS,
        with_reductions(grid(alpha=[0.75, None], gamma=[1.5, 0.0], from_logits=[False, True])),
    ),
    "SparsemaxLoss": Case("SparsemaxLoss", _sparsemax.SparsemaxLoss, *SPARSEMAX_INPUTS, REDUCTIONS),
    "WeightedKappaLoss": Case(
        "WeightedKappaLoss",
        _kappa.WeightedKappaLoss,
        one_hot(5),
        probabilities(5),
        with_reductions(
            grid(num_classes=[5], weightage=["quadratic", "linear"], epsilon=[1e-6, 0.125, None])
        ),
    ),
}


def every(cases):
    return pytest.mark.parametrize("case", cases.values(), ids=cases)


def values_and_gradients(loss: Callable[..., Any], label, output, dtype):
    """The values of a loss, and the gradients of their sum by output and by label."""
    import tensorflow as tf

    label, output = (tf.cast(tf.constant(x), dtype) for x in (label, output))
    with tf.GradientTape() as tape:
        tape.watch([label, output])
        values = loss(label, output)
    return values, tape.gradient(values, [output, label], unconnected_gradients="zero")


def as_in(dtype, *arrays):
    """Float64 arrays of the numbers that another dtype has for them."""
    import tensorflow as tf

    return tuple(tf.cast(tf.cast(x, dtype), "float64").numpy() for x in arrays)


def close(found, expected, **tolerance):
    found, expected = (np.asarray(x, "float64") for x in (found, expected))
    np.testing.assert_allclose(found, expected, **tolerance)


def check(ours, reference, case, *, n_gradients=2, n_roundings=1):
    """Values and gradients in float32 and float64, values in half precision."""
    inputs = as_in("float32", case.label, case.output)
    expected, gradients = values_and_gradients(reference, *inputs, "float64")
    for dtype, tolerance in case.tolerances.items():
        found, own = values_and_gradients(ours, *inputs, dtype)
        close(found, expected, **tolerance)
        for gradient, wanted in list(zip(own, gradients, strict=True))[:n_gradients]:
            close(gradient, wanted, **tolerance)
    for dtype, error in ROUNDED.items():
        inputs = as_in(dtype, case.label, case.output)
        expected, _ = values_and_gradients(reference, *inputs, "float64")
        found, _ = values_and_gradients(ours, *inputs, dtype)
        close(found, expected, rtol=1.01 * n_roundings * error, atol=2e-6)


@every(FUNCTIONS)
def test_values_and_gradients_are_those_of_the_package(case):
    reference = theirs(case.name)
    for arguments in case.arguments:
        check(
            lambda a, b, k=arguments: case.ours(a, b, **k),
            lambda a, b, k=arguments: reference(a, b, **k),
            case,
        )


@every(CLASSES)
def test_objects_give_the_values_and_gradients_of_the_package(case):
    reference = theirs(case.name)
    for arguments in case.arguments:
        # Keras 2 also adds the values up, and divides the sum, in half precision.
        ours, package = case.ours(**arguments), reference(**arguments)
        check(ours, package, case, n_gradients=1, n_roundings=4)


@every(CLASSES)
def test_objects_weigh_samples_as_those_of_the_package(case):
    weight = 0.5 if case.name == "WeightedKappaLoss" else RNG.uniform(size=ROWS)
    reference = theirs(case.name)
    for arguments in case.arguments:
        if np.ndim(weight) and case.label.ndim == 3:
            weight = weight[:, None]
        expected = reference(**arguments)(case.label, case.output, sample_weight=weight)
        found = case.ours(**arguments)(case.label, case.output, sample_weight=weight)
        close(found, expected, **case.tolerances["float32"])


@every(FUNCTIONS | CLASSES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_shapes_and_dtypes_are_those_of_the_package(case, dtype):
    import tensorflow as tf

    arguments = case.arguments[-1]
    if isinstance(case.ours, type):
        ours, reference = case.ours(**arguments), theirs(case.name)(**arguments)
    else:
        ours, reference = case.ours, theirs(case.name)
    # The package raises for sparsemax in half precision.
    is_known = not ("sparsemax" in case.name.lower() and dtype in ROUNDED)
    found, _ = values_and_gradients(ours, case.label, case.output, dtype)
    expected, _ = values_and_gradients(
        reference, case.label, case.output, dtype if is_known else "float32"
    )
    assert found.shape == expected.shape
    assert found.dtype == (expected.dtype if is_known else tf.as_dtype(dtype))


NAMES = [*CLASSES, *(case.name for case in FUNCTIONS.values()), "sparsemax_loss"]


@pytest.mark.parametrize("name", sorted(set(NAMES)))
def test_signatures_are_those_of_the_package(name):
    ours = next(
        getattr(module, name)
        for module in (_focal, _giou, _kappa, _pinball, _sparsemax)
        if hasattr(module, name)
    )

    def parameters(target):
        found = inspect.signature(target).parameters.values()
        return [(p.name, p.kind, p.default) for p in found]

    reference = getattr(theirs(name), "python_function", theirs(name))
    assert parameters(ours) == parameters(reference)


NAN, INF = float("nan"), float("inf")

EDGES = {
    "one pair of boxes": (_giou.giou_loss, [[0.0, 0, 2, 2]], [[1.0, 1, 3, 3]]),
    "a pair of boxes without a batch": (_giou.giou_loss, [0.0, 0, 2, 2], [1.0, 1, 3, 3]),
    "integer boxes": (_giou.giou_loss, [[0, 0, 2, 2]] * 2, [[1, 1, 3, 4]] * 2),
    "integer labels of boxes": (_giou.giou_loss, [[0, 0, 2, 2]] * 2, [[1.0, 1, 3, 4]] * 2),
    "the same box twice": (_giou.giou_loss, [[0.0, 0, 2, 2]] * 2, [[0.0, 0, 2, 2]] * 2),
    "boxes inside another": (_giou.giou_loss, [[0.0, 0, 4, 4]] * 2, [[1.0, 1, 2, 4]] * 2),
    "boxes that touch": (_giou.giou_loss, [[0.0, 0, 2, 2]] * 2, [[0.0, 2, 2, 4]] * 2),
    "boxes without an area": (_giou.giou_loss, [[1.0, 1, 1, 1]] * 2, [[1.0, 1, 1, 1]] * 2),
    "outputs that are points": (_giou.giou_loss, [[0.0, 0, 4, 4]] * 2, [[1.0, 1, 1, 1]] * 2),
    "outputs that are lines": (_giou.giou_loss, [[0.0, 0, 4, 4]] * 2, [[1.0, 1, 1, 3]] * 2),
    "boxes upside down": (_giou.giou_loss, [[0.0, 0, 2, 2]] * 2, [[3.0, 3, 1, 1]] * 2),
    "NaN in a box": (_giou.giou_loss, [[0.0, 0, 2, 2]] * 2, [[NAN, 0, 2, 2], [0.0, 0, 1, 1]]),
    "NaN in the label of a box": (_giou.giou_loss, [[0.0, NAN, 2, 2]] * 2, [[0.0, 0, 1, 1]] * 2),
    "infinity in a box": (_giou.giou_loss, [[0.0, 0, 2, 2]] * 2, [[0.0, 0, INF, 2]] * 2),
    "no boxes": (_giou.giou_loss, np.zeros((0, 4)), np.zeros((0, 4))),
    "broadcast boxes": (_giou.giou_loss, [0.0, 0, 2, 2], [[1.0, 1, 3, 3], [0.0, 0, 2, 1]]),
    "no error of a quantile": (_pinball.pinball_loss, [[1.0]], [[1.0]]),
    "integer labels of a quantile": (_pinball.pinball_loss, [[1, 2]], [[0.5, 4.0]]),
    "NaN in a quantile": (_pinball.pinball_loss, [[NAN, 1.0], [1.0, 1.0]], [[1.0, 1.0], [0, 1.0]]),
    "an infinite label of a quantile": (_pinball.pinball_loss, [[INF], [-INF]], [[1.0], [1.0]]),
    "no labels of a quantile": (_pinball.pinball_loss, np.zeros((0, 2)), np.zeros((0, 2))),
    "certain probabilities": (
        _focal.sigmoid_focal_crossentropy,
        [[0.0, 1.0, 0.3]] * 3,
        [[0.0] * 3, [1.0] * 3, [0.5] * 3],
    ),
    "NaN among probabilities": (_focal.sigmoid_focal_crossentropy, [[1.0]] * 2, [[NAN], [0.5]]),
    "infinite probabilities": (_focal.sigmoid_focal_crossentropy, [[1.0]] * 2, [[INF], [-INF]]),
    "no probabilities": (_focal.sigmoid_focal_crossentropy, np.zeros((0, 2)), np.zeros((0, 2))),
    "ruled out classes": (
        _sparsemax.sparsemax_loss_from_logits,
        [[0.0, 1, 0], [0, 0, 1]],
        [[-INF, 1.0, 0.5], [-INF, -INF, 0.0]],
    ),
    "a label that is ruled out": (
        _sparsemax.sparsemax_loss_from_logits,
        [[1.0, 0]],
        [[-INF, 1.0]],
    ),
    "all classes ruled out": (_sparsemax.sparsemax_loss_from_logits, [[1.0, 0]], [[-INF] * 2]),
    "NaN among logits": (
        _sparsemax.sparsemax_loss_from_logits,
        [[1.0, 0]] * 2,
        [[NAN, 1.0], [0.0, 1.0]],
    ),
    "an infinite logit": (_sparsemax.sparsemax_loss_from_logits, [[1.0, 0]], [[INF, 1.0]]),
    "logits that tie": (_sparsemax.sparsemax_loss_from_logits, [[0.0, 1, 0]], [[2.0, 2.0, 2.0]]),
    "no logits": (_sparsemax.sparsemax_loss_from_logits, np.zeros((0, 3)), np.zeros((0, 3))),
}


@pytest.mark.parametrize(("ours", "label", "output"), EDGES.values(), ids=EDGES)
def test_edge_cases_are_those_of_the_package(ours, label, output):
    import tensorflow as tf

    label, output = tf.constant(np.array(label)), tf.constant(np.array(output))
    for arguments in GIOU if ours is _giou.giou_loss else [{}]:
        found, gradient = with_gradient(ours, label, output, **arguments)
        expected, wanted = with_gradient(theirs(ours.__name__), label, output, **arguments)
        assert found.dtype == expected.dtype
        # The package drops axes of one entry, so that a batch of one loses its axis.
        close(np.squeeze(found), np.squeeze(expected), **SINGLE)
        if np.isfinite(wanted).all():
            close(gradient, wanted, **SINGLE)


def with_gradient(loss, label, output, **arguments):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(output)
        values = loss(label, output, **arguments)
    if not output.dtype.is_floating:
        return values, np.zeros(())
    return values, tape.gradient(values, output)


@pytest.mark.parametrize("logit", [-100.0, -20.0, -1.0, 0.0, 1.0, 20.0, 100.0])
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 5.0])
def test_saturated_logits_are_as_in_the_package(logit, label, gamma):
    arguments = {"gamma": gamma, "from_logits": True}
    reference, labels, logits = theirs("sigmoid_focal_crossentropy"), [[label]], [[logit]]
    expected = reference(labels, np.array(logits), **arguments)
    found = _focal.sigmoid_focal_crossentropy(labels, np.array(logits), **arguments)
    # The package takes 1 - p, which leaves no digits of 1e-9 to the fifth power.
    close(found, expected, rtol=1e-9, atol=1e-16)


@pytest.mark.parametrize(
    ("label", "output"),
    [
        (np.eye(3), np.eye(3)),
        (np.eye(3)[[1, 1]], np.eye(3)[[1, 1]]),
        (np.eye(3)[[1]], probabilities(3, 1)),
        (np.eye(3)[[0, 0]], np.eye(3)[[2, 2]]),
        (np.eye(3)[[0, 2]], np.full((2, 3), np.nan)),
    ],
    ids=["full agreement", "one class", "one row", "one class for another", "NaN"],
)
@pytest.mark.parametrize("weightage", ["quadratic", "linear"])
def test_edge_cases_of_kappa_are_those_of_the_package(label, output, weightage):
    expected = theirs("WeightedKappaLoss")(3, weightage)(label, output)
    close(_kappa.WeightedKappaLoss(3, weightage)(label, output), expected, **KAPPA)


def test_given_sparsemax_has_the_values_and_gradients_of_the_package():
    import tensorflow as tf
    import tensorflow_addons as tfa

    logits, labels = tf.constant(RNG.normal(size=(ROWS, 6))), tf.constant(one_hot(6))
    for given in (tfa.activations.sparsemax(logits), tf.constant(probabilities(6))):
        results = []
        for function in (_sparsemax.sparsemax_loss, theirs("sparsemax_loss")):
            with tf.GradientTape() as tape:
                tape.watch([logits, given, labels])
                values = function(logits, given, labels, name="loss")
            results.append([values, *tape.gradient(values, [logits, given, labels])])
        for found, expected in zip(*results, strict=True):
            close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "call"),
    {
        "giou_loss": lambda loss: loss(boxes(), boxes(), mode="other"),
        "sigmoid_focal_crossentropy": lambda loss: loss(*FOCAL_INPUTS, gamma=-1.0),
        "SparsemaxLoss": lambda cls: cls(from_logits=False),
        "WeightedKappaLoss": lambda cls: cls(3, "other")(one_hot(3), probabilities(3)),
    }.items(),
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_what_is_a_value_error_there_is_one_here(name, call):
    modules = (_focal, _giou, _kappa, _pinball, _sparsemax)
    ours = next(getattr(module, name) for module in modules if hasattr(module, name))
    for target in (theirs(name), ours):
        with pytest.raises(ValueError, match=r"\S"):
            call(target)
