# Needs a Python from 3.11 to 3.13 with its venv module; everything else is installed into .venv.
# Another Python: make run PYTHON=python3.12. Arguments for pytest: make test ARGS="-k lab -x".

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --constraint requirements.lock --editable
# uv writes the lock, for all systems and Pythons at once.
UV := uv==0.13.8
AUDIT := pip-audit==2.10.1

# Two processes share the tests, a file at a time: each has a server and a browser of its own.
TWO := --numprocesses 2 --dist loadfile

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-slow check audit format lock clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Install if needed, then serve the essay (its address is printed)
	@exec $(BIN)/streamlit run app.py $(ARGS)

test: $(VENV)/.test ## Install if needed, find a Chromium, run the tests
	@CHROMIUM="$$($(BIN)/python tests/browser/find_chromium.py --install)" && export CHROMIUM \
		&& $(BIN)/python -m pytest $(TWO) $(ARGS)

test-slow: $(VENV)/.test ## The long checks
	@CHROMIUM="$$($(BIN)/python tests/browser/find_chromium.py --install)" && export CHROMIUM \
		&& $(BIN)/python -m pytest -m slow $(TWO) $(ARGS)

check: $(VENV)/.dev ## Formatting, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

audit: $(VENV)/.run ## Known faults of the pinned dependencies; asks pypi.org, so not part of check
	@$(PIP) install --quiet --constraint requirements.lock '$(AUDIT)'
	$(BIN)/pip-audit --disable-pip --no-deps --strict --requirement requirements.lock $(ARGS)

format: $(VENV)/.dev ## Put formatting and imports right
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: | $(BIN)/python ## Bring requirements.lock in line with pyproject.toml (ARGS=--upgrade: newest of all)
	@$(PIP) install --quiet '$(UV)'
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
		--extra gpu --extra test --extra dev --no-emit-index-url --custom-compile-command 'make lock' \
		--output-file requirements.lock $(ARGS) pyproject.toml

clean: ## Remove .venv and caches
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

# A stamp says that its extras are installed as pyproject.toml and the lock now ask.
$(VENV)/.run: pyproject.toml requirements.lock | $(BIN)/python
	$(INSTALL) .
	@touch $@

$(VENV)/.test: pyproject.toml requirements.lock | $(BIN)/python
	$(INSTALL) '.[test]'
	@touch $(VENV)/.run $@

$(VENV)/.dev: pyproject.toml requirements.lock | $(BIN)/python
	$(INSTALL) '.[test,dev]'
	@touch $(VENV)/.run $(VENV)/.test $@

$(BIN)/python:
	@command -v $(PYTHON) > /dev/null \
		|| { echo "No $(PYTHON) found: install Python 3.11, 3.12 or 3.13, or name one, as in: make run PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.exit(1)' \
		|| { echo "$(PYTHON) is $$($(PYTHON) -V 2>&1), but 3.11, 3.12 or 3.13 is needed; name one, as in: make run PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null \
		|| { echo "$(PYTHON) lacks its venv module: on Debian or Ubuntu, install the package python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
