"""A student whose hidden features become those of a teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from keras_multiloss._checks import check_choice
from keras_multiloss._messages import error
from keras_multiloss._platform import ops
from keras_multiloss._saving import serializable
from keras_multiloss.evaluation import fits, static_shape
from keras_multiloss.losses._input_checks import check_no_label, check_one_shape, check_roles
from keras_multiloss.losses._joint_loss import JointLoss, Reduction
from keras_multiloss.losses._vectors import cosines, mean_squares, squared_lengths, unit

if TYPE_CHECKING:
    from collections.abc import Callable

Distance = Literal["mse", "cosine", "attention"]


@serializable
class FeatureDistillationLoss(JointLoss):
    r"""Distance of a student's features from those of a teacher.

    With the features $s$ of the student and $t$ of the teacher:

    - `"mse"`: $\tfrac1n \sum_i (s_i - t_i)^2$ over the last axis (hints of FitNets; also for
      predicted numbers);
    - `"cosine"`: $1 - \cos(s, t)$ of the vectors along the last axis;
    - `"attention"`: $\left\| \frac{a(s)}{\|a(s)\|} - \frac{a(t)}{\|a(t)\|} \right\|^2$, where
      $a$ is the map of the sums of squared channels, $a_j = \sum_c s_{jc}^2$. It lies between
      0 and 2, and the two may have different numbers of channels. The paper writes the length
      without the square; its authors' code divides the square by the number of places.

    No gradient flows to the teacher. If the student's features are fewer, give it a `Dense` or
    `Conv2D` layer that makes as many, and name the output of that layer. It needs no label:
    give the term `labels=None`.

    Args:
        distance: the measure of distance, see above.
        reduction: as for `JointLoss`.
        name: name of the loss.

    Shape:
        - y_true: `None`.
        - y_pred: a pair `(student, teacher)`, both `(batch, ..., n_features)`; for
          `"attention"` `(batch, ..., n_channels)` with one axis of places or more, which are
          the same in both.
        - result: `(batch, ...)`, without the last axis; for `"attention"` `(batch,)`. The
          cosine with a vector of length zero counts as 0, a map of zeros stays zero.

    Raises:
        ValueError: if the distance is unknown, the outputs are not a pair of shapes that fit,
            or there is a label.

    Example:
        >>> import numpy as np
        >>> import keras_multiloss as kml
        >>> student, teacher = np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]])
        >>> float(kml.losses.FeatureDistillationLoss()(None, (student, teacher)))
        0.5
        >>> loss = kml.losses.FeatureDistillationLoss("cosine")
        >>> round(float(loss(None, (student, teacher))), 3)
        0.293

    References:
        Romero et al., "FitNets: hints for thin deep nets", ICLR 2015.
        Zagoruyko and Komodakis, "Paying more attention to attention: improving the performance
        of convolutional neural networks via attention transfer", ICLR 2017.
    """

    is_sample_wise = True

    def __init__(
        self,
        distance: Distance = "mse",
        *,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "feature_distillation",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        check_choice("FeatureDistillationLoss", "distance", distance, _BETWEEN_FEATURES)
        self.distance = distance

    def call(self, y_true: Any, y_pred: Any) -> Any:
        where = type(self).__name__
        check_no_label(where, y_true)
        student, teacher = check_roles(where, y_pred, "student", "teacher")
        if self.distance == "attention":
            _check_places(where, student, teacher)
        else:
            check_one_shape(where, (student, teacher))
        return _BETWEEN_FEATURES[self.distance](student, ops.stop_gradient(teacher))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "distance": self.distance}


def _between_maps(student: Any, teacher: Any) -> Any:
    """The squared distance of the maps of squared channels, each map at length 1."""
    student, teacher = squared_lengths(student), squared_lengths(teacher)
    places = tuple(range(1, len(student.shape)))
    difference = unit(student, axis=places) - unit(teacher, axis=places)
    return ops.sum(ops.square(difference), axis=places)


_BETWEEN_FEATURES: dict[str, Callable[[Any, Any], Any]] = {
    "mse": mean_squares,
    "cosine": lambda student, teacher: 1.0 - cosines(student, teacher),
    "attention": _between_maps,
}


def _check_places(where: str, student: Any, teacher: Any) -> None:
    """Raise unless both are maps of channels at the same places."""
    of_student, of_teacher = static_shape(student), static_shape(teacher)
    if of_student is None or of_teacher is None:
        return
    if len(of_student) < 3 or not fits(of_student[:-1], of_teacher[:-1]):
        raise error(
            ValueError,
            where,
            "its outputs are not maps of the same places",
            expected="a pair of shape (batch, ..., n_channels) with the same axes but the last",
            received=f"shapes {of_student} and {of_teacher}",
            hint="resize or pool the larger map in the model"
            if len(of_student) > 2
            else "'mse' and 'cosine' take vectors",
        )
