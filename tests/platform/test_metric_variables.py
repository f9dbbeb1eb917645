"""Metrics that are not state of a model, and where Keras records metrics at all."""

import pytest

from keras_multiloss._platform import UnsavedMetric, can_record_metrics
from tests.conftest import under_policy
from tests.lanes import BACKEND


class Nothing(UnsavedMetric):
    """Keras 2 makes no metric that has neither of these."""

    def update_state(self):
        pass

    def result(self):
        return {}


def test_a_metric_leaves_nothing_in_a_file():
    store = {}
    metric = Nothing()
    metric.add_weight(name="sum", shape=(), initializer="zeros")
    metric.save_own_variables(store)
    assert store == {}


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_metrics_are_recorded_in_layers_where_keras_can(policy):
    with under_policy(policy):
        found = can_record_metrics()
    assert found == {"tensorflow": True, "torch": policy == "float32", "jax": False}[BACKEND]
