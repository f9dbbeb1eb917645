"""Losses: of one output for plain `compile`, and of several outputs for terms."""

from keras_multiloss.losses._angular_margin import ArcFaceLoss, CosFaceLoss
from keras_multiloss.losses._barlow_twins import BarlowTwinsLoss
from keras_multiloss.losses._categorical_sum import CategoricalSumNLL
from keras_multiloss.losses._consistency import ConsistencyLoss
from keras_multiloss.losses._coverage import CoverageLoss
from keras_multiloss.losses._deep_supervision import DeepSupervisionLoss
from keras_multiloss.losses._distillation import DistillationLoss
from keras_multiloss.losses._gaussian import GaussianNLL, KLDivergenceToNormal
from keras_multiloss.losses._in_batch_softmax import InBatchSoftmaxLoss
from keras_multiloss.losses._joint import JointLoss
from keras_multiloss.losses._mixture import MixtureDensityNLL
from keras_multiloss.losses._nt_xent import NTXentLoss
from keras_multiloss.losses._ordering import OrderingLoss
from keras_multiloss.losses._orthogonality import OrthogonalityLoss
from keras_multiloss.losses._product import ProductBinaryCrossentropy
from keras_multiloss.losses._quantiles import NonCrossingQuantileLoss
from keras_multiloss.losses._triplet_margin import TripletMarginLoss
from keras_multiloss.losses._vicreg import VICRegLoss
from keras_multiloss.losses._weighted_sum import WeightedSumLoss
from keras_multiloss.losses._weighted_sum import as_weighted_sum as as_weighted_sum

__all__ = [
    "ArcFaceLoss",
    "BarlowTwinsLoss",
    "CategoricalSumNLL",
    "ConsistencyLoss",
    "CosFaceLoss",
    "CoverageLoss",
    "DeepSupervisionLoss",
    "DistillationLoss",
    "GaussianNLL",
    "InBatchSoftmaxLoss",
    "JointLoss",
    "KLDivergenceToNormal",
    "MixtureDensityNLL",
    "NTXentLoss",
    "NonCrossingQuantileLoss",
    "OrderingLoss",
    "OrthogonalityLoss",
    "ProductBinaryCrossentropy",
    "TripletMarginLoss",
    "VICRegLoss",
    "WeightedSumLoss",
]
