# make demo   from labelled data to a checked bitstream, on scikit-learn's digits
# make test   lint and the fast tests          make test-all   the slow ones too
# make bench  the benchmarks of a few minutes; the others in benchmarks/ say what they ask for
# make docs   the documentation as a static site in build/site
# make venv   .venv with the project and its development extras
PYTHON ?= $(firstword $(shell command -v python3.11 python3.12 python3.13 python3 2>/dev/null) python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: demo test test-all lint venv icarus bench docs clean

$(READY): pyproject.toml scripts/setup-venv
	@scripts/setup-venv "$(PYTHON)" $(VENV)
	@touch $(READY)
	@echo "lut2hw is installed; to have it on the PATH: . $(VENV)/bin/activate"

venv: $(READY)

icarus:
	@scripts/setup-icarus

demo: venv icarus
	@scripts/demo $(BIN)

lint: venv
	$(BIN)/ruff check lut2hw tests benchmarks examples sim hdl_templates scripts/docs_hooks.py scripts/pictures
	$(BIN)/mypy

test: venv icarus lint
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

test-all: venv icarus lint
	LUT2HW_HYPOTHESIS=random $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "slow or not slow"

bench: venv
	@for name in startup memorize compile_time; do echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

docs: venv
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open build/site/index.html"

clean:
	rm -rf build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
