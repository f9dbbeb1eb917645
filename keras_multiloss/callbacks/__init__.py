"""Callbacks: logs of terms, one number to stop by, weights by epoch, conflicts of gradients."""

from keras_multiloss.callbacks._combined_log import CombinedLog
from keras_multiloss.callbacks._conflict_monitor import ConflictMonitor
from keras_multiloss.callbacks._term_logs import TermLogs
from keras_multiloss.callbacks._term_weight_scheduler import TermWeightScheduler

__all__ = ["CombinedLog", "ConflictMonitor", "TermLogs", "TermWeightScheduler"]
