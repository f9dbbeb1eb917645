"""What `import keras_multiloss` adds to `import keras`, in fresh interpreters."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.timing import Case, Size

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS = ("import keras",)
#: The library brings in what a name needs when it is used: a second row uses some. Python may
#: collect garbage of Keras at any time, which takes longer than the import and is left out.
PROGRAM = """
import gc, json, sys, time

def added(program):
    n_modules, start = len(sys.modules), time.perf_counter()
    exec(program)
    return time.perf_counter() - start, len(sys.modules) - n_modules

keras = added("import keras")
gc.disable()
ours = added("import keras_multiloss")
used = added("import keras_multiloss as kml; kml.LossTerm, kml.MultiLossModel")
print(json.dumps([keras, ours, [a + b for a, b in zip(ours, used)]]))
"""
WAYS = ("import keras", "ours", "ours, MultiLossModel")


def cases(size: Size) -> Iterator[Case]:
    in_fresh_interpreter()  # which writes the bytecode
    interpreters = [in_fresh_interpreter() for _ in range(2 if size.reduced else 3)]
    for i, (name, unit) in enumerate({"time": "s", "modules": "modules"}.items()):
        found = {way: [run[j][i] for run in interpreters] for j, way in enumerate(WAYS)}
        yield Case.of(name, found, PEERS, unit=unit, is_amount=True)


def in_fresh_interpreter() -> list[tuple[float, int]]:
    """For Keras, ours, and ours in use: the seconds, and the modules that are new."""
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(result.stdout.splitlines()[-1])
