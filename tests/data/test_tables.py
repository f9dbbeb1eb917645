"""Tables of pandas, and loaders of other libraries."""

import numpy as np
import pytest

from keras_multiloss.data import labels_to_inputs, merge_tasks
from tests.lanes import needs_torch_backend


@pytest.fixture
def pandas():
    return pytest.importorskip("pandas", reason="pandas is installed in the default lane only")


def test_a_table_of_labels_is_taken_by_its_columns(pandas):
    table = pandas.DataFrame({"age": [30.0, 40.0], "sex": [0, 1]})
    weights = pandas.DataFrame({"age": [1.0, 2.0]})
    inputs = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    found = labels_to_inputs((inputs, table, weights), inputs="x")
    assert list(found) == ["x", "age_label", "sex_label", "age_sample_weight"]
    np.testing.assert_array_equal(found["x"], [[1.0, 3.0], [2.0, 4.0]])
    np.testing.assert_array_equal(found["sex_label"], [0, 1])


def test_tables_of_several_tasks_are_merged(pandas):
    ages = (np.zeros((2, 3)), pandas.DataFrame({"age": [30.0, 40.0]}))
    sexes = (np.ones((1, 3)), pandas.DataFrame({"sex": pandas.Series([1], dtype="Int64")}))
    x, y = merge_tasks([ages, sexes], mask={"sex": -1})
    assert x.shape == (3, 3)
    np.testing.assert_array_equal(y["age"], [30.0, 40.0, np.nan])
    np.testing.assert_array_equal(y["sex"], [-1, -1, 1])


class Loader:
    """As of Grain: it is iterable, and no iterator."""

    def __iter__(self):
        yield np.zeros((2, 3)), {"age": np.ones((2, 1))}


def test_a_loader_of_another_library_is_told_the_line_that_turns_it():
    with pytest.raises(TypeError, match=r"`\(batch for batch in data\)`"):
        labels_to_inputs(Loader(), inputs="x")
    found = labels_to_inputs((batch for batch in Loader()), inputs="x")
    assert list(next(found)[0]) == ["x", "age_label"]


@needs_torch_backend
def test_a_loader_of_torch_is_turned_by_that_line():
    import torch

    samples = [(torch.zeros(3), {"age": torch.ones(1)}) for _ in range(4)]
    loader = torch.utils.data.DataLoader(samples, batch_size=2)
    with pytest.raises(TypeError, match=r"`\(batch for batch in data\)`"):
        labels_to_inputs(loader, inputs="x")
    (first,) = next(labels_to_inputs((batch for batch in loader), inputs="x"))
    assert tuple(first["age_label"].shape) == (2, 1)
