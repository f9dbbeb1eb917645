"""Everything public goes through the same contracts."""

import inspect

import pytest

import keras_multiloss as kml
from keras_multiloss._platform import keras
from tests import contracts
from tests.losses.cases import CASES

SUBPACKAGES = [
    kml.aggregation,
    kml.callbacks,
    kml.data,
    kml.layers,
    kml.losses,
    kml.models,
    kml.weighting,
]

EXAMPLES = [
    kml.LossTerm(keras.losses.Huber(delta=0.3), "a", weight=0.5, mask=-1, class_weight={1: 2.0}),
    kml.LossTerm(kml.losses.ConsistencyLoss(), ["a", "b"], None, name="agree", required=False),
    kml.LossTerm("mse", "a") + 0.5 * kml.LossTerm("mae", "b"),
    kml.losses.MaskedLoss(keras.losses.Huber(delta=0.3), -1),
    kml.losses.PerOutputLoss({"a": "mse", "b": "mae"}, weights={"a": 0.1}),
    kml.aggregation.AlignedMTL("median", preference=[2, 1]),
    kml.aggregation.CAGrad(c=0.4, preference=[2, 1]),
    kml.aggregation.ConFIG([2, 1]),
    kml.aggregation.Constant([2, 1]),
    kml.aggregation.FairGrad(alpha=2),
    kml.aggregation.GradDrop(leak=[0.5, 0], seed=3),
    kml.aggregation.Krum(1, n_selected=2),
    kml.aggregation.PCGrad(),
    kml.aggregation.Random(),
    kml.aggregation.TrimmedMean(1),
    kml.aggregation.UPGrad([2, 1]),
    kml.layers.CosineDense(3, kernel_regularizer="l2"),
    kml.WeightedSumLoss(
        kml.LossTerm("mse", "a") + kml.LossTerm("mae", "b"), weighting="uncertainty"
    ),
    kml.WeightedSumLossLayer(kml.LossTerm("mse", "a"), output_names=["a"]),
]


def public_objects():
    found = {}
    for module in [kml, *SUBPACKAGES]:
        for name in module.__all__:
            obj = getattr(module, name)
            if not inspect.ismodule(obj):
                found[name] = obj
    return found


def losses():
    return [cls for cls in public_objects().values() if _is_loss(cls) and cls is not kml.JointLoss]


def _is_loss(obj):
    return isinstance(obj, type) and issubclass(obj, kml.JointLoss)


@pytest.mark.parametrize("name", public_objects())
def test_it_is_documented_with_an_example(name):
    contracts.is_documented(public_objects()[name])


@pytest.mark.parametrize("name", public_objects())
def test_it_is_defined_in_this_package(name):
    assert public_objects()[name].__module__.startswith("keras_multiloss.")


@pytest.mark.parametrize("module", [kml, *SUBPACKAGES], ids=lambda module: module.__name__)
def test_all_is_sorted_and_says_what_is_public(module):
    assert list(module.__all__) == sorted(module.__all__)
    assert inspect.getdoc(module)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_loss_keeps_its_arguments(case):
    contracts.config_survives_json(case.loss)
    contracts.arguments_are_attributes(case.loss)
    contracts.is_registered(type(case.loss))


def test_every_public_loss_has_a_case():
    assert {type(case.loss) for case in CASES} == set(losses())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_an_object_keeps_its_arguments(example):
    contracts.config_survives_json(example)
    contracts.arguments_are_attributes(example)
    contracts.is_registered(type(example))


def takes_logits():
    """The losses, functions and layers that say whether they read logits."""
    found = {}
    for name, obj in public_objects().items():
        parameters = inspect.signature(obj).parameters if callable(obj) else {}
        if "from_logits" in parameters:
            found[name] = parameters["from_logits"].default
    return found


def test_from_logits_defaults_to_false_as_in_keras():
    # Sparsemax is defined on logits: that of TensorFlow Addons takes nothing but `True`.
    found = takes_logits()
    assert found.pop("SparsemaxLoss") is True
    assert "ConsistencyLoss" in found
    assert "sigmoid_focal_crossentropy" in found
    assert {name for name, default in found.items() if default is not False} == set()


def test_registered_names_are_the_file_format():
    names = [
        keras.saving.get_registered_name(obj)
        for obj in public_objects().values()
        if isinstance(obj, type) and hasattr(obj, "get_config")
    ]
    assert "keras_multiloss>MultiLossModel" in names
    assert "keras_multiloss>WeightedSumLossLayer" in names


def test_the_version_is_one():
    import importlib.metadata

    assert importlib.metadata.version("keras-multiloss") == kml.__version__
