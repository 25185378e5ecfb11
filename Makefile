# make demo       set up .venv and run the demonstration; ends by naming the HTML report it wrote
# make test       set up .venv and check lint, types, tests and doctests but the slow ones, documentation
# make test-all   the same with the slow tests: full galleries, coverage of intervals, accuracy of big models

PYTHON ?= python3
RUN := .venv/bin
PIP := $(RUN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements/test.lock

# Compiled programs are kept inside the checkout: a second run of the tests, or of the demonstration, compiles little.
export CETERIS_CACHE ?= $(CURDIR)/.cache/programs
export NUMBA_CACHE_DIR ?= $(CURDIR)/.cache/numba

.PHONY: demo test test-all lint types docs bench clean

demo: .venv/ready
	$(RUN)/ceteris demo

# Two workers; each file is run whole by one of them, so that its fixtures are built once. Files go out in their order, the
# doctests of src last: they are small, so that both workers end together.
PYTEST := $(RUN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

test: lint types
	$(PYTEST) -m "not slow"
	$(MAKE) --no-print-directory docs

# Run before an issue is closed; its figures are committed.
test-all: lint types
	$(PYTEST) --record benchmarks/results/tests.json
	$(MAKE) --no-print-directory docs

lint: .venv/ready-to-test
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .

types: .venv/ready-to-test
	$(RUN)/pyright --pythonpath $(RUN)/python

docs: .venv/ready-to-test
	NO_MKDOCS_2_WARNING=1 $(RUN)/mkdocs build --quiet --strict

# One after the other: a benchmark wants the machine to itself. Results go to benchmarks/results.
bench: .venv/ready-to-test
	for script in engine genz learners least_squares equilibrium symmetry causal structured heterogeneity impute represent intervals solve_many trust; do $(RUN)/python benchmarks/$$script.py --save || exit 1; done

clean:
	rm -rf .venv .cache .pytest_cache .ruff_cache site build dist

# A stamp per environment: set up again when what is to be installed has changed.
.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/ready: pyproject.toml requirements/test.lock | .venv/bin/python
	$(PIP) --editable .
	@touch $@

.venv/ready-to-test: pyproject.toml requirements/test.lock | .venv/bin/python
	$(PIP) --editable '.[test]'
	@touch $@ .venv/ready
