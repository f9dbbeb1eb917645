"""The total loss as a description: terms, their sum, and the batch by name.

It is pure and serialisable; what a training step does with it is in `engine`.
"""

from keras_multiloss.spec._as_weighted_sum import (
    as_weighted_sum,
)
from keras_multiloss.spec._batch import (
    Batch,
)
from keras_multiloss.spec._by_name import (
    Key,
    by_name,
    key_name,
    names_of,
)
from keras_multiloss.spec._checked_keys import (
    KeyOrSource,
    listed,
)
from keras_multiloss.spec._fused_terms import (
    TaskBlock,
)
from keras_multiloss.spec._given_weights import (
    weighted_losses,
)
from keras_multiloss.spec._input_names import (
    label_input_name,
    sample_weight_input_name,
)
from keras_multiloss.spec._joined import (
    MOST_ENTRIES,
    JoinedByName,
    JoinedTensors,
    are_small,
)
from keras_multiloss.spec._loss_term import (
    LossTerm,
)
from keras_multiloss.spec._metric_term import (
    MetricTerm,
)
from keras_multiloss.spec._named_tensors import (
    NamedTensors,
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
from keras_multiloss.spec._tasks_of_terms import (
    log_names,
)
from keras_multiloss.spec._tensor_sources import (
    SOURCES,
    FromInput,
    FromOutput,
    from_input,
    from_output,
    without_gradient,
)
from keras_multiloss.spec._term_configs import (
    ADDED_LATER,
    ARGUMENTS,
)
from keras_multiloss.spec._term_names import (
    part_name,
)
from keras_multiloss.spec._weighted_sum_loss import (
    WeightedSumLoss,
)

__all__ = [
    "ADDED_LATER",
    "ARGUMENTS",
    "MOST_ENTRIES",
    "SOURCES",
    "Batch",
    "FromInput",
    "FromOutput",
    "JoinedByName",
    "JoinedTensors",
    "Key",
    "KeyOrSource",
    "LossTerm",
    "MetricTerm",
    "NamedTensors",
    "PerOutputLoss",
    "TaskBlock",
    "WeightedSumLoss",
    "are_small",
    "as_weighted_sum",
    "batch_without_tables",
    "by_name",
    "check_is_of_numbers",
    "from_input",
    "from_output",
    "is_table",
    "key_name",
    "label_input_name",
    "labels_of_table",
    "listed",
    "log_names",
    "names_of",
    "part_name",
    "sample_weight_input_name",
    "weighted_losses",
    "without_gradient",
    "without_tables",
]
