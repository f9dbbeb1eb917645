"""The page: a section for each topic, a column for each lane and GPU, machines and versions."""

from benchmarks.page import amount, page, table_of
from tests.benchmarks.made import case, report


def test_the_base_has_its_amount_and_the_others_have_ratios():
    table = table_of([report(case(0.5, 2.0, peers={"floor": 0.25}))])
    assert table.splitlines() == [
        "|  |  | TensorFlow |",
        "| --- | --- | ---: |",
        "| step | keras | 2.00 ms |",
        "|  | **ours** | 0.25 |",
        "|  | floor | 0.12 |",
    ]


def test_a_gpu_adds_a_column_and_what_a_lane_lacks_is_a_dash():
    first = report(case(), case(name="epoch", unit="s"))
    table = table_of([first, report(case(0.1), gpu="NVIDIA H100")])
    assert "|  |  | TensorFlow | TensorFlow, NVIDIA H100 |" in table
    assert "|  | **ours** | 0.50 | 0.10 |" in table
    assert "| epoch | keras | 1.00 s | - |" in table


def test_amounts_are_shown_as_they_are():
    table = table_of([report(case(3.0, 0.0, unit="MB", is_amount=True))])
    assert "| step | keras | 0.00 MB |" in table
    assert "|  | **ours** | 3.00 MB |" in table


def test_amounts_have_three_digits():
    assert amount(0.512, "ms") == "0.51 ms"
    assert amount(12.345, "ms") == "12.3 ms"
    assert amount(1234.5, "ms") == "1234 ms"
    assert amount(158.0, "modules") == "158 modules"


def test_the_page_has_sections_in_the_order_of_the_suite_and_their_charts():
    reports = [report(case(), topic="memory"), report(case())]
    text = page(reports, {"heads": "../_static/heads.svg"})
    assert text.index("## Terms that are alike") < text.index("## Memory")
    assert text.count("![") == 1
    assert "](../_static/heads.svg)" in text
    assert "Sequences" not in text


def test_the_page_names_each_machine_once_with_the_versions_of_its_lanes():
    text = page([report(case()), report(case(), topic="memory"), report(case(), lane="jax")], {})
    assert text.count("A processor, 2 cores, 8 GB, Linux x86_64:") == 1
    assert text.count("- TensorFlow, 2026-01-31: python 3.11.7, keras 3.15.1") == 1
    assert text.count("- JAX, 2026-01-31") == 1


def test_the_page_says_how_far_times_varied():
    text = page([report(case(spread=0.02), case(name="epoch", unit="s", spread=0.3))], {})
    assert "within 16% of their median" in text
    assert "within 30%" in text


def test_a_reduced_run_is_named():
    assert "short run" in page([report(case(), is_reduced=True)], {})
    assert "short run" not in page([report(case())], {})
