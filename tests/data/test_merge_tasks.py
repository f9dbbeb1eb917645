"""`merge_tasks`: what is in the merged data, and what a model learns from it."""

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss import data as kml_data
from keras_multiloss._platform import keras
from tests.data.sources import (
    BATCH_SIZE,
    MERGEABLE_KINDS,
    Batches,
    as_kind,
    assert_same,
    batches_of,
    n_rows,
    rows,
    tf_dataset,
)
from tests.lanes import needs_keras_3, needs_tensorflow

NAN = float("nan")

rng = np.random.default_rng(5)
X_AGE = rng.normal(size=(24, 3)).astype("float32")
X_SEX = rng.normal(size=(16, 3)).astype("float32")
AGE = rng.normal(size=(24, 1)).astype("float32")
SEX = rng.integers(0, 2, size=(16, 1)).astype("float32")
AGES, SEXES = (X_AGE, {"age": AGE}), (X_SEX, {"sex": SEX})


def sorted_rows(batches):
    """The rows of all batches as one table, in an order of their own."""
    tables = [
        np.concatenate([np.reshape(part, (len(part), -1)) for part in [x, *y.values()]], axis=1)
        for x, y in ((x, dict(sorted(y.items()))) for x, y in batches)
    ]
    table = np.concatenate(tables)
    return table[np.lexsort(table.T)]


@pytest.mark.parametrize("kind", MERGEABLE_KINDS)
def test_every_sample_comes_once_with_its_own_label_and_no_other(kind):
    merged = kml_data.merge_tasks([as_kind(kind, AGES), as_kind(kind, SEXES)])
    nothing = np.full((1,), NAN, "float32")
    expected = [
        (X_AGE, {"age": AGE, "sex": nothing.repeat(24)}),
        (X_SEX, {"age": nothing.repeat(16), "sex": SEX}),
    ]
    np.testing.assert_array_equal(sorted_rows(batches_of(kind, merged)), sorted_rows(expected))


def test_arrays_are_joined_in_order():
    x, y = kml_data.merge_tasks([AGES, SEXES, AGES])
    np.testing.assert_array_equal(x, np.concatenate([X_AGE, X_SEX, X_AGE]))
    missing = np.full((16, 1), NAN, "float32")
    assert_same(y["age"], np.concatenate([AGE, missing, AGE]))


def test_batches_of_a_pydataset_follow_those_of_the_one_before():
    merged = kml_data.merge_tasks([Batches(AGES), Batches(SEXES)])
    assert len(merged) == 5  # 24 / 8 + 16 / 8
    missing = np.full((BATCH_SIZE, 1), NAN, "float32")
    assert_same(merged[2], rows((X_AGE, {"age": AGE, "sex": AGE * NAN}), 16, 24))
    assert_same(merged[3], (X_SEX[:8], {"sex": SEX[:8], "age": missing}))
    with pytest.raises(IndexError):
        merged[5]


@pytest.mark.parametrize("kind", MERGEABLE_KINDS)
@pytest.mark.parametrize("x", [{"a": X_AGE, "b": AGE}, (X_AGE, AGE)], ids=["dict", "tuple"])
def test_the_structure_of_the_inputs_stays(kind, x):
    tasks = [as_kind(kind, (x, {"age": AGE})), as_kind(kind, (x, {"sex": AGE}))]
    merged = batches_of(kind, kml_data.merge_tasks(tasks))
    assert type(merged[0][0]) is type(x)
    assert sum(n_rows(batch) for batch in merged) == 2 * len(X_AGE)


@pytest.mark.parametrize("kind", MERGEABLE_KINDS)
def test_labels_that_a_dataset_shares_with_another_are_not_filled(kind):
    both = (X_AGE, {"age": AGE, "sex": AGE})
    merged = kml_data.merge_tasks([as_kind(kind, both), as_kind(kind, AGES)])
    for _, y in batches_of(kind, merged):
        assert not np.isnan(y["age"]).any()


@pytest.mark.parametrize("kind", MERGEABLE_KINDS)
def test_labels_keep_their_dtype_and_take_a_mask_of_their_own(kind):
    species = (X_SEX, {"species": SEX[:, 0].astype("int64")})
    tasks = [as_kind(kind, AGES), as_kind(kind, species)]
    merged = batches_of(kind, kml_data.merge_tasks(tasks, mask={"species": -1}))
    assert {str(y["species"].dtype) for _, y in merged} == {"int64"}
    values = np.concatenate([y["species"] for _, y in merged])
    assert values.shape == (40,)
    assert (values == -1).sum() == 24
    assert np.isnan(np.concatenate([y["age"] for _, y in merged])).sum() == 16


def test_the_mask_goes_by_its_old_name_as_well():
    _, by_old_name = kml_data.merge_tasks([AGES, SEXES], fill=-1)
    _, by_name = kml_data.merge_tasks([AGES, SEXES], mask=-1)
    np.testing.assert_array_equal(by_old_name["age"], by_name["age"])
    with pytest.raises(TypeError, match="there is no argument 'maks'"):
        kml_data.merge_tasks([AGES, SEXES], maks=-1)


def test_one_number_fills_all_labels():
    _, y = kml_data.merge_tasks([AGES, SEXES], mask=-1)
    assert (y["sex"][:24] == -1).all()
    assert (y["age"][24:] == -1).all()


@pytest.mark.parametrize("kind", MERGEABLE_KINDS)
def test_sample_weights_that_are_lacking_are_one(kind):
    weighted = (X_SEX, {"sex": SEX}, np.full(16, 3.0, "float32"))
    merged = kml_data.merge_tasks([as_kind(kind, AGES), as_kind(kind, weighted)])
    weights = np.concatenate([weight for _, _, weight in batches_of(kind, merged)])
    assert weights.dtype == "float32"
    assert np.sort(weights).tolist() == [1.0] * 24 + [3.0] * 16


def test_sample_weights_by_name_that_are_lacking_are_one():
    age = (X_AGE, {"age": AGE}, {"age": np.full(24, 2.0, "float32")})
    sex = (X_SEX, {"sex": SEX}, {"sex": np.full(16, 3.0, "float32")})
    _, _, weights = kml_data.merge_tasks([age, sex])
    assert weights["age"].tolist() == [2.0] * 24 + [1.0] * 16
    assert weights["sex"].tolist() == [1.0] * 24 + [3.0] * 16


def linear_heads(names):
    """A linear model of each output, each with weights of its own that start at zero."""
    x = keras.Input((3,), name="x")
    return keras.Model(
        x, {n: keras.layers.Dense(1, kernel_initializer="zeros", name=n)(x) for n in names}
    )


@pytest.mark.parametrize("kind", MERGEABLE_KINDS)
def test_training_on_merged_data_equals_training_on_the_data_of_each_task(kind):
    """Steps on the samples of another task do not move a head, whatever their order is."""
    merged = kml_data.merge_tasks([as_kind(kind, AGES), as_kind(kind, SEXES)])
    loss = kml.LossTerm("mse", "age", mask="nan") + kml.LossTerm("mse", "sex", mask="nan")
    model = kml.MultiLossModel.from_model(linear_heads(["age", "sex"]))
    model.compile(keras.optimizers.SGD(0.1), loss=loss)
    fit(model, kind, merged)
    for name, data in {"age": AGES, "sex": SEXES}.items():
        alone = linear_heads([name])
        alone.compile(keras.optimizers.SGD(0.1), loss={name: "mse"})
        fit(alone, kind, as_kind(kind, data))
        expected = alone.get_layer(name).get_weights()
        for received, weight in zip(model.get_layer(name).get_weights(), expected, strict=True):
            # The same few steps in float32, the mean taken by another operation.
            np.testing.assert_allclose(received, weight, rtol=1e-5, atol=1e-7)
            assert np.abs(weight).max() > 1e-3  # they did move


def fit(model, kind, data):
    if kind == "arrays":
        model.fit(*data, batch_size=BATCH_SIZE, shuffle=False, verbose=0)
    else:
        model.fit(data, shuffle=False, verbose=0)


def test_a_batch_of_both_tasks_moves_each_head_by_its_own_label():
    """By hand: x = 1, labels 2 and 3, weights 0, so d mse / d w = -4 and -6; rate 0.1."""
    one = np.ones((1, 1), "float32")
    data = kml_data.merge_tasks([(one, {"a": 2 * one}), (one, {"b": 3 * one})])
    x = keras.Input((1,), name="x")
    head = {"kernel_initializer": "zeros", "use_bias": False}
    outputs = {name: keras.layers.Dense(1, name=name, **head)(x) for name in "ab"}
    model = kml.MultiLossModel(x, outputs)
    loss = kml.LossTerm("mse", "a", mask="nan") + kml.LossTerm("mse", "b", mask="nan")
    model.compile(keras.optimizers.SGD(0.1), loss=loss)
    logs = model.fit(*data, batch_size=2, verbose=0).history
    assert (logs["a_loss"], logs["b_loss"]) == ([4.0], [9.0])
    weights = [float(model.get_layer(name).get_weights()[0][0, 0]) for name in "ab"]
    np.testing.assert_allclose(weights, [0.4, 0.6], rtol=1e-6)  # one rounding of float32


def test_an_integer_label_is_left_out_by_its_mask():
    species = np.array([0, 2, 1, 2], "int32")
    tasks = [AGES, (X_AGE[:4], {"species": species})]
    x, y = kml_data.merge_tasks(tasks, mask={"species": -1})
    inputs = keras.Input((3,), name="x")
    logits = keras.layers.Dense(3, activation="softmax", kernel_initializer="zeros")(inputs)
    model = kml.MultiLossModel(inputs, {"species": logits})
    loss = kml.LossTerm("sparse_categorical_crossentropy", "species", mask=-1)
    model.compile("sgd", loss=loss)
    logs = model.evaluate(x, y, batch_size=28, verbose=0, return_dict=True)
    # Three equally probable classes: ln 3, of the four samples that have a label.
    np.testing.assert_allclose(logs["loss"], np.log(3), rtol=1e-6)


@needs_tensorflow
class TestTensorFlowData:
    def test_static_shapes_and_cardinality_stay(self):
        ages = tf_dataset(AGES, drop_remainder=True)
        sexes = tf_dataset(SEXES, drop_remainder=True)
        merged = kml_data.merge_tasks([ages, sexes])
        assert merged.cardinality() == 5  # 24 / 8 + 16 / 8
        x, y = merged.element_spec
        assert x == ages.element_spec[0]
        assert y == {**ages.element_spec[1], **sexes.element_spec[1]}
        assert y["sex"].shape == (BATCH_SIZE, 1)

    def test_a_batch_of_any_size_is_filled(self):
        merged = kml_data.merge_tasks([tf_dataset(rows(AGES, 0, 11)), tf_dataset(SEXES)])
        assert merged.element_spec[1]["sex"].shape.as_list() == [None, 1]
        sizes = [(len(x), len(y["age"]), len(y["sex"])) for x, y in merged]
        assert sorted(sizes) == [(3, 3, 3)] + 3 * [(8, 8, 8)]

    def test_single_samples_are_merged_too(self):
        ages, sexes = tf_dataset(AGES).unbatch(), tf_dataset(SEXES).unbatch()
        merged = kml_data.merge_tasks([ages, sexes])
        assert merged.element_spec[1]["sex"].shape == (1,)
        _, y = next(iter(merged.batch(40)))
        assert np.isnan(y["age"]).sum() == 16

    def test_ragged_inputs_tell_the_number_of_samples(self):
        import tensorflow as tf

        x = tf.ragged.constant([[1.0, 2.0], [3.0], [4.0]])
        tasks = [
            tf.data.Dataset.from_tensor_slices((x, {name: [1.0, 2.0, 3.0]})).batch(2)
            for name in ("age", "sex")
        ]
        merged = kml_data.merge_tasks(tasks)
        assert sum(len(y["sex"]) for _, y in merged) == 6

    def test_it_is_prefetched(self):
        merged = kml_data.merge_tasks([tf_dataset(AGES), tf_dataset(SEXES)])
        assert "Prefetch" in type(merged).__name__

    def test_the_order_differs_by_epoch_and_is_repeated_by_a_seed(self):
        def orders(seed):
            tasks = [tf_dataset(AGES).unbatch(), tf_dataset(SEXES).unbatch()]
            merged = kml_data.merge_tasks(tasks, seed=seed)
            return [[bool(np.isnan(y["age"])) for _, y in merged] for _ in range(2)]

        first, second = orders(3)
        assert first != second
        assert sorted(first) == sorted(second) == [False] * 24 + [True] * 16
        assert orders(3) == [first, second]
        assert orders(4) != [first, second]

    def test_batches_are_drawn_in_proportion_to_the_size_of_their_dataset(self):
        large, small = tf_dataset(AGES).repeat(50), tf_dataset(SEXES).repeat(5)
        merged = kml_data.merge_tasks([large, small], seed=0)
        is_small = [bool(np.isnan(y["age"]).all()) for _, y in merged]
        assert len(is_small) == 160  # 150 and 10
        # Drawn by turns, the ten would all be among the first thirty or so.
        assert 0 < sum(is_small[80:]) < 10

    def test_weights_say_how_often_each_is_drawn_from(self):
        ages, sexes = tf_dataset(AGES).repeat(), tf_dataset(SEXES).repeat()
        merged = kml_data.merge_tasks([ages, sexes], weights=[9, 1], seed=0)
        assert merged.cardinality() == -1  # infinite
        is_sex = [bool(np.isnan(y["age"]).all()) for _, y in merged.take(400)]
        # Binomial of 400 and 0.1: mean 40, standard deviation 6; the seed is fixed.
        assert 20 < sum(is_sex) < 60

    def test_an_unknown_number_of_batches_is_allowed(self):
        ages = tf_dataset(AGES).filter(lambda x, y: True)
        merged = kml_data.merge_tasks([ages, tf_dataset(SEXES)])
        assert merged.cardinality() == -2  # unknown
        assert len(list(merged)) == 5

    def test_an_empty_dataset_adds_nothing(self):
        merged = kml_data.merge_tasks([tf_dataset(AGES), tf_dataset(SEXES).take(0)])
        assert len(list(merged)) == merged.cardinality() == 3

    def test_endless_and_finite_datasets_do_not_mix(self):
        with pytest.raises(ValueError, match="repeat") as info:
            kml_data.merge_tasks([tf_dataset(AGES).repeat(), tf_dataset(SEXES)])
        assert str(info.value) == (
            "merge_tasks: some datasets repeat for ever and others end.\n"
            "  Expected: datasets that all repeat, or that all end\n"
            "  Received: ['infinite', 2] batches\n"
            "  Hint: give `.repeat()` to all of them, or to none"
        )

    def test_a_label_of_unknown_shape_cannot_be_filled(self):
        import tensorflow as tf

        spec = (tf.TensorSpec((None, 3)), {"tokens": tf.TensorSpec((None, None))})
        tokens = tf.data.Dataset.from_generator(lambda: iter([]), output_signature=spec)
        with pytest.raises(ValueError, match="tokens") as info:
            kml_data.merge_tasks([tokens, tf_dataset(SEXES)])
        assert str(info.value) == (
            "merge_tasks: the shape of label 'tokens', which not every dataset has, is not known.\n"
            "  Expected: a static size for every axis but that of the batch\n"
            "  Received: (batch, ?) float32\n"
            "  Hint: pad it to a fixed size, or set its shape with `tf.ensure_shape`"
        )

    def test_kinds_of_data_do_not_mix(self):
        with pytest.raises(TypeError) as info:
            kml_data.merge_tasks([tf_dataset(AGES), SEXES])
        assert str(info.value) == (
            "merge_tasks: the datasets are not of one kind that can be merged.\n"
            "  Expected: all tf.data.Dataset, all tuples of arrays, or all PyDataset\n"
            "  Received: ['tf.data', 'arrays']"
        )

    @pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, NAN]])
    def test_weights_have_to_be_positive_numbers_one_for_each_dataset(self, weights):
        with pytest.raises(ValueError, match="`weights"):
            kml_data.merge_tasks([tf_dataset(AGES), tf_dataset(SEXES)], weights=weights)


INTEGERS = (X_SEX, {"species": SEX[:, 0].astype("int32")})

MISTAKES = {
    "integers cannot be NaN": (
        [AGES, INTEGERS],
        {},
        (
            "merge_tasks: the int32 label 'species', which not every dataset has, cannot hold the "
            "mask.\n"
            "  Expected: a number of int32 that no real label has\n"
            "  Received: mask='nan'\n"
            "  Hint: mask={'species': -1} here, and mask=-1 in the terms of this label"
        ),
    ),
    "unsigned integers cannot be negative": (
        [AGES, (X_SEX, {"species": SEX.astype("uint8")})],
        {"mask": -1},
        (
            "merge_tasks: the uint8 label 'species', which not every dataset has, cannot hold the "
            "mask.\n"
            "  Expected: a number of uint8 that no real label has\n"
            "  Received: mask=-1.0\n"
            "  Hint: mask={'species': 255} here, and mask=255 in the terms of this label"
        ),
    ),
    "booleans have no value to spare": (
        [AGES, (X_SEX, {"sick": SEX > 0})],
        {"mask": -1},
        (
            "merge_tasks: the bool label 'sick', which not every dataset has, cannot hold the mask"
            ".\n"
            "  Expected: a label of a dtype that can mark a missing one\n"
            "  Received: mask=-1.0\n"
            "  Hint: cast it to 'float32', where NaN stands for a missing label"
        ),
    ),
    "unknown label in mask": (
        [AGES, SEXES],
        {"mask": {"sexe": -1}},
        (
            "merge_tasks: `mask` has a label that no dataset has.\n"
            "  Expected: one of ['age', 'sex']\n"
            "  Received: 'sexe'\n"
            "  Hint: did you mean 'sex'?"
        ),
    ),
    "no mask": (
        [AGES, SEXES],
        {"mask": {"sex": "NaN"}},
        (
            "merge_tasks: `mask['sex']` cannot stand for a missing label.\n"
            "  Expected: 'nan', a number such as -1, or a dict of these by label\n"
            "  Received: 'NaN'"
        ),
    ),
    "another shape": (
        [AGES, (X_AGE, {"age": AGE[:, 0]})],
        {},
        (
            "merge_tasks: label 'age' is not the same in all datasets.\n"
            "  Expected: one shape and one dtype\n"
            "  Received: (batch, 1) float32 in dataset 0, (batch) float32 in dataset 1\n"
            "  Hint: cast or reshape it before the datasets are merged"
        ),
    ),
    "another dtype": (
        [AGES, SEXES, (X_AGE, {"age": AGE.astype("float64")})],
        {},
        (
            "merge_tasks: label 'age' is not the same in all datasets.\n"
            "  Expected: one shape and one dtype\n"
            "  Received: (batch, 1) float32 in dataset 0, (batch, 1) float64 in dataset 2\n"
            "  Hint: cast or reshape it before the datasets are merged"
        ),
    ),
    "other inputs": (
        [({"x": X_AGE}, {"age": AGE}), ({"image": X_SEX}, {"sex": SEX})],
        {},
        (
            "merge_tasks: the inputs are not the same in all datasets.\n"
            "  Expected: the inputs ['x'], as in dataset 0\n"
            "  Received: ['image'] in dataset 1"
        ),
    ),
    "two forms of sample weights": (
        [(*AGES, AGE[:, 0]), (*SEXES, {"sex": SEX[:, 0]})],
        {},
        (
            "merge_tasks: the sample weights have names in some datasets and not in others.\n"
            "  Expected: one array in each dataset, or a dict in each\n"
            "  Received: one array in dataset 0, a dict ['sex'] in dataset 1\n"
            "  Hint: name an array by its output: {'age': sample_weight}"
        ),
    ),
    "rows that do not match": (
        [AGES, (X_SEX, {"sex": AGE})],
        {},
        (
            "merge_tasks: dataset 1: label 'sex' does not have a row for each sample.\n"
            "  Expected: as many rows as the first input has\n"
            "  Received: (24, 1) float32"
        ),
    ),
    "labels without names": (
        [AGES, (X_SEX, SEX)],
        {},
        (
            "merge_tasks: dataset 1: the labels have no names.\n"
            "  Expected: a dict from label names to tensors\n"
            "  Received: one tensor of shape (16, 1)\n"
            "  Hint: make them `(x, {'age': y})`, with a name of your own"
        ),
    ),
    "no labels": (
        [AGES, (X_SEX,)],
        {},
        (
            "merge_tasks: dataset 1: the data does not come with labels.\n"
            "  Expected: (x, y) or (x, y, sample_weight)\n"
            "  Received: a tuple (ndarray)"
        ),
    ),
    "weights for arrays": (
        [AGES, SEXES],
        {"weights": [1, 2]},
        (
            "merge_tasks: `weights` applies to tf.data only.\n"
            "  Expected: weights=None, as `fit` shuffles this kind of data\n"
            "  Received: weights=[1, 2]"
        ),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told(mistake):
    datasets, arguments, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match="merge_tasks") as info:
        kml_data.merge_tasks(datasets, **arguments)
    assert str(info.value) == message


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        (
            [],
            (
                "merge_tasks: `datasets` is not a list of datasets.\n"
                "  Expected: a list of at least one dataset\n"
                "  Received: an empty list"
            ),
        ),
        (
            AGES,
            (
                "merge_tasks: dataset 0: this kind of data is not supported.\n"
                "  Expected: a tf.data.Dataset, a keras.utils.PyDataset (or Sequence), a generator "
                "of batches, or arrays\n"
                "  Received: an object of type ndarray\n"
                "  Hint: arrays come as a tuple `(x, y)`, or as a dict of inputs"
            ),
        ),
        (
            [iter([AGES])],
            (
                "merge_tasks: the datasets are not of one kind that can be merged.\n"
                "  Expected: all tf.data.Dataset, all tuples of arrays, or all PyDataset\n"
                "  Received: ['generator']\n"
                "  Hint: `tf.data.Dataset.from_generator` makes a dataset of a generator"
            ),
        ),
    ],
    ids=["nothing", "one dataset alone", "generators"],
)
def test_what_is_no_list_of_datasets_is_told(datasets, message):
    with pytest.raises(TypeError) as info:
        kml_data.merge_tasks(datasets)
    assert str(info.value) == message


class Empty(Batches):
    def __len__(self):
        return 0


@needs_keras_3
def test_a_pydataset_without_end_cannot_be_followed():
    class Endless(Batches):
        num_batches = None

    with pytest.raises(ValueError, match="no end") as info:
        kml_data.merge_tasks([Batches(AGES), Endless(SEXES)])
    assert str(info.value) == (
        "merge_tasks: dataset 1: it has no end, so that no other can follow it.\n"
        "  Expected: a dataset of at least one batch, and of finite length\n"
        "  Received: Endless of endless batches"
    )


def test_a_pydataset_without_batches_tells_nothing():
    with pytest.raises(ValueError, match="no batches") as info:
        kml_data.merge_tasks([Batches(AGES), Empty(SEXES)])
    assert str(info.value) == (
        "merge_tasks: dataset 1: it has no batches.\n"
        "  Expected: a dataset of at least one batch, and of finite length\n"
        "  Received: Empty of 0 batches"
    )
