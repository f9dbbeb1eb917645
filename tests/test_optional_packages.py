"""Packages that only some functions need."""

from pathlib import Path

import pytest

from keras_multiloss import _optional_packages
from keras_multiloss._optional_packages import EXTRAS, check_installed


def test_a_package_that_is_there_is_no_error(monkeypatch):
    monkeypatch.setattr(_optional_packages.importlib.util, "find_spec", lambda name: name)
    check_installed("report", "it draws", *EXTRAS)


def test_those_that_are_missing_are_told_with_their_extras(monkeypatch):
    monkeypatch.setattr(_optional_packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError) as caught:
        check_installed("report", "it is a table", "pandas", "matplotlib")
    assert str(caught.value) == (
        "report: it is a table.\n"
        "  Expected: pandas and matplotlib\n"
        "  Received: no pandas and no matplotlib installed\n"
        "  Hint: pip install 'keras-multiloss[report,viz]'"
    )


def test_each_extra_is_one_of_the_package():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    project = Path(__file__).parents[1] / "pyproject.toml"
    extras = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(EXTRAS.values()) <= set(extras)
