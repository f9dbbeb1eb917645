"""A process of its own that has never seen the models it loads."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent

WORKER = """
import os, pickle, sys
results = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
{prepare}
while True:
    path, calls = pickle.load(sys.stdin.buffer)
    try:
        model = keras.saving.load_model(path)
        answers = [type(model).__name__]
        for method, args, kwargs in calls:
            answers.append(getattr(model, method)(*args, **kwargs))
        answers = [a.history if hasattr(a, "history") else a for a in answers]
    except Exception as e:
        answers = e if type(e).__module__ == "builtins" else RuntimeError(repr(e))
    pickle.dump(answers, results)
    results.flush()
"""

WITH_LIBRARY = "import keras_multiloss\nfrom keras_multiloss._platform import keras"
WITHOUT_LIBRARY = """
sys.modules["keras_multiloss"] = None  # an import of it raises
if os.environ.get("TF_USE_LEGACY_KERAS"):
    import tf_keras as keras
else:
    import keras
"""


class FreshProcess:
    """Loads models from files in another process and calls their methods there.

    Args:
        has_library: whether that process imports keras_multiloss (and nothing else); if
            not, the library cannot even be imported there.
    """

    def __init__(self, *, has_library: bool = True, module: str | None = None) -> None:
        prepare = WITH_LIBRARY if has_library else WITHOUT_LIBRARY
        if module is not None:
            prepare += f"\nsys.path.insert(0, {str(ROOT)!r})\nimport {module}"
        script = WORKER.format(prepare=prepare)
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd="/",
        )

    def load(self, path: Path | str, *calls: tuple[str, tuple, dict]) -> list[Any]:
        """The class name of the loaded model, then the results of the calls on it."""
        pickle.dump((str(path), calls), self.process.stdin)
        self.process.stdin.flush()
        answers = pickle.load(self.process.stdout)  # noqa: S301 (our own process)
        if isinstance(answers, Exception):
            raise answers
        return answers

    def evaluate(self, path: Path | str, *data: Any) -> dict[str, float]:
        """The logs of `evaluate` on the data."""
        return self.load(path, ("evaluate", data, {"verbose": 0, "return_dict": True}))[1]

    def predict(self, path: Path | str, x: Any) -> Any:
        """The predictions for the inputs."""
        return self.load(path, ("predict", (x,), {"verbose": 0}))[1]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
