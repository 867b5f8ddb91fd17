# Bare `make` lists the commands. Everything a command needs it installs into .venv, from the package registries.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
CONSOLE := src/furze/web/static/index.html
CONSOLE_SOURCES := $(shell find console -type f -not -path '*/node_modules/*' 2>/dev/null)
NPM := ../$(BIN)/python scripts/npm.py
SRC := src tests benchmarks examples

.DEFAULT_GOAL := help
.PHONY: help console console-types setup demo test check fix bench eval docs lock clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "furze needs Python 3.11 or newer: no '$(PYTHON)' found"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "furze needs Python 3.11 or newer: '$(PYTHON)' is older"; exit 1; }
	@echo "Installing into .venv …"; began=$$(date +%s); set -e; \
	test -x $(BIN)/python || $(PYTHON) -m venv .venv; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.13,<0.14"; \
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps "uv>=0.13,<0.14" --editable .; \
	$(BIN)/python -m compileall -q src; \
	echo "Installing took $$(($$(date +%s) - began)) s"
	@touch $@

# Node comes from a Python package; a console that can't be built is said loudly, and everything else works without it.
$(CONSOLE): $(STAMP) $(CONSOLE_SOURCES)
	@echo "Building the console …"; began=$$(date +%s); \
	if (cd console && $(NPM) ci --silent && $(NPM) run --silent build) >.venv/console.log 2>&1; \
	then touch $@; echo "Building the console took $$(($$(date +%s) - began)) s"; \
	else tail -20 .venv/console.log; echo "THE CONSOLE IS NOT BUILT, for the reason above: the API works without it."; fi

console: $(CONSOLE) ## Build the web console

console-types: $(STAMP)
	@$(BIN)/python -c 'import json; from furze.server import create_app; from furze.settings import Settings; \
	  print(json.dumps(create_app(Settings()).openapi()))' | (cd console && $(NPM) run --silent types)

setup: $(STAMP) $(CONSOLE) ## Install furze and its tools into .venv, build the console

demo: setup ## Start furze, send a month of a shop's traffic, export it, ask questions, stay up
	@$(BIN)/furze demo

test: setup ## Run every test
	@$(BIN)/python -m pytest -n auto

check: setup ## What CI runs: format, lint, types, import contracts, tests
	$(BIN)/ruff format --check $(SRC)
	$(BIN)/ruff check $(SRC)
	$(BIN)/mypy
	$(BIN)/lint-imports
	@# What a crowded machine makes fail is run once more, alone: a test that fails twice is broken, the others are named.
	$(BIN)/python -m pytest -n auto || { echo "FAILED AMONG THE OTHERS; once more, alone:"; \
	  $(BIN)/python -m pytest --last-failed --last-failed-no-failures none --maxfail 5 -v; }

fix: $(STAMP) ## Format, and mend what lint can mend
	$(BIN)/ruff format $(SRC)
	$(BIN)/ruff check --fix $(SRC)

bench: $(STAMP) ## Run every benchmark and write benchmarks/results/
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

eval: $(STAMP) ## Ask the assistant questions with known answers and write benchmarks/results/evaluation.json
	@$(BIN)/python benchmarks/evaluate.py

docs: $(STAMP) ## Write the generated part of docs/reference/
	$(BIN)/python -m furze.reference docs/reference
	$(BIN)/python -m tests.hogql.constructs docs/reference/hogql.md

lock: $(STAMP) ## Resolve the dependencies again into requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
	  --python-version 3.11 pyproject.toml --group dev --output-file requirements.lock

clean: ## Remove what the commands above made
	rm -rf .venv src/furze/web/static console/node_modules demo-data .mypy_cache .ruff_cache .import_linter_cache .hypothesis
