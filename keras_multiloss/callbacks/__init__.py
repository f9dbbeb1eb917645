"""Callbacks around training with several losses."""

from keras_multiloss.callbacks._term_logs import TermLogs

__all__ = ["TermLogs"]
