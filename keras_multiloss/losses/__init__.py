"""Losses: of one output for plain `compile`, and of several outputs for terms."""

from keras_multiloss.losses._joint import JointLoss
from keras_multiloss.losses._weighted_sum import WeightedSumLoss, as_weighted_sum

__all__ = ["JointLoss", "WeightedSumLoss"]
