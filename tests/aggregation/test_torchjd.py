"""The rules against those of TorchJD, which were written by others from the same papers."""

import numpy as np
import pytest

from keras_multiloss import aggregation as ka
from keras_multiloss._platform import ops
from tests.aggregation.jacobians import random
from tests.lanes import needs_torchjd

pytestmark = needs_torchjd

JACOBIANS = {"3 tasks": random(3), "8 tasks": random(8), "8 others": random(8, seed=1)}

RULES = {
    # It adds 1e-4 to the diagonal of the normalized Gramian.
    "UPGrad": (ka.UPGrad(), {}, 1e-3),
    "DualProj": (ka.DualProj(), {}, 1e-3),
    "Mean": (ka.Mean(), {}, 1e-6),
    "Sum": (ka.Sum(), {}, 1e-6),
    # Closed forms from float32.
    "AlignedMTL": (ka.AlignedMTL(), {}, 1e-5),
    "ConFIG": (ka.ConFIG(), {}, 1e-5),
    "IMTLG": (ka.IMTLG(), {}, 1e-5),
    "Krum": (ka.Krum(n_byzantine=0), {"n_byzantine": 0}, 1e-6),
}


def oracle(name, jacobian, **arguments):
    import torch
    from torchjd import aggregation

    rule = getattr(aggregation, name)(**arguments)
    return rule(torch.tensor(jacobian, dtype=torch.float32)).numpy()


def combined(rule, jacobian):
    return ops.convert_to_numpy(rule(jacobian))


@pytest.mark.parametrize("case", JACOBIANS)
@pytest.mark.parametrize("name", RULES)
def test_a_rule_equals_that_of_torchjd(name, case):
    rule, arguments, tolerance = RULES[name]
    jacobian = JACOBIANS[case]
    expected = oracle(name, jacobian, **arguments)
    atol = tolerance * np.abs(jacobian).max()
    np.testing.assert_allclose(combined(rule, jacobian), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("case", JACOBIANS)
def test_mgda_finds_a_shorter_vector_than_frank_and_wolfes_method_near_it(case):
    expected = oracle("MGDA", JACOBIANS[case], epsilon=1e-7, max_iters=3000)
    found = combined(ka.MGDA(), JACOBIANS[case])
    assert np.linalg.norm(found) < np.linalg.norm(expected) * (1 + 1e-6)  # float32
    # In float32 its steps end early.
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.03)


# Its `FairGrad` has the equation of the paper, without the norm of the Gramian.
@pytest.mark.parametrize("case", JACOBIANS)
@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_fairgrad_has_the_direction_that_it_has_in_torchjd(alpha, case):
    found = combined(ka.FairGrad(alpha), JACOBIANS[case])
    expected = oracle("FairGrad", JACOBIANS[case], alpha=alpha)
    cosine = found @ expected / np.linalg.norm(found) / np.linalg.norm(expected)
    assert cosine > 1 - 1e-5  # the least squares of SciPy end at changes of 1e-8


@pytest.mark.parametrize("rule", ["UPGrad", "DualProj"])
def test_priorities_are_those_of_torchjd(rule):
    import torch

    preference = [3.0, 1.0, 0.5]
    # There the priorities are weights themselves; here, shares of their sum.
    shares = torch.tensor(preference) / sum(preference)
    expected = oracle(rule, random(3), pref_vector=shares)
    found = combined(getattr(ka, rule)(preference), random(3))
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-3)  # of its 1e-4, as above


def test_the_value_table_of_torchjd_differs_by_its_regularizer():
    """By hand the result is [0.2924, 1.9006, 1.9006]; see test_two_tasks_by_hand."""
    jacobian = np.array([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]])
    theirs, ours = oracle("UPGrad", jacobian), combined(ka.UPGrad(), jacobian)
    np.testing.assert_allclose(theirs, [0.2929, 1.9004, 1.9004], atol=5e-5)
    np.testing.assert_allclose(ours, [0.2924, 1.9006, 1.9006], atol=5e-5)
