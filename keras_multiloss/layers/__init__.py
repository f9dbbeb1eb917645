"""Layers: the host of a loss inside the graph, and what balances or shapes gradients there."""

from keras_multiloss.layers._cosine_dense import CosineDense
from keras_multiloss.layers._gradient_balancer import GradientBalancer
from keras_multiloss.layers._weighted_sum_loss_layer import WeightedSumLossLayer

__all__ = ["CosineDense", "GradientBalancer", "WeightedSumLossLayer"]
