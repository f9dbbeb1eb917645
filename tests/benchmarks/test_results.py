"""Reports survive their file, and new ones replace those of the same place."""

from benchmarks.results import merged, read_reports, write_reports
from tests.benchmarks.made import case, report


def test_reports_survive_their_file(tmp_path):
    reports = [report(case(), case(name="epoch", unit="s", spread=0.1, is_amount=True))]
    path = tmp_path / "results.json"
    write_reports(path, reports)
    assert read_reports(path) == reports


def test_a_file_that_is_not_there_has_no_reports(tmp_path):
    assert read_reports(tmp_path / "results.json") == []


def test_a_new_report_replaces_that_of_its_topic_and_lane_and_no_other():
    old = [report(case(0.5)), report(case(0.6), lane="jax"), report(case(0.7), topic="unlike")]
    new = report(case(0.4), lane="jax")
    assert merged(old, [new]) == [old[0], new, old[2]]


def test_a_report_of_a_gpu_stands_beside_that_of_the_processor():
    reports = merged([report(case())], [report(case(0.1), gpu="NVIDIA H100")])
    assert [r.column for r in reports] == ["tensorflow", "tensorflow, GPU"]
