"""One topic a file; `benchmarks/suite.py` says what each is about."""
