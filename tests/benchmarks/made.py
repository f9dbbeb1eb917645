"""Cases and reports that no benchmark made."""

from benchmarks.results import Report
from benchmarks.timing import Case

MACHINE = {"processor": "A processor", "cores": "2", "memory": "8 GB", "system": "Linux x86_64"}


def case(ours=0.5, keras=1.0, *, name="step", unit="ms", **others):
    values = {"keras": keras, "ours": ours, **others.pop("peers", {})}
    return Case(
        name, unit, values, ("keras", *[way for way in values if way != "ours"][1:]), **others
    )


def report(*cases, topic="heads", lane="tensorflow", **others):
    options = {"gpu": None, "is_reduced": False, "date": "2026-01-31", "machine": MACHINE}
    versions = {"python": "3.11.7", "keras": "3.15.1"}
    return Report(topic, lane, **{**options, "versions": versions, **others}, cases=[*cases])
