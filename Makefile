# Every target does its own set-up: Python 3.11 or newer, pip and make are all a machine needs.
#
#   make demo       a made-up person's export, from request to verified download
#   make test       all tests but the long ones, with coverage
#   make promises   the long tests, one or more for each promise
#   make check      lint, format, types, the direction of imports
#   make docs       run every code block in the docs, then build them
#   make bench      rows, bytes and tickets per second and peak memory beside a plain exporter and a plain copy
#   make pictures   the report as a person sees it, on phone, desktop and paper (needs chromium, fonts-noto-core, poppler-utils)
#   make flask      the Flask example on http://127.0.0.1:8000 (PORT changes that)
#   make fastapi    the FastAPI example, likewise
#   make clean      remove the environment and everything built

.DEFAULT_GOAL := test
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: demo test promises check docs bench pictures flask fastapi clean

VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
# Newer ones want a newer Node.js than Debian has.
AZURITE := 3.35.0

# The first Python here that is new enough; a name can be found and still be none, so each is tried.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check \
	--constraint constraints.txt --build-constraint constraints.txt
PINS := pyproject.toml constraints.txt

demo: $(VENV)/.with-cli
	$(BIN)/streampay-export demo

test: $(VENV)/.with-dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not promise" -n auto --maxprocesses 4
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	@$(BIN)/coverage json --quiet --fail-under 0 -o - | $(BIN)/python -c 'import json, sys; \
		branches = json.load(sys.stdin)["totals"]["percent_branches_covered"]; \
		print(f"branches covered: {branches:.1f} %"); sys.exit(branches < 95)'

promises: $(VENV)/.with-dev $(VENV)/.with-azurite
	$(BIN)/python -m pytest -m promise --timeout 900 -n 2

check: $(VENV)/.with-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/mypy --strict tests/typing
	$(BIN)/pyright --warnings tests/typing
	$(BIN)/lint-imports

docs: $(VENV)/.with-dev
	$(BIN)/python -m pytest docs README.md
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -b html docs docs/_build/html
	@echo "docs/_build/html/index.html is built"

bench: $(VENV)/.with-dev
	$(BIN)/python -m tests.benchmarks

pictures: $(VENV)/.with-dev
	$(BIN)/python -m tests.browser

flask: $(VENV)/.with-examples
	STREAMPAY_DEMO=1 PORT=$(PORT) $(BIN)/python examples/flask_app/app.py

fastapi: $(VENV)/.with-examples
	STREAMPAY_DEMO=1 PORT=$(PORT) $(BIN)/python examples/fastapi_app/app.py

clean:
	rm -rf $(VENV) .nox build dist docs/_build pictures htmlcov .coverage .coverage.* \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -path ./.git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is made once, and again when the dependencies change.
$(VENV)/.with-cli: $(PINS) | $(VENV)/.with-pip
	@echo "installing streampay-export and its command line into $(VENV)"
	@$(INSTALL) --editable '.[cli]'
	@touch $@

$(VENV)/.with-examples: $(PINS) | $(VENV)/.with-pip
	@echo "installing streampay-export and what its examples use into $(VENV)"
	@$(INSTALL) --editable . --group examples
	@touch $@

$(VENV)/.with-dev: $(PINS) | $(VENV)/.with-pip
	@echo "installing streampay-export and everything its developers use into $(VENV)"
	@$(INSTALL) --editable '.[azure,celery,cli,fast,mariadb,postgres,procrastinate,s3]' --group dev
	@touch $@ $(VENV)/.with-cli $(VENV)/.with-examples

# A stand-in for Azure Blob Storage, which npm has; without npm the tests that need it skip, and say so.
$(VENV)/.with-azurite: | $(VENV)/.with-pip
	@if command -v npm >/dev/null; then echo "installing azurite $(AZURITE) into $(VENV)/azurite"; \
		npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(VENV)/azurite azurite@$(AZURITE) && touch $@; \
	else echo "no npm here: no azurite, no tests of Azure"; fi

# Debian splits ensurepip off into python3-venv; where it is missing, the machine's own pip puts pip there.
$(VENV)/.with-pip:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found: install one, or say make PYTHON=/its/path."; exit 2; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 \
		|| { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; } \
		|| { rm -rf $(VENV); echo "$(PYTHON) cannot make an environment: install its venv module (Debian: apt-get install python3-venv)."; exit 2; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --upgrade --constraint constraints.txt pip
	@touch $@
