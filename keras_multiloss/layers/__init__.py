"""The host inside the graph: a layer that adds the total loss of the model."""

from keras_multiloss.layers._weighted_sum import WeightedSumLossLayer

__all__ = ["WeightedSumLossLayer"]
