"""What the library takes from inside Keras is there and does what is relied on."""

import re
from pathlib import Path

import numpy as np
import pytest

from keras_multiloss._platform import (
    add_counter,
    add_sums,
    constructor_extras,
    dtype_name,
    is_from_other_keras,
    keras,
    keras_mask,
    ops,
    ops_over_tensorflow,
    replay,
    searchsorted_rows,
    seen_as_tuple_of,
    set_keras_mask,
    set_state_layer,
    to_dense,
)
from tests.conftest import two_heads
from tests.lanes import needs_keras_3, needs_tensorflow
from tests.sparse import sparse


def test_losses_keep_the_arguments_that_their_configs_drop():
    assert constructor_extras(keras.losses.Huber(delta=0.3))["delta"] == 0.3
    assert constructor_extras(keras.losses.CosineSimilarity(axis=1))["axis"] == 1


def test_masking_layers_leave_a_mask_that_is_found():
    embedded = keras.layers.Embedding(5, 3, mask_zero=True)(ops.convert_to_tensor([[1, 0]]))
    mask = ops.convert_to_numpy(keras_mask(embedded))
    np.testing.assert_array_equal(mask, [[True, False]])
    assert keras_mask(ops.convert_to_tensor([[1.0]])) is None


def test_a_mask_that_is_set_is_found():
    tensor = ops.convert_to_tensor([[1.0, 2.0]])
    set_keras_mask(tensor, ops.convert_to_tensor([[True, False]]))
    mask = ops.convert_to_numpy(keras_mask(tensor))
    np.testing.assert_array_equal(mask, [[True, False]])


@needs_keras_3
def test_keras_takes_an_object_for_a_tuple_of_its_entry():
    @seen_as_tuple_of(lambda holder: holder.held)
    class Holder:
        held = "entry"

    assert keras.tree.flatten([Holder(), 1]) == ["entry", 1]
    assert keras.tree.map_structure(lambda x: x, Holder()) == ("entry",)


class Counter(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.count = add_counter(self, "count")
        self.built = True


def test_a_state_layer_of_a_built_model_is_tracked_and_replaced():
    model = two_heads()
    n_weights = len(model.weights)
    for _ in range(2):
        set_state_layer(model, "state", Counter())
        assert len(model.weights) == n_weights + 1
        assert len(model.non_trainable_weights) == 1
    set_state_layer(model, "state", None)
    assert len(model.weights) == n_weights


def test_a_replayed_graph_leaves_layers_out_and_tells_which_inputs_are_used():
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    added = keras.layers.Add(name="add")([a, b])
    model = keras.Model([a, b], keras.layers.Dense(1, name="out")(added))
    inputs, outputs, used = replay(model, lambda layer: None)
    assert [id(tensor) in used for tensor in inputs] == [True, True]
    replayed = keras.Model(inputs, outputs)
    rows = [np.ones((3, 2), "float32"), np.full((3, 2), 2.0, "float32")]
    np.testing.assert_array_equal(replayed.predict(rows, verbose=0), model.predict(rows, verbose=0))


@pytest.mark.parametrize("name", ["sums", "count"])
def test_weights_of_replicas_are_weights_of_the_layer(name):
    layer = keras.layers.Layer()
    make = add_sums if name == "sums" else add_counter
    variable = make(layer, name, (3,)) if name == "sums" else make(layer, name)
    assert len(layer.non_trainable_weights) == 1
    assert layer.trainable_weights == []
    variable.assign(variable + 1)
    assert float(np.sum(ops.convert_to_numpy(ops.convert_to_tensor(variable)))) in {1.0, 3.0}


def test_objects_of_the_other_keras_are_told_apart():
    other = "tf_keras" if keras.__name__.startswith("keras") else "keras"
    foreign = type("Foreign", (), {"__module__": f"{other}.losses"})
    assert is_from_other_keras(foreign())
    assert not is_from_other_keras(keras.losses.Huber())


@pytest.mark.parametrize("make", [sparse, ops.convert_to_tensor, np.asarray])
def test_sparse_tensors_become_dense_and_others_stay(make):
    dense = np.array([[0.0, 2.0], [3.0, 0.0]], "float32")
    found = to_dense(make(dense))
    np.testing.assert_array_equal(ops.convert_to_numpy(found), dense)


@pytest.mark.parametrize("shape", [(5, 7), (5, 1), (3, 0), (0, 0)])
def test_places_in_sorted_rows_are_those_of_numpy(shape):
    rng = np.random.default_rng(1)
    rows = np.sort(rng.integers(0, 5, shape).astype("float32"), axis=1)  # with ties
    rows[:, shape[1] // 2 + 1 :] = np.inf
    values = rng.integers(-1, 6, shape).astype("float32")
    found = searchsorted_rows(ops.convert_to_tensor(rows), ops.convert_to_tensor(values))
    pairs = zip(rows, values, strict=True)
    expected = [np.searchsorted(row, value, side="right") for row, value in pairs]
    np.testing.assert_array_equal(ops.convert_to_numpy(found), np.reshape(expected, shape))
    assert dtype_name(found) == "int32"


X = np.array([[1.0, -2.0, 3.0], [0.5, 0.0, 2.0]], "float32")
Y = np.array([[2.0, -2.0, 1.0], [1.5, 4.0, 2.0]], "float32")
FLAGS = np.array([[True, False, True], [True, True, True]])
MORE_FLAGS = np.array([[True, True, False], [False, True, True]])
SQUARE = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 1.0]], "float32")
PLACES = np.array([[2, 0], [1, 1]], "int32")

#: What each op of `keras.ops` that the library uses gives, by NumPy; the Keras 2 lanes have
#: their own.
OPS = [
    ("abs", (X,), {}, np.abs(X)),
    ("all", (FLAGS,), {"axis": -1}, FLAGS.all(-1)),
    ("any", (MORE_FLAGS,), {"axis": (0, 1)}, True),
    ("arange", (3,), {}, [0, 1, 2]),
    ("arctan2", (X, Y), {}, np.arctan2(X, Y)),
    ("argmax", (X,), {"axis": -1}, [2, 2]),
    ("argmin", (X,), {"axis": -1}, np.argmin(X, -1)),
    ("argsort", (X,), {"axis": 1}, np.argsort(X, 1)),
    ("cast", (X, "int32"), {}, X.astype("int32")),
    ("cast", (-1.0, "int32"), {}, -1),
    ("clip", (X, 0.0, 1.0), {}, np.clip(X, 0, 1)),
    ("concatenate", ([X, Y],), {"axis": 1}, np.concatenate([X, Y], 1)),
    ("convert_to_tensor", (1.5,), {}, np.float32(1.5)),
    ("convert_to_tensor", ([1, 2],), {"dtype": "float32"}, np.float32([1, 2])),
    ("cos", (X,), {}, np.cos(X)),
    ("cumsum", (X,), {"axis": 1}, np.cumsum(X, 1)),
    ("diagonal", (X[:, :2].copy(),), {}, np.diagonal(X[:, :2])),
    ("equal", (X, Y), {}, X == Y),
    ("exp", (X,), {}, np.exp(X)),
    ("expand_dims", (X, -1), {}, X[..., None]),
    ("expm1", (X,), {}, np.expm1(X)),
    ("eye", (3,), {}, np.eye(3)),
    ("full_like", (X, 7.0), {}, np.full_like(X, 7.0)),
    ("isfinite", (np.float32([1, np.nan, np.inf]),), {}, [True, False, False]),
    ("isnan", (np.float32([1, np.nan]),), {}, [False, True]),
    ("log", (np.abs(X) + 1,), {}, np.log(np.abs(X) + 1)),
    ("log1p", (np.abs(X),), {}, np.log1p(np.abs(X))),
    ("log_softmax", (X,), {}, X - np.log(np.exp(X).sum(-1, keepdims=True))),
    ("logaddexp", (X, Y), {}, np.logaddexp(X, Y)),
    ("logical_and", (FLAGS, MORE_FLAGS), {}, FLAGS & MORE_FLAGS),
    ("logical_not", (FLAGS,), {}, ~FLAGS),
    ("logical_or", (FLAGS, MORE_FLAGS), {}, FLAGS | MORE_FLAGS),
    ("logsumexp", (X,), {"axis": 0}, np.log(np.exp(X).sum(0))),
    ("matmul", (X, Y.T.copy()), {}, X @ Y.T),
    ("max", (X,), {"axis": -1}, X.max(-1)),
    ("maximum", (X, 1.0), {}, np.maximum(X, 1)),
    ("mean", (X,), {"axis": (0, 1)}, X.mean()),
    ("min", (X,), {"axis": 1, "keepdims": True}, X.min(1, keepdims=True)),
    ("minimum", (X, Y), {}, np.minimum(X, Y)),
    ("not_equal", (X, Y), {}, X != Y),
    ("one_hot", (np.int32([2, 0]), 3), {}, np.eye(3)[[2, 0]]),
    ("ones", ((2, 1),), {}, np.ones((2, 1))),
    ("ones_like", (X,), {"dtype": "bool"}, np.ones_like(FLAGS)),
    (
        "pad",
        (X, [[0, 0], [1, 2]]),
        {"constant_values": 9.0},
        np.pad(X, [[0, 0], [1, 2]], constant_values=9),
    ),
    ("power", (0.5, X), {}, 0.5**X),
    ("prod", (X,), {"axis": 1}, X.prod(1)),
    ("relu", (X,), {}, np.maximum(X, 0)),
    ("reshape", (X, (3, 2)), {}, X.reshape(3, 2)),
    ("round", (np.float32([0.5, 1.5, 2.4]),), {}, [0, 2, 2]),
    ("sigmoid", (X,), {}, 1 / (1 + np.exp(-X))),
    ("sign", (X,), {}, np.sign(X)),
    ("sin", (X,), {}, np.sin(X)),
    ("softmax", (X,), {}, np.exp(X) / np.exp(X).sum(-1, keepdims=True)),
    ("softplus", (X,), {}, np.log1p(np.exp(X))),
    ("solve", (SQUARE, X.T.copy()), {}, np.linalg.solve(SQUARE, X.T)),
    ("sort", (X,), {"axis": -1}, np.sort(X, -1)),
    ("sqrt", (np.abs(X),), {}, np.sqrt(np.abs(X))),
    ("square", (X,), {}, X**2),
    ("squeeze", (X[:, :1], -1), {}, X[:, 0]),
    ("stack", ([X, Y],), {"axis": 1}, np.stack([X, Y], 1)),
    ("stop_gradient", (X,), {}, X),
    ("sum", (X,), {"axis": -1, "keepdims": True}, X.sum(-1, keepdims=True)),
    ("take", (X, np.int32([2, 0])), {"axis": 1}, X[:, [2, 0]]),
    ("take_along_axis", (X, PLACES, 1), {}, np.take_along_axis(X, PLACES, 1)),
    ("transpose", (X,), {}, X.T),
    ("unstack", (X,), {"axis": 1}, X.T),
    ("where", (FLAGS, X, Y), {}, np.where(FLAGS, X, Y)),
    ("zeros", (()), {"shape": ()}, 0.0),
    ("zeros_like", (X,), {}, np.zeros_like(X)),
]


TESTED = {op[0] for op in OPS} | {"convert_to_numpy", "eigh", "is_tensor", "shape", "while_loop"}


@pytest.mark.parametrize(("name", "args", "kwargs", "expected"), OPS, ids=[op[0] for op in OPS])
def test_an_op_means_the_same_in_every_lane(name, args, kwargs, expected):
    args = [ops.convert_to_tensor(x) if isinstance(x, np.ndarray) else x for x in args]
    found = getattr(ops, name)(*args, **kwargs)
    result = ops.convert_to_numpy(ops.stack(found) if isinstance(found, (list, tuple)) else found)
    # Transcendental functions differ in the last bits between backends.
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_a_shape_is_a_tuple_in_every_lane():
    assert tuple(ops.shape(ops.convert_to_tensor(X))) == (2, 3)
    assert ops.is_tensor(ops.convert_to_tensor(X))
    assert not ops.is_tensor(X)


def test_eigenvalues_are_in_ascending_order_with_vectors_as_columns():
    values, vectors = map(ops.convert_to_numpy, ops.eigh(ops.convert_to_tensor(SQUARE)))
    np.testing.assert_allclose(values, np.linalg.eigvalsh(SQUARE), rtol=1e-5)  # float32
    np.testing.assert_allclose(SQUARE @ vectors, vectors * values, atol=1e-5)


def test_a_while_loop_takes_and_gives_several_values():
    start = (ops.convert_to_tensor(0), ops.convert_to_tensor(X))
    n, x = ops.while_loop(lambda n, x: n < 3, lambda n, x: (n + 1, 2 * x), start)
    assert int(ops.convert_to_numpy(n)) == 3
    np.testing.assert_array_equal(ops.convert_to_numpy(x), 8 * X)


def test_every_op_that_the_library_uses_is_tested():
    package = Path(__file__).parents[2] / "keras_multiloss"
    texts = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    used = {name for text in texts for name in re.findall(r"\bops\.([a-z_0-9]+)\(", text)}
    assert used - TESTED == set()


@needs_tensorflow
def test_the_ops_of_keras_2_are_those_that_are_tested():
    names = list(vars(ops_over_tensorflow()))
    assert names == sorted(TESTED)
