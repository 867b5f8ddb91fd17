# Bare `make` lists the commands. Everything a command needs it installs into .venv, from the package registries.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
SRC := src tests benchmarks examples

.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix bench docs lock clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "furze needs Python 3.11 or newer: no '$(PYTHON)' found"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "furze needs Python 3.11 or newer: '$(PYTHON)' is older"; exit 1; }
	@echo "Installing into .venv …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.13,<0.14"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps "uv>=0.13,<0.14" --editable .
	@touch $@

setup: $(STAMP) ## Install furze and its tools into .venv

demo: $(STAMP) ## Start furze, send a month of a shop's traffic, export it, ask questions, stay up
	@$(BIN)/furze demo

test: $(STAMP) ## Run every test
	@$(BIN)/python -m pytest -n auto

check: $(STAMP) ## What CI runs: format, lint, types, import contracts, tests
	$(BIN)/ruff format --check $(SRC)
	$(BIN)/ruff check $(SRC)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto

fix: $(STAMP) ## Format, and mend what lint can mend
	$(BIN)/ruff format $(SRC)
	$(BIN)/ruff check --fix $(SRC)

bench: $(STAMP) ## Run every benchmark and write benchmarks/results/
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs: $(STAMP) ## Write the generated part of docs/reference/
	$(BIN)/python -m furze.reference docs/reference

lock: $(STAMP) ## Resolve the dependencies again into requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
	  --python-version 3.11 pyproject.toml --group dev --output-file requirements.lock

clean: ## Remove what the commands above made
	rm -rf .venv demo-data .mypy_cache .ruff_cache .import_linter_cache .hypothesis
