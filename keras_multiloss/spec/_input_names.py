"""The names of the model inputs that labels and sample weights are fed to."""

from __future__ import annotations

from keras_multiloss.spec._by_name import Key, key_name


def label_input_name(label: Key) -> str:
    """The name of the model input that a label is fed to."""
    return f"{key_name(label, 'label')}_label".replace("/", "_")


def sample_weight_input_name(name: str | None = None) -> str:
    """The name of the model input that a sample weight is fed to."""
    return "sample_weight" if name is None else f"{name}_sample_weight".replace("/", "_")
