# Everything a developer does; each target sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test check pictures docs fix lock

help: ## show the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/ready ## make .venv with exact, hashed versions and the command haltbot in it

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## try it: a Slack and a Bitrix24 on this machine, and the real bot
	@$(BIN)/haltbot demo
	@if [ -t 1 ]; then $(BIN)/haltbot demo --serve; fi

test: setup ## run the tests
	$(BIN)/python -m pytest

check: setup ## lint, types, layers, coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

pictures: setup ## make the README's pictures anew, by the browser's tests
	PICTURES=$(CURDIR)/docs/pictures REQUIRE_BROWSER=1 $(BIN)/python -m pytest -q tests/browser

docs: setup ## write the README's tables anew, from the code
	$(BIN)/python tests/readme.py

fix: setup ## format, and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup ## choose the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.lock
