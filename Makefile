# Everything a developer does; each target sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
# Most of a story is waiting: several run at once, a file in one process, whose database and browser it shares. In the
# order of their names those that take longest are not the last.
TEST_OPTIONS ?= --numprocesses 3 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo test check chaos bench pictures docs words fix lock

help: ## show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

PIP := $(BIN)/pip --quiet --disable-pip-version-check

setup: .venv/ready ## make .venv with exact, hashed versions and the command haltbot in it

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and \
		f"Haltbot needs Python 3.11 or newer, and $(PYTHON) is {v[0]}.{v[1]}. Name another: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q bot handlers sandbox
	@touch $@

# What developing needs beside it.
.venv/developer: requirements-dev.lock .venv/ready
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

demo: setup ## try it: a Slack and a Bitrix24 on this machine, and the real bot
	@$(BIN)/haltbot demo
	@if [ -t 1 ]; then $(BIN)/haltbot demo --serve; fi

test: .venv/developer ## run the tests, and measure what they cover
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(TEST_OPTIONS)
	@$(BIN)/coverage combine --quiet
	@touch .covered

check: .venv/developer .covered ## lint, types, layers, coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/coverage report

# What the tests cover is measured again when something has changed since.
.covered: $(shell git ls-files '*.py' '*.js' manifest.yml pyproject.toml requirements-dev.lock)
	@$(MAKE) --no-print-directory test

chaos: .venv/developer ## send 10,000 commands while everything goes wrong: half an hour
	CHAOS=long REQUIRE_POSTGRES=1 $(BIN)/python -m pytest tests/chaos --override-ini faulthandler_timeout=0 --log-cli-level=WARNING

# What a user has: some libraries import more than they need where developers' tools lie beside them.
.venv/plain/ready: requirements.lock
	$(PYTHON) -m venv .venv/plain
	.venv/plain/bin/pip --quiet --disable-pip-version-check install --require-hashes --requirement requirements.lock
	@touch $@

bench: .venv/developer .venv/plain/ready ## measure beside what people write instead; BENCH=--quick for a minute's worth
	$(BIN)/python bench/run.py $(BENCH)

pictures: .venv/developer ## make the README's pictures anew, by the browser's tests
	PICTURES=$(CURDIR)/docs/pictures REQUIRE_BROWSER=1 $(BIN)/python -m pytest -q tests/browser

docs: .venv/developer ## write the tables of docs/ anew, from the code
	$(BIN)/python tests/generate_docs.py

words: .venv/developer ## collect the sentences, check their translations; NEW=ru begins one
	$(BIN)/python tests/words.py $(NEW)

fix: .venv/developer ## format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

lock: .venv/developer ## choose the newest versions that pyproject.toml allows
	$(COMPILE) --upgrade --extra postgres --extra otel --group dev --output-file requirements-dev.lock
	$(COMPILE) --extra postgres --group build --constraint requirements-dev.lock --output-file requirements.lock
