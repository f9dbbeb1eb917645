"""A type checker knows the arguments that users give, and catches misspelt ones."""

import subprocess
import sys

import pytest

from tests.lanes import needs_mypy

PROGRAM = """
import keras_multiloss as kml

loss = kml.LossTerm("mse", "age", mask="nan") + 0.5 * kml.LossTerm("mse", "sex")
model = kml.MultiLossModel({}, {})
model.compile("adam", loss=loss / 2, metrics={"age": "mae"}, aggregator="upgrad")
history = model.fit([1.0], {"age": [1.0]}, epochs=3, batch_size=8)
weight: float = model.term_weights["age"]
smaller: kml.WeightedSumLoss = loss.without("sex")
"""

MISTAKES = {
    'model.compile("adam", los=loss)': 'Unexpected keyword argument "los"',
    'model.compile("adam", loss=loss, agregator="upgrad")': 'keyword argument "agregator"',
    "model.fit([1.0], epoch=3)": 'Unexpected keyword argument "epoch"',
    'model.fit([1.0], epochs="3")': 'has incompatible type "str"; expected "int"',
    'kml.LossTerm("mse", "age", masks="nan")': 'Unexpected keyword argument "masks"',
    'kml.LossTerm("mse", "age", mask="NaN")': 'Argument "mask" to "LossTerm" has incompatible type',
    "loss.terms.append(1)": 'has no attribute "append"',
}

pytestmark = needs_mypy


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What mypy says of a right program, and of one with a mistake in each of its last lines."""
    folder = tmp_path_factory.mktemp("typing")
    right, wrong = folder / "right.py", folder / "wrong.py"
    right.write_text(PROGRAM)
    wrong.write_text(PROGRAM + "\n".join(MISTAKES) + "\n")
    # Keras has no types of its own.
    command = [sys.executable, "-m", "mypy", "--ignore-missing-imports", "--follow-imports=silent"]
    found = subprocess.run(
        [*command, "--cache-dir", folder / "cache", right, wrong],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    return found.stdout


def test_a_program_without_a_mistake_passes(checked):
    assert "wrong.py" in checked
    assert [line for line in checked.splitlines() if "right.py" in line] == []


@pytest.mark.parametrize(("line", "message"), MISTAKES.items())
def test_a_mistake_is_caught(checked, line, message):
    number = len(PROGRAM.splitlines()) + 1 + list(MISTAKES).index(line)
    told = [text for text in checked.splitlines() if f"wrong.py:{number}: error" in text]
    assert any(message in text for text in told), checked
