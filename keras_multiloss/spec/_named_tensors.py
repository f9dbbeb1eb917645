"""What names outputs and labels: terms of a loss, and metrics."""

from __future__ import annotations

from typing import Any

from keras_multiloss.spec._by_name import Key, key_name
from keras_multiloss.spec._checked_keys import keys_in, sources_in
from keras_multiloss.spec._tensor_sources import FromInput, FromOutput


class NamedTensors:
    """Something over outputs and labels that it names."""

    #: What messages call it.
    what = "term"

    outputs: Any
    labels: Any

    @property
    def output_keys(self) -> list[Key]:
        """The outputs that it is over, as a list, also where there is one."""
        return keys_in(self.outputs)

    @property
    def read_outputs(self) -> list[Key]:
        """All outputs that it reads, also those that are labels."""
        return [*self.output_keys, *sources_in(self.outputs, self.labels, kind=FromOutput)]

    @property
    def label_keys(self) -> list[Key]:
        """The labels in the data as a list, empty where there is none."""
        return keys_in(self.labels)

    @property
    def input_keys(self) -> list[Key]:
        """The inputs that it reads."""
        return sources_in(self.outputs, self.labels, kind=FromInput)

    @property
    def joined_outputs(self) -> str:
        """The names of its outputs, joined by an underscore."""
        return "_".join(key_name(key, "output") for key in self.output_keys)
