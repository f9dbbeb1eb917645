"""The total loss as a description: terms, their sum, and the batch by name.

It is pure and serialisable; what a training step does with it is in `engine`.
"""

from keras_multiloss.spec._batch import (
    Batch,
)
from keras_multiloss.spec._by_name import (
    Key,
    by_name,
    key_name,
    names_of,
)
from keras_multiloss.spec._input_names import (
    label_input_name,
    sample_weight_input_name,
)
from keras_multiloss.spec._loss_term import (
    ARGUMENTS,
    LossTerm,
)
from keras_multiloss.spec._per_output_loss import (
    PerOutputLoss,
)
from keras_multiloss.spec._tables import (
    batch_without_tables,
    check_is_of_numbers,
    is_table,
    labels_of_table,
    without_tables,
)
from keras_multiloss.spec._weighted_sum_loss import (
    WeightedSumLoss,
    as_weighted_sum,
    weighted_losses,
)

__all__ = [
    "ARGUMENTS",
    "Batch",
    "Key",
    "LossTerm",
    "PerOutputLoss",
    "WeightedSumLoss",
    "as_weighted_sum",
    "batch_without_tables",
    "by_name",
    "check_is_of_numbers",
    "is_table",
    "key_name",
    "label_input_name",
    "labels_of_table",
    "names_of",
    "sample_weight_input_name",
    "weighted_losses",
    "without_tables",
]
