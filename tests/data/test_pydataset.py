"""What `fit` asks of a `PyDataset` besides its batches."""

import pickle

import numpy as np
import pytest

import keras_multiloss as kml
from keras_multiloss import data as kml_data
from tests.conftest import two_heads, two_heads_data
from tests.data.sources import Batches, assert_same
from tests.lanes import needs_keras_3

X, Y = two_heads_data()
AGES, SEXES = (X, {"age": Y["age"]}), (X, {"sex": Y["sex"]})


def test_the_begin_and_the_end_of_an_epoch_reach_the_datasets():
    ages, sexes = Batches(AGES), Batches(SEXES)
    adapted = kml_data.labels_to_inputs(kml_data.merge_tasks([ages, sexes]), inputs="x")
    adapted.on_epoch_begin()
    adapted.on_epoch_end()
    counts = [(dataset.n_begun, dataset.n_ended) for dataset in (ages, sexes)]
    assert counts == [(1, 1), (1, 1)]


@needs_keras_3
def test_workers_are_those_of_the_dataset():
    dataset = Batches((X, Y), workers=3, use_multiprocessing=True, max_queue_size=5)
    inputs = kml_data.labels_to_inputs(dataset, inputs="x")
    assert (inputs.workers, inputs.use_multiprocessing, inputs.max_queue_size) == (3, True, 5)


@needs_keras_3
def test_workers_of_merged_datasets_are_the_most_that_any_has():
    merged = kml_data.merge_tasks([Batches(AGES, workers=3), Batches(SEXES, max_queue_size=20)])
    assert (merged.workers, merged.use_multiprocessing, merged.max_queue_size) == (3, False, 20)


@needs_keras_3
def test_a_dataset_without_end_stays_without_end():
    class Endless(Batches):
        num_batches = None

    inputs = kml_data.labels_to_inputs(Endless((X, Y)), inputs="x")
    assert inputs.num_batches is None
    assert_same(inputs[0][0]["age_label"], Y["age"][:8])


def test_it_can_be_sent_to_worker_processes():
    merged = kml_data.merge_tasks([Batches(AGES), Batches(SEXES)])
    for adapted in (
        kml_data.labels_to_inputs(merged, inputs="x"),
        kml_data.inputs_to_labels(kml_data.labels_to_inputs(merged, inputs="x")),
    ):
        copy = pickle.loads(pickle.dumps(adapted))  # noqa: S301 (our own)
        assert len(copy) == 6
        assert_same(copy[4], adapted[4])


@needs_keras_3
def test_threads_read_the_same_batches():
    model = kml.attach_losses(two_heads(), kml.LossTerm("mse", "age"))
    model.compile("sgd")
    losses = [
        model.evaluate(kml_data.labels_to_inputs(Batches(AGES, workers=n), inputs="x"), verbose=0)
        for n in (1, 2)
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)  # float32 sums


def test_batches_are_counted_from_the_end_too():
    merged = kml_data.merge_tasks([Batches(AGES), Batches(SEXES)])
    assert np.isnan(merged[-1][1]["age"]).all()
    with pytest.raises(IndexError):
        merged[6]
