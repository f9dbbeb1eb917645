"""What the library costs, measured beside what one would use without it.

`make bench` measures in every lane that is set up, writes `results.json` here and the page
`docs/explanation/benchmarks.md` with its charts. `make bench-check` measures less and compares with
`results.json`. Where a GPU is, `KERAS_BACKEND=... python -m benchmarks --here` adds its column.

A topic (`topics/`) is one file with a function `cases`, which yields a `Case` for each thing
that it measures: what several ways to do it took, in turn and in one process, so that a change
of the machine's speed meets all of them. `suite.py` lists the topics. Each runs in a process of
its own, in every lane that it names (`measure.py`); `__main__.py` puts all of it together.
"""
