"""What a training step does with a spec: terms, weights and their state, logs, balancing."""

from keras_multiloss.engine._aggregator_state import (
    AggregatorState,
)
from keras_multiloss.engine._balancing import (
    balanced_on_jax,
    with_balanced_gradients,
)
from keras_multiloss.engine._measured import (
    Measured,
    metric_arguments,
)
from keras_multiloss.engine._running_means import (
    Layout,
    RunningMeans,
)
from keras_multiloss.engine._shared_variables import (
    Variables,
)
from keras_multiloss.engine._state_layer import (
    FileState,
    StateLayer,
)
from keras_multiloss.engine._step import (
    Step,
    take_step,
)
from keras_multiloss.engine._task_gramian import (
    TaskGramian,
)
from keras_multiloss.engine._term_metric import (
    TermMetric,
)
from keras_multiloss.engine._term_weight_state import (
    TermWeightState,
)
from keras_multiloss.engine._term_weights import (
    TermWeights,
)

__all__ = [
    "AggregatorState",
    "FileState",
    "Layout",
    "Measured",
    "RunningMeans",
    "StateLayer",
    "Step",
    "TaskGramian",
    "TermMetric",
    "TermWeightState",
    "TermWeights",
    "Variables",
    "balanced_on_jax",
    "metric_arguments",
    "take_step",
    "with_balanced_gradients",
]
