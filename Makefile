# `make demo` shows the gate on a made-up release; `make test` runs every test that needs no server.
.DEFAULT_GOAL := demo
.PHONY: demo test lint format types imports lock clean

PYTHON ?= python3
SCENARIO ?= promote
UNITS ?= 200000
DEMO ?= demo
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes
UV ?= uv
COMPILE := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml

demo: $(VENV)/runtime.stamp ## make SCENARIO=contaminated demo, make SCENARIO=rollback demo: the gate closed
	@code=0; $(RUN) -m coordinator demo --scenario $(SCENARIO) --units $(UNITS) --directory $(DEMO) || code=$$?; \
	echo; \
	test -f $(DEMO)/release-gate/report.json || { echo "The demo did not work."; exit 1; }; \
	echo "The release and its report are in $(DEMO)/ (read $(DEMO)/release.yml and $(DEMO)/release-gate/)."; \
	case $(SCENARIO)$$code in \
	promote0) echo "Exit code 0: the gate is open." ;; \
	contaminated1|rollback1) echo "Exit code 1: the gate is closed, as it should be here; in a workflow the job fails." ;; \
	*) echo "Exit code $$code: not what this scenario is made for."; exit 1 ;; \
	esac

test: $(VENV)/dev.stamp
	$(RUN) -m pytest -q -n 2 -m "not server and not container"

lint: $(VENV)/dev.stamp
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(VENV)/dev.stamp
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

types: $(VENV)/dev.stamp
	$(RUN) -m mypy

imports: $(VENV)/dev.stamp
	$(VENV)/bin/lint-imports

# Writes requirements/runtime.txt and requirements/dev.txt anew, for Python 3.11 to 3.13 on every platform.
lock:
	$(COMPILE) -o requirements/runtime.txt
	$(COMPILE) --group dev -o requirements/dev.txt

clean:
	rm -rf $(VENV) demo release-gate build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# One environment for both. A stamp that is older than its lock file means that packages must be looked at again.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, such as: make PYTHON=python3.13")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "venv is missing: on Debian and Ubuntu, apt install python3-venv"; exit 1; }

$(VENV)/runtime.stamp: requirements/runtime.txt | $(VENV)/bin/python
	@test $(VENV)/dev.stamp -nt requirements/dev.txt || { echo "installing packages into $(VENV) ..."; $(PIP) -r $<; }
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt | $(VENV)/bin/python
	@echo "installing packages for the tests into $(VENV) ..."
	@$(PIP) -r $<
	@touch $@
