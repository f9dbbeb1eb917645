"""Losses of one output, for plain `compile`, and of several outputs, for terms."""

from keras_multiloss.losses._angular_margin import ArcFaceLoss, CosFaceLoss
from keras_multiloss.losses._barlow_twins import BarlowTwinsLoss
from keras_multiloss.losses._categorical_sum import CategoricalSumNLL
from keras_multiloss.losses._consistency import ConsistencyLoss
from keras_multiloss.losses._contrastive import ContrastiveLoss, contrastive_loss
from keras_multiloss.losses._coverage import CoverageLoss
from keras_multiloss.losses._cox import CoxPartialLikelihood
from keras_multiloss.losses._ctc import CTCLoss
from keras_multiloss.losses._deep_supervision import DeepSupervisionLoss
from keras_multiloss.losses._detection import DetectionLoss
from keras_multiloss.losses._discrete_time import DiscreteTimeSurvivalLoss
from keras_multiloss.losses._distillation import DistillationLoss
from keras_multiloss.losses._entropy import EntropyPenalty
from keras_multiloss.losses._feature_distillation import FeatureDistillationLoss
from keras_multiloss.losses._focal import SigmoidFocalCrossEntropy, sigmoid_focal_crossentropy
from keras_multiloss.losses._gaussian import GaussianNLL, KLDivergenceToNormal
from keras_multiloss.losses._giou import GIoULoss, giou_loss
from keras_multiloss.losses._in_batch_softmax import InBatchSoftmaxLoss
from keras_multiloss.losses._jaccard import JaccardLoss
from keras_multiloss.losses._joint_loss import JointLoss
from keras_multiloss.losses._kappa import WeightedKappaLoss
from keras_multiloss.losses._lifted_structure import LiftedStructLoss, lifted_struct_loss
from keras_multiloss.losses._masked_loss import MaskedLoss
from keras_multiloss.losses._mixture import MixtureDensityNLL
from keras_multiloss.losses._multi_box import MultiBoxLoss
from keras_multiloss.losses._npairs import (
    NpairsLoss,
    NpairsMultilabelLoss,
    npairs_loss,
    npairs_multilabel_loss,
)
from keras_multiloss.losses._nt_xent import NTXentLoss
from keras_multiloss.losses._ordering import OrderingLoss
from keras_multiloss.losses._orthogonality import OrthogonalityLoss
from keras_multiloss.losses._pinball import PinballLoss, pinball_loss
from keras_multiloss.losses._product import ProductBinaryCrossentropy
from keras_multiloss.losses._pseudo_labels import PseudoLabelLoss
from keras_multiloss.losses._quantiles import NonCrossingQuantileLoss
from keras_multiloss.losses._regression_distillation import RegressionDistillationLoss
from keras_multiloss.losses._sparsemax import (
    SparsemaxLoss,
    sparsemax_loss,
    sparsemax_loss_from_logits,
)
from keras_multiloss.losses._ssim import SSIMLoss
from keras_multiloss.losses._supervised_contrastive import SupervisedContrastiveLoss
from keras_multiloss.losses._triplet_hard import TripletHardLoss, triplet_hard_loss
from keras_multiloss.losses._triplet_margin import TripletMarginLoss
from keras_multiloss.losses._triplet_semihard import TripletSemiHardLoss, triplet_semihard_loss
from keras_multiloss.losses._vicreg import VICRegLoss
from keras_multiloss.losses._yolo import YoloLoss
from keras_multiloss.spec import PerOutputLoss, WeightedSumLoss

__all__ = [
    "ArcFaceLoss",
    "BarlowTwinsLoss",
    "CTCLoss",
    "CategoricalSumNLL",
    "ConsistencyLoss",
    "ContrastiveLoss",
    "CosFaceLoss",
    "CoverageLoss",
    "CoxPartialLikelihood",
    "DeepSupervisionLoss",
    "DetectionLoss",
    "DiscreteTimeSurvivalLoss",
    "DistillationLoss",
    "EntropyPenalty",
    "FeatureDistillationLoss",
    "GIoULoss",
    "GaussianNLL",
    "InBatchSoftmaxLoss",
    "JaccardLoss",
    "JointLoss",
    "KLDivergenceToNormal",
    "LiftedStructLoss",
    "MaskedLoss",
    "MixtureDensityNLL",
    "MultiBoxLoss",
    "NTXentLoss",
    "NonCrossingQuantileLoss",
    "NpairsLoss",
    "NpairsMultilabelLoss",
    "OrderingLoss",
    "OrthogonalityLoss",
    "PerOutputLoss",
    "PinballLoss",
    "ProductBinaryCrossentropy",
    "PseudoLabelLoss",
    "RegressionDistillationLoss",
    "SSIMLoss",
    "SigmoidFocalCrossEntropy",
    "SparsemaxLoss",
    "SupervisedContrastiveLoss",
    "TripletHardLoss",
    "TripletMarginLoss",
    "TripletSemiHardLoss",
    "VICRegLoss",
    "WeightedKappaLoss",
    "WeightedSumLoss",
    "YoloLoss",
    "contrastive_loss",
    "giou_loss",
    "lifted_struct_loss",
    "npairs_loss",
    "npairs_multilabel_loss",
    "pinball_loss",
    "sigmoid_focal_crossentropy",
    "sparsemax_loss",
    "sparsemax_loss_from_logits",
    "triplet_hard_loss",
    "triplet_semihard_loss",
]
