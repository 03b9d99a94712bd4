# Everything a contributor types; `make` alone lists it.

PYTHON ?= python3
ARGS   ?=
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := outputs/demo

.DEFAULT_GOAL := help
.SILENT:
.PHONY: help demo test lint bench outputs pictures clean

help:
	echo "make demo    derive document 000's network, check its gradients, train it; results in $(DEMO)/"
	echo "make test    the whole test suite        (ARGS=\"-m 'not slow'\" passes options to pytest)"
	echo "make lint    ruff, pyright, import-linter"
	echo "make bench   the benchmarks, with their picture in outputs/  (ARGS=\"-k 'P2 and symbackprop'\" measures less)"
	echo "make outputs the curated sheets in outputs/, written anew"
	echo "make pictures the pictures of sheets in README.md, taken anew (needs Chromium)"
	echo "make clean   remove everything that make made"

# Print a symbackprop command, then run it.
run = printf '\n$$ symbackprop %s\n' '$(1)' && $(BIN)/symbackprop $(1)

demo: $(VENV)/installed-plot
	mkdir -p $(DEMO)
	$(call run,derive two-two-one -o $(DEMO)/two-two-one.md)
	$(call run,gradcheck two-two-one)
	$(call run,train two-two-one --data tests/data/xor.csv --rate 5 --epochs 5000 --seed 0 \
	    --plot $(DEMO)/loss.png -o $(DEMO)/trained.npz)
	$(call run,predict two-two-one --values $(DEMO)/trained.npz --data tests/data/xor.csv)
	printf '\nThe sheet, the loss curve and the trained weights are in $(DEMO)/\n'

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest --quiet --numprocesses auto --dist loadgroup --benchmark-skip $(ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/installed-bench
	$(BIN)/python -m pytest tests/benchmarks --quiet --benchmark-only --benchmark-columns=min,median,max,rounds $(ARGS)

outputs: $(VENV)/installed-dev
	$(BIN)/python -m tests.curated

pictures: $(VENV)/installed-dev
	$(BIN)/python -m tests.pictures

clean:
	rm -rf $(VENV) $(DEMO) build dist .benchmarks .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find symbackprop tests -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of extras: installed again only when pyproject.toml changes.
$(VENV)/installed-%: pyproject.toml | $(BIN)/python
	echo "Installing symbackprop[$*] into $(VENV) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	touch $@

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "symbackprop needs Python 3.11 or newer, and '$(PYTHON)' is not; try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
