"""One loss on one batch: tensors aligned, missing labels left out, values weighed and reduced.

It knows losses, labels and outputs, and nothing of terms or models.
"""

from keras_multiloss.evaluation._casting import (
    as_tensors,
    float32,
    map_tensors,
    tensors_in,
    to_float32,
    to_tensor,
    with_tensors,
)
from keras_multiloss.evaluation._class_weights import (
    class_weights,
)
from keras_multiloss.evaluation._counted import (
    CountedEntries,
    counted_entries,
)
from keras_multiloss.evaluation._evaluate import (
    evaluate,
    match,
)
from keras_multiloss.evaluation._evaluated import (
    Evaluated,
)
from keras_multiloss.evaluation._loss_kinds import (
    ELEMENTWISE,
    SPARSE,
    VECTOR,
    WHOLE,
    Kind,
    kind_of,
    snake_case,
)
from keras_multiloss.evaluation._missing_labels import (
    Mask,
    can_hold,
    fill_missing,
)
from keras_multiloss.evaluation._reduction import (
    Reduced,
    divisors_of,
    losses_of,
    one_vector,
)
from keras_multiloss.evaluation._shapes import (
    Shape,
    align,
    align_labels,
    all_in,
    expand,
    fit_valid,
    fit_weights,
    fits,
    rank,
    same_shape,
    sparse_label,
    static_shape,
    weighs_entries,
)

__all__ = [
    "ELEMENTWISE",
    "SPARSE",
    "VECTOR",
    "WHOLE",
    "CountedEntries",
    "Evaluated",
    "Kind",
    "Mask",
    "Reduced",
    "Shape",
    "align",
    "align_labels",
    "all_in",
    "as_tensors",
    "can_hold",
    "class_weights",
    "counted_entries",
    "divisors_of",
    "evaluate",
    "expand",
    "fill_missing",
    "fit_valid",
    "fit_weights",
    "fits",
    "float32",
    "kind_of",
    "losses_of",
    "map_tensors",
    "match",
    "one_vector",
    "rank",
    "same_shape",
    "snake_case",
    "sparse_label",
    "static_shape",
    "tensors_in",
    "to_float32",
    "to_tensor",
    "weighs_entries",
    "with_tensors",
]
