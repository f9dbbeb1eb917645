"""Topics have files, and every lane of the suite runs in a process that ends in time."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks.lanes import interpreter_of, problem_of, run_topic
from benchmarks.machine import GPUS, accelerator, machine, versions
from benchmarks.regressions import SLACK
from benchmarks.suite import LANES, TOPICS
from benchmarks.timing import Size
from keras_multiloss._platform import keras
from tests.lanes import BACKEND, needs_keras_3

FILES = sorted(
    path.stem
    for path in Path(__file__).parents[2].glob("benchmarks/topics/*.py")
    if path.stem != "__init__"
)


def test_every_topic_has_a_file_and_every_file_is_a_topic():
    assert sorted(TOPICS) == FILES


def test_topics_run_in_lanes_that_there_are():
    assert {lane for topic in TOPICS.values() for lane in topic.lanes} <= set(LANES)


def test_units_that_cases_have_get_slack():
    assert set(SLACK) == {"ms", "s", "MB", "modules"}


def test_a_lane_that_is_not_set_up_has_no_interpreter(monkeypatch):
    monkeypatch.setitem(LANES, "jax", LANES["jax"]._replace(folder=".venv-that-is-not-there"))
    assert interpreter_of("jax") is None


def test_a_process_that_takes_too_long_is_stopped():
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    assert problem_of(command, dict(os.environ), seconds=0.1) == "stopped after 0 s"


def test_a_process_that_fails_is_a_problem_and_one_that_works_is_none():
    fails, works = ([sys.executable, "-c", f"raise SystemExit({status})"] for status in (3, 0))
    assert problem_of(fails, dict(os.environ), 60).startswith("failed with status 3")
    assert problem_of(works, dict(os.environ), 60) is None


def test_nothing_is_started_once_the_time_is_over():
    assert problem_of(["no such program"], {}, seconds=-1) == "skipped, as no time is left"


@needs_keras_3
def test_a_topic_is_measured_in_a_process_of_its_own():
    size = Size(reduced=True, seconds=0.0)
    report, problem = run_topic("imports", BACKEND, size, sys.executable, seconds=120)
    assert problem is None
    assert (report.topic, report.lane, report.is_reduced) == ("imports", BACKEND, True)
    assert {case.name for case in report.cases} == {"time", "modules"}
    assert all(value > 0 for case in report.cases for value in case.values.values())
    assert report.versions["keras"] == keras.__version__


def test_the_machine_is_described_in_words():
    assert machine().keys() == {"processor", "cores", "memory", "system"}
    assert all(machine().values())
    assert {"python", "numpy"} <= versions().keys()


class FakeGpu:
    platform, device_kind = "gpu", "A GPU"


@needs_keras_3
@pytest.mark.parametrize("is_there", [True, False])
def test_the_gpu_of_the_backend_is_found(monkeypatch, is_there):
    assert set(GPUS) >= {BACKEND}
    if BACKEND == "tensorflow":
        import tensorflow as tf

        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [FakeGpu] * is_there)
        details = {"device_name": "A GPU"}
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    elif BACKEND == "jax":
        import jax

        monkeypatch.setattr(jax, "devices", lambda: [FakeGpu] * is_there)
    else:
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: is_there)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "A GPU")
    assert accelerator() == ("A GPU" if is_there else None)
