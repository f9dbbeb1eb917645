"""Conversions between `(x, y)` data and the data of models that read labels as inputs.

`keras.Model.fit` takes labels beside the inputs, `(x, y)`; a training model of
`kml.attach_losses` takes them among the inputs, in one dict. `labels_to_inputs` and
`inputs_to_labels` go from one form to the other, by name and without loss.
`merge_tasks` joins datasets that each label only some of the outputs.

All of them take a `tf.data.Dataset` (and stay in its graph), arrays, or a
`keras.utils.PyDataset` (`keras.utils.Sequence` on Keras 2), and return the same kind; the
first two also take Python generators.
"""

from keras_multiloss.data._inputs_to_labels import inputs_to_labels
from keras_multiloss.data._labels_to_inputs import labels_to_inputs
from keras_multiloss.data._merge_tasks import merge_tasks

__all__ = ["inputs_to_labels", "labels_to_inputs", "merge_tasks"]
