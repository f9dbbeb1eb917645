"""The examples of the README run as they stand."""

import re
from pathlib import Path

import pytest

from keras_multiloss._platform import keras

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(name):
    return BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.skipif(
    keras.__name__.startswith("tf_keras"),
    reason="the examples import `keras`, which is Keras 3 in the tf-keras lane",
)
@pytest.mark.parametrize("number", range(4))
def test_each_of_the_four_ways_runs(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("README.md")[number], f"README.md, way {number + 1}", "exec"), {})  # noqa: S102


def test_there_are_four_ways_and_the_translation_has_the_same_code():
    assert len(blocks("README.md")) == 4
    assert blocks("README.zh-CN.md") == blocks("README.md")
