"""Losses of models with several outputs, described once and by name."""

from keras_multiloss import layers, losses, models
from keras_multiloss._terms import LossTerm
from keras_multiloss.layers import WeightedSumLossLayer
from keras_multiloss.losses import JointLoss, WeightedSumLoss
from keras_multiloss.models import MultiLossModel, attach_losses, strip_losses

__version__ = "0.1.0.dev0"
