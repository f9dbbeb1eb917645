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
PROGRAM = """
import json, sys, time
found = []
for module in ("keras", "keras_multiloss"):
    n_modules, start = len(sys.modules), time.perf_counter()
    __import__(module)
    found.append((time.perf_counter() - start, len(sys.modules) - n_modules))
print(json.dumps(found))
"""


def cases(size: Size) -> Iterator[Case]:
    interpreters = [in_fresh_interpreter() for _ in range(2 if size.reduced else 3)]
    for i, unit in enumerate(("s", "modules")):
        keras, ours = ([found[way][i] for found in interpreters] for way in (0, 1))
        name = "time" if unit == "s" else "modules"
        measured = {"import keras": keras, "ours": ours}
        yield Case.of(name, measured, PEERS, unit=unit, is_amount=True)


def in_fresh_interpreter() -> list[tuple[float, int]]:
    """For Keras and then ours: the seconds, and the modules that are new."""
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(result.stdout.splitlines()[-1])
