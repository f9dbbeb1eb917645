"""What importing the library adds to `import keras`, in fresh interpreters, as medians.

One row imports the library; one also everything that it registers, as Keras does when it first
restores an object; one uses what a program with `MultiLossModel` does. They run in turn. Python
may collect garbage of Keras in any of them, which takes longer than the import: that is shown
apart. Run it with `make bench`.
"""

import json
import statistics
import subprocess
import sys

import keras
from rich.console import Console
from rich.table import Table

N_ROUNDS = 9
PROGRAMS = {
    "import keras_multiloss": "import keras_multiloss",
    "and all that is registered": (
        "import keras_multiloss; keras.saving.get_registered_object('keras_multiloss>LossTerm')"
    ),
    "and what a MultiLossModel needs": (
        "import keras_multiloss as kml; kml.LossTerm; kml.MultiLossModel"
    ),
}
WORKER = """
import gc, json, sys, time
start = time.perf_counter()
import keras
imported = time.perf_counter()
pauses = []
gc.callbacks.append(lambda phase, info: pauses.append(time.perf_counter()))
before = time.perf_counter()
{program}
total = time.perf_counter() - before
collecting = sum(pauses[1::2]) - sum(pauses[::2])
n_modules = sum(name.startswith("keras_multiloss") for name in sys.modules)
print(json.dumps([imported - start, total - collecting, collecting, n_modules]))
"""


def measured(program):
    """Seconds of `import keras`, of the program and of its garbage collection, and its modules."""
    command = [sys.executable, "-c", WORKER.format(program=program)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return json.loads(found.stdout.splitlines()[-1])


def main():
    for program in PROGRAMS.values():
        measured(program)  # which writes the bytecode
    runs = {name: [] for name in PROGRAMS}
    for _ in range(N_ROUNDS):
        for name, program in PROGRAMS.items():
            runs[name].append(measured(program))
    all_runs = [run for found in runs.values() for run in found]
    keras_ms = 1000 * statistics.median(run[0] for run in all_runs)
    title = f"Added to `import keras` ({keras_ms:.0f} ms), {keras.backend.backend()}"
    table = Table(title=title)
    for column in ("", "ms", "garbage collection, ms", "modules"):
        table.add_column(column, justify="right" if column else "left")
    for name, found in runs.items():
        _, seconds, collecting, n_modules = map(statistics.median, zip(*found, strict=True))
        cells = f"{1000 * seconds:.1f}", f"{1000 * collecting:.1f}", f"{n_modules:.0f}"
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
