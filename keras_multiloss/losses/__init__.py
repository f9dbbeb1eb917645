"""Losses: of one output for plain `compile`, and of several outputs for terms."""

from keras_multiloss.losses._categorical_sum import CategoricalSumNLL
from keras_multiloss.losses._consistency import ConsistencyLoss
from keras_multiloss.losses._deep_supervision import DeepSupervisionLoss
from keras_multiloss.losses._distillation import DistillationLoss
from keras_multiloss.losses._gaussian import KLDivergenceToNormal
from keras_multiloss.losses._joint import JointLoss
from keras_multiloss.losses._product import ProductBinaryCrossentropy
from keras_multiloss.losses._weighted_sum import WeightedSumLoss
from keras_multiloss.losses._weighted_sum import as_weighted_sum as as_weighted_sum

__all__ = [
    "CategoricalSumNLL",
    "ConsistencyLoss",
    "DeepSupervisionLoss",
    "DistillationLoss",
    "JointLoss",
    "KLDivergenceToNormal",
    "ProductBinaryCrossentropy",
    "WeightedSumLoss",
]
