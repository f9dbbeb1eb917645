"""Aggregators."""

from keras_multiloss.aggregation._base import Aggregator
from keras_multiloss.aggregation._cagrad import CAGrad
from keras_multiloss.aggregation._dual_proj import DualProj
from keras_multiloss.aggregation._fair_grad import FairGrad
from keras_multiloss.aggregation._mean import Constant, Mean, Sum
from keras_multiloss.aggregation._mgda import MGDA
from keras_multiloss.aggregation._nash_mtl import NashMTL
from keras_multiloss.aggregation._upgrad import UPGrad
