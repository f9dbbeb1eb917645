"""Models compiled with a total loss, and conversions of training and prediction models."""

from keras_multiloss.models._attach_losses import attach_losses
from keras_multiloss.models._multi_loss_mixin import MultiLossMixin
from keras_multiloss.models._multi_loss_model import MultiLossModel
from keras_multiloss.models._report import report
from keras_multiloss.models._strip_losses import strip_losses
from keras_multiloss.models._with_teacher import with_teacher

__all__ = [
    "MultiLossMixin",
    "MultiLossModel",
    "attach_losses",
    "report",
    "strip_losses",
    "with_teacher",
]
