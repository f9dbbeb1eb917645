"""Fixtures of the acceptance cases."""

import pytest

from tests.integration.checks import Acceptance


@pytest.fixture(params=["model", "layer"])
def acceptance(request, fresh_process, bare_process, tmp_path) -> Acceptance:
    """The life of a model in each host, from training to serving."""
    return Acceptance(request.param, fresh_process, bare_process, tmp_path)
