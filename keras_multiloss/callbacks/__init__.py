"""Callbacks: logs where Keras lets no layer log, and weights by epoch."""

from keras_multiloss.callbacks._term_logs import TermLogs
from keras_multiloss.callbacks._term_weight_scheduler import TermWeightScheduler

__all__ = ["TermLogs", "TermWeightScheduler"]
