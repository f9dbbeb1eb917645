"""Layers: the total loss inside a graph, balanced gradients, taps, and what losses need."""

from keras_multiloss.layers._cosine_dense import CosineDense
from keras_multiloss.layers._frozen_teacher import FrozenTeacher
from keras_multiloss.layers._gradient_balancer import GradientBalancer
from keras_multiloss.layers._tap import Tap
from keras_multiloss.layers._weighted_sum_loss_layer import WeightedSumLossLayer

__all__ = [
    "CosineDense",
    "FrozenTeacher",
    "GradientBalancer",
    "Tap",
    "WeightedSumLossLayer",
]
