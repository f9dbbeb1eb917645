"""Fixtures of the acceptance cases."""

import pytest

from tests.fresh import FreshProcess
from tests.integration.checks import Acceptance


@pytest.fixture(params=["model", "layer"])
def acceptance(request, fresh_process, bare_process, tmp_path) -> Acceptance:
    """The life of a model in each host, from training to serving."""
    return Acceptance(request.param, fresh_process, bare_process, tmp_path)


@pytest.fixture
def in_model(fresh_process, bare_process, tmp_path) -> Acceptance:
    """The life of a model in `MultiLossModel`, for what the layer cannot do."""
    return Acceptance("model", fresh_process, bare_process, tmp_path)


@pytest.fixture
def with_own_classes(request, tmp_path):
    """The same for a model with layers or losses of the user's own, which have to be imported."""
    process = FreshProcess(module=request.module.__name__)
    yield Acceptance("model", process, process, tmp_path)
    process.close()
