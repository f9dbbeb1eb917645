"""The host around the graph: models compiled with a total loss, and ways between models."""

from keras_multiloss.models._mixin import MultiLossMixin
from keras_multiloss.models._model import MultiLossModel
from keras_multiloss.models._surgery import attach_losses, strip_losses

__all__ = ["MultiLossMixin", "MultiLossModel", "attach_losses", "strip_losses"]
