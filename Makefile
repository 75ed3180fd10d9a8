# make demo   from labelled data to a checked bitstream, on scikit-learn's digits
# make test   lint and the fast tests, the same run for everybody
# make test-all   the slow tests too, with fresh random seeds; says how to repeat a failure
#                 LUT2HW_HOURS=1 draws random networks for an hour instead of a minute
# make bench  the benchmarks of a few minutes; the others in benchmarks/ say what they ask for
# make docs   the documentation as a static site in build/site
# make venv   .venv with the project and all that its development needs
PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3.14 python3 2>/dev/null) python3)
VENV := .venv
BIN := $(VENV)/bin
DEV := $(VENV)/.ready-dev
DEMO := $(VENV)/.ready-demo
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PYTEST := $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

.PHONY: demo test test-all lint format venv tools bench docs clean

$(DEV): pyproject.toml requirements.lock scripts/setup-venv
	@scripts/setup-venv "$(PYTHON)" $(VENV) dev
	@touch $(DEMO) $(DEV)
	@echo "lut2hw is installed; to have it on the PATH: . $(VENV)/bin/activate"

$(DEMO): pyproject.toml requirements.lock scripts/setup-venv
	@scripts/setup-venv "$(PYTHON)" $(VENV) demo
	@touch $(DEMO)

venv: $(DEV)

tools:
	@scripts/setup-tools iverilog icebox_vlog ghdl tclsh

demo: $(DEMO)
	@scripts/setup-tools iverilog
	@scripts/demo $(BIN)

lint: venv
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: venv
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

test: venv tools lint
	$(PYTEST)

test-all: venv tools lint
	LUT2HW_HYPOTHESIS=random $(PYTEST) -m "slow or not slow"

bench: venv
	@for name in startup memorize compile_time; do echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

docs: venv
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open build/site/index.html"

clean:
	rm -rf build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
