"""The differences between Keras 2 and Keras 3, and between TensorFlow, JAX and PyTorch.

Everything else takes `keras`, `ops` and the rest from here. With `TF_USE_LEGACY_KERAS=1`, `keras`
is the `tf_keras` package; otherwise it is whatever `import keras` gives. Private parts of Keras
and of the frameworks are used here only; `tests/platform` fails when one of them changes.
"""

from keras_multiloss._platform._branches import (
    either,
)
from keras_multiloss._platform._callback_list import (
    with_callback_list,
)
from keras_multiloss._platform._compiled_metrics import (
    OF_SAMPLES,
    MetricsOfOutput,
    forget_compiled,
    function_of_metric,
    metric_names_in_order,
    metrics_by_output,
)
from keras_multiloss._platform._custom_gradients import (
    fan_out,
    with_gradients,
)
from keras_multiloss._platform._draws import (
    normal,
    uniform,
)
from keras_multiloss._platform._gradients import (
    gradient_of_weighted_sum,
    gradients_of,
    gradients_of_function,
    gradients_of_weighted_sums,
    loss_scale,
    paused,
    reached_by,
    task_tape,
    traced_gradients,
)
from keras_multiloss._platform._inference import (
    compiled_inference,
)
from keras_multiloss._platform._keras import (
    HAS_ADDONS,
    HAS_OPTIONAL_INPUTS,
    KERAS_3,
    PyDataset,
    backend,
    dtype_name,
    in_structure_of,
    is_floating,
    is_symbolic,
    is_tensor,
    is_traced,
    keras,
    leaves_of,
    named_operations,
    not_converted,
    number_of_batches,
    ops,
    outside_of_tracing,
    tensorflow,
    to_dense,
    with_axes,
    worker_settings,
)
from keras_multiloss._platform._layer_variables import (
    add_counter,
    add_metric_sums,
    add_state,
    add_sums,
    add_trained,
    value_of,
    variables_unknown_to,
)
from keras_multiloss._platform._linear_algebra import (
    compiled_function,
    double_precision,
    fixed_squared_distances,
    inner_products,
    searchsorted_rows,
    softmax,
    solve,
    squared_distances,
    weighted_sum,
)
from keras_multiloss._platform._logits import (
    Activation,
    activation_of,
    logits_of,
)
from keras_multiloss._platform._loops import (
    fold_over_steps,
    traced_once,
)
from keras_multiloss._platform._loss_objects import (
    constructor_extras,
    is_from_other_keras,
    register_addons,
    seen_as_tuple_of,
)
from keras_multiloss._platform._masks import (
    keras_mask,
    set_keras_mask,
)
from keras_multiloss._platform._metric_variables import (
    LayerWithMetrics,
    UnsavedMetric,
    can_record_metrics,
)
from keras_multiloss._platform._model_graphs import (
    layers_within,
    outputs_of_calls,
    plain_functional,
    replay,
    set_state_layer,
    symbols_like,
)
from keras_multiloss._platform._model_signatures import (
    KerasSignatures,
    has_own_method,
)
from keras_multiloss._platform._ops_of_keras_2 import (
    ops_over_tensorflow,
)
from keras_multiloss._platform._registered_objects import (
    before_first_look,
)
from keras_multiloss._platform._replicas import (
    add_loss_of_replica,
    mean_over_replicas,
    n_replicas,
    scale_for_distribution,
    scale_loss_object,
    sum_over_replicas,
    with_mean_value,
)
from keras_multiloss._platform._step_logs import (
    PACKED,
    packs_logs,
)
from keras_multiloss._platform._training_step import (
    TrainingStep,
    is_outside_of_scope,
)

__all__ = [
    "HAS_ADDONS",
    "HAS_OPTIONAL_INPUTS",
    "KERAS_3",
    "OF_SAMPLES",
    "PACKED",
    "Activation",
    "KerasSignatures",
    "LayerWithMetrics",
    "MetricsOfOutput",
    "PyDataset",
    "TrainingStep",
    "UnsavedMetric",
    "activation_of",
    "add_counter",
    "add_loss_of_replica",
    "add_metric_sums",
    "add_state",
    "add_sums",
    "add_trained",
    "backend",
    "before_first_look",
    "can_record_metrics",
    "compiled_function",
    "compiled_inference",
    "constructor_extras",
    "double_precision",
    "dtype_name",
    "either",
    "fan_out",
    "fixed_squared_distances",
    "fold_over_steps",
    "forget_compiled",
    "function_of_metric",
    "gradient_of_weighted_sum",
    "gradients_of",
    "gradients_of_function",
    "gradients_of_weighted_sums",
    "has_own_method",
    "in_structure_of",
    "inner_products",
    "is_floating",
    "is_from_other_keras",
    "is_outside_of_scope",
    "is_symbolic",
    "is_tensor",
    "is_traced",
    "keras",
    "keras_mask",
    "layers_within",
    "leaves_of",
    "logits_of",
    "loss_scale",
    "mean_over_replicas",
    "metric_names_in_order",
    "metrics_by_output",
    "n_replicas",
    "named_operations",
    "normal",
    "not_converted",
    "number_of_batches",
    "ops",
    "ops_over_tensorflow",
    "outputs_of_calls",
    "outside_of_tracing",
    "packs_logs",
    "paused",
    "plain_functional",
    "reached_by",
    "register_addons",
    "replay",
    "scale_for_distribution",
    "scale_loss_object",
    "searchsorted_rows",
    "seen_as_tuple_of",
    "set_keras_mask",
    "set_state_layer",
    "softmax",
    "solve",
    "squared_distances",
    "sum_over_replicas",
    "symbols_like",
    "task_tape",
    "tensorflow",
    "to_dense",
    "traced_gradients",
    "traced_once",
    "uniform",
    "value_of",
    "variables_unknown_to",
    "weighted_sum",
    "with_axes",
    "with_callback_list",
    "with_gradients",
    "with_mean_value",
    "worker_settings",
]
