"""Callbacks: logs of terms with JAX, weights by epoch, conflicts between gradients."""

from keras_multiloss.callbacks._conflict_monitor import ConflictMonitor
from keras_multiloss.callbacks._term_logs import TermLogs
from keras_multiloss.callbacks._term_weight_scheduler import TermWeightScheduler

__all__ = ["ConflictMonitor", "TermLogs", "TermWeightScheduler"]
