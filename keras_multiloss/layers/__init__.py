"""Layers: the host of a loss inside the graph, and the class vectors of angular losses."""

from keras_multiloss.layers._cosine_dense import CosineDense
from keras_multiloss.layers._weighted_sum import WeightedSumLossLayer

__all__ = ["CosineDense", "WeightedSumLossLayer"]
