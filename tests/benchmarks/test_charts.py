"""Charts show each way of each lane, and are the same for the same numbers."""

from tests.benchmarks.made import case, report
from tests.lanes import needs_matplotlib


@needs_matplotlib
def test_a_chart_has_a_panel_for_each_lane_with_all_bars_and_their_numbers(tmp_path):
    from benchmarks.charts import draw

    reports = [
        report(case(0.5, 2.0, peers={"floor": 0.2}), case(name="epoch", unit="s")),
        report(case(3.0, 0.0, is_amount=True), lane="jax"),
    ]
    paths = [tmp_path / "first.svg", tmp_path / "second.svg"]
    for path in paths:
        draw(reports, path)
    first, second = (path.read_text(encoding="utf-8") for path in paths)
    assert first == second
    for text in ("TensorFlow", "JAX", "epoch", "floor", "2.00 ms", "0.25", "0.10", "3.00 ms"):
        assert f">{text}</text>" in first
