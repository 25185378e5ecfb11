# make demo           set up .venv and run the demonstration; ends by naming the HTML report it wrote
# make test           set up .venv and check lint, types, tests and doctests but the slow ones, documentation
# make test-pythons   the tests of make test on the other Pythons from 3.11 to 3.13 that this machine has
# make test-all       the same with the slow tests: full galleries, coverage of intervals, accuracy of big models

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
PIP := $(RUN)/python -m pip install --quiet --disable-pip-version-check

# Compiled programs are kept inside the checkout: a second run of the tests, or of the demonstration, compiles little.
export CETERIS_CACHE ?= $(CURDIR)/.cache/programs
export NUMBA_CACHE_DIR ?= $(CURDIR)/.cache/numba

.PHONY: demo test test-quick test-pythons test-all lint types docs bench lock clean

demo: $(VENV)/ready
	$(RUN)/ceteris demo

# Two workers; each file is run whole by one of them, so that its fixtures are built once. Files go out in their order, the
# doctests of src last: they are small, so that both workers end together.
PYTEST := $(RUN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

test: lint types test-quick docs

test-quick: $(VENV)/ready-to-test
	$(PYTEST) -m "not slow"

# On the other Pythons of this machine, each in an environment of its own; says at its end which are not there. For one of
# them: make test-quick VENV=.venv-3.13 PYTHON=python3.13
test-pythons: .venv/ready-to-test
	tests/pythons.sh

# Run before an issue is closed; its figures are committed.
test-all: lint types
	$(PYTEST) --record benchmarks/results/tests.json
	$(MAKE) --no-print-directory docs

lint: $(VENV)/ready-to-test
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .

types: $(VENV)/ready-to-test
	$(RUN)/pyright --pythonpath $(RUN)/python

docs: $(VENV)/ready-to-test
	NO_MKDOCS_2_WARNING=1 $(RUN)/mkdocs build --quiet --strict

# One after the other: a benchmark wants the machine to itself. Results go to benchmarks/results.
bench: $(VENV)/ready-to-test
	for script in engine genz learners least_squares door equilibrium symmetry causal structured heterogeneity impute represent intervals solve_many trust sequence sequence_forecast sequence_volatility sequence_edgeworth text_pipeline; do $(RUN)/python benchmarks/$$script.py --save || exit 1; done

# A stamp per environment: set up again when what is to be installed has changed. Packages are those of the lock, each file
# with its hash; the project itself, a folder, has none, and is linked.
$(RUN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready: pyproject.toml requirements/run.lock | $(RUN)/python
	$(PIP) --require-hashes --requirement requirements/run.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/ready-to-test: pyproject.toml requirements/test.lock | $(RUN)/python
	$(PIP) --require-hashes --requirement requirements/test.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/ready

# The newest versions that pyproject.toml allows of what UPGRADE names, as in make lock UPGRADE="--upgrade-package jax", all
# with --upgrade; others stay. The second lock is the part of the first that the library itself needs.
LOCK := .cache/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" --group build pyproject.toml

lock:
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) --extra test $(UPGRADE) --output-file requirements/test.lock
	cp requirements/test.lock requirements/run.lock
	$(LOCK) --output-file requirements/run.lock

clean:
	rm -rf .venv .venv-3.* .cache .pytest_cache .ruff_cache site build dist
