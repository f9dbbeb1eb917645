# Every target sets up what it needs. Python 3.10 to 3.12 and make are enough; uv is used
# where it is installed, as it is faster.

PYTHON ?= python3
# TensorFlow Addons needs Python 3.11 or older.
PYTHON_ADDONS ?= $(shell command -v python3.11 || echo $(PYTHON))
UV := $(shell command -v uv 2>/dev/null)
# The tests of a file share what it starts, so that they run in one worker.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder
PYTEST_ARGS ?=
export TF_CPP_MIN_LOG_LEVEL = 3

LANES := addons jax torch tf-keras oldest

.PHONY: help demo test test-all test-slow test-slow-default lint docs docs-quick bench bench-check
.PHONY: bench-lanes clean $(LANES:%=test-%) $(LANES:%=test-slow-%)

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ \t/' | expand -t 17

# $(call install,environment,arguments)
install = $(if $(UV),$(UV) pip install --quiet --compile-bytecode --python $(1)/bin/python $(2),$(1)/bin/python -m pip install --quiet $(2))

.venv/.ready: pyproject.toml requirements/tensorflow.txt
	@echo "Setting up .venv (TensorFlow and Keras from PyPI, a few minutes at the first time) ..."
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(call install,.venv,--requirement requirements/tensorflow.txt --editable .)
	@$(call install,.venv,--group test --group data --group oracles)
	@touch $@

.venv-%/.ready: pyproject.toml requirements/%.txt
	@echo "Setting up .venv-$* ..."
	@$(if $(filter addons,$*),$(PYTHON_ADDONS),$(PYTHON)) -m venv .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(if $(filter torch,$*),.venv-$*/bin/python -m pip install --quiet,$(call install,.venv-$*)) --requirement requirements/$*.txt --editable .
	@$(call install,.venv-$*,--group test)
	@touch $@

demo: .venv/.ready  ## train, save, reload and strip a model of MNIST additions
	@.venv/bin/python examples/mnist_addition.py

test: .venv/.ready  ## the tests in the default lane (about 12 minutes on two cores)
	.venv/bin/python -m pytest -q $(SIDE_BY_SIDE) -m "not slow" $(PYTEST_ARGS)

# $(call pytest,lane): the interpreter of a lane, running pytest
pytest = $(if $(filter jax torch,$(1)),KERAS_BACKEND=$(1) )$(if $(filter tf-keras,$(1)),TF_USE_LEGACY_KERAS=1 ).venv-$(1)/bin/python -m pytest

$(LANES:%=test-%): test-%: .venv-%/.ready
	$(call pytest,$*) -q $(SIDE_BY_SIDE) -m "not slow" $(PYTEST_ARGS)

test-all: test $(LANES:%=test-%)  ## the tests in every lane (about 40 minutes)

test-slow-default: .venv/.ready
	.venv/bin/python -m pytest -q $(SIDE_BY_SIDE) -m slow $(PYTEST_ARGS)

$(LANES:%=test-slow-%): test-slow-%: .venv-%/.ready
	$(call pytest,$*) -q $(SIDE_BY_SIDE) -m slow $(PYTEST_ARGS)

test-slow: test-slow-default $(LANES:%=test-slow-%)  ## what takes longer than CI has, in every lane

.venv/.lint-ready: .venv/.ready
	@$(call install,.venv,--group lint)
	@touch $@

lint: .venv/.lint-ready  ## format, style and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

.venv/.docs-ready: .venv/.ready
	@$(call install,.venv,--group docs)
	@touch $@

docs: .venv/.docs-ready  ## the documentation, into docs/_build/html (about 6 minutes)
	.venv/bin/python -m sphinx -W --keep-going -b html docs docs/_build/html

docs-quick: .venv/.docs-ready  ## the documentation without running its pages
	.venv/bin/python -m sphinx -q -D nb_execution_mode=off -D suppress_warnings=myst-nb.lexer -b html docs docs/_build/html-quick

bench: .venv/.ready  ## benchmarks in the lanes that are set up (at most 10 minutes), and their page
	.venv/bin/python -m benchmarks

bench-check: .venv/.ready  ## fewer benchmarks, compared with the ratios in benchmarks/results.json
	.venv/bin/python -m benchmarks --check --seconds 2

# The lanes that they measure in, beside the default one.
bench-lanes: .venv-jax/.ready .venv-torch/.ready .venv-addons/.ready

clean:  ## remove the environments and what was built
	rm -rf .venv .venv-* .jax_cache docs/_build
