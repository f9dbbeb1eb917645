"""Rules within a compiled step: no detour through Python, and the same result."""

import logging

import numpy as np
import pytest

from keras_multiloss import aggregation as ka
from keras_multiloss._platform import backend, ops
from tests.aggregation.jacobians import random
from tests.aggregation.promises import RULES
from tests.aggregation.test_stateful_rules import RULES as STATEFUL_RULES
from tests.lanes import needs_jax_backend, needs_tensorflow_backend, needs_torch_backend

SOLVED = ["upgrad", "dualproj", "mgda", "cagrad", "nashmtl", "fairgrad"]

#: Those with loops; test_stateless_rules.py compiles the others.
solved_rule = pytest.mark.parametrize(
    "rule",
    [RULES[name].rule for name in SOLVED],
    ids=SOLVED,
)


#: One object at least of every class.
ALL_RULES = [
    *(promises.rule for promises in RULES.values()),
    *STATEFUL_RULES.values(),
    ka.Constant([1.0, 2.0, 3.0]),
    ka.GradDrop(),
    ka.Krum(0),
    ka.Random(),
    ka.TrimmedMean(1),
]


def tensor(seed=0):
    return ops.convert_to_tensor(random(3, seed).astype("float32"))


def traced(rule):
    """A rule as a function of TensorFlow that XLA compiles."""
    import tensorflow as tf

    return tf.function(rule, autograph=False, jit_compile=True)


# XLA adds in another order: two roundings of float32, relative to entries of about 1.
def assert_same(found, expected):
    np.testing.assert_allclose(
        ops.convert_to_numpy(found), ops.convert_to_numpy(expected), rtol=0, atol=1e-6
    )


@solved_rule
@pytest.mark.sample(2)
def test_a_compiled_rule_gives_what_it_gives_by_itself(rule):
    if backend() == "tensorflow":
        compiled = traced(rule)
    elif backend() == "jax":
        import jax

        compiled = jax.jit(rule)
    else:
        compiled = rule
    assert_same(compiled(tensor()), rule(np.asarray(random(3))))


@needs_tensorflow_backend
@solved_rule
def test_a_graph_of_tensorflow_calls_no_python(rule):
    graph = traced(rule).get_concrete_function(tensor()).graph.as_graph_def()
    functions = [function.node_def for function in graph.library.function]
    operations = {node.op for nodes in (graph.node, *functions) for node in nodes}
    assert operations
    assert not {name for name in operations if "PyFunc" in name}


@needs_jax_backend
@solved_rule
def test_a_program_of_jax_calls_no_python(rule):
    import jax

    assert "callback" not in jax.jit(rule).lower(tensor()).as_text()


@needs_torch_backend
@solved_rule
def test_a_tensor_of_torch_stays_one(rule):
    import torch

    assert isinstance(rule(tensor()), torch.Tensor)


def n_compiled(caplog, rule, jacobian):
    """How many programs JAX compiles in one call of a rule outside a compiled step."""
    import jax

    losses = ops.ones((3,)) if rule.needs_losses else None
    caplog.clear()
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        rule(jacobian, losses=losses)
    return sum("Compiling" in record.getMessage() for record in caplog.records)


class Halving(ka.Aggregator):
    """A rule with a loop of its own, which JAX knows again in no other call."""

    def weights(self, gramian, state=None):
        largest = ops.max(gramian)
        halve = (lambda scale: scale * largest > 1.0, lambda scale: scale / 2.0)
        return ops.while_loop(*halve, ops.ones(())) * ops.ones_like(gramian[0])


@needs_jax_backend
def test_jax_compiles_a_rule_once_for_all_gradients_of_a_shape(caplog):
    for rule in [*ALL_RULES, Halving()]:
        n_compiled(caplog, rule, tensor(0))
    again = {repr(rule): n_compiled(caplog, rule, tensor(1)) for rule in [*ALL_RULES, Halving()]}
    assert again.pop(repr(Halving())) > 0  # it would be seen
    assert {rule: n for rule, n in again.items() if n} == {}


@needs_jax_backend
def test_every_rule_is_among_them():
    public = {getattr(ka, name) for name in ka.__all__ if name not in {"Aggregator", "get"}}
    assert {type(rule) for rule in ALL_RULES} == public
