# Everything a user or contributor runs. Needs Python 3.11 or newer and make; environments are made from the lock files.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet --require-hashes
export PYTHONPATH := layers/core:.
export SAM_CLI_TELEMETRY := 0
.DEFAULT_GOAL := help
# The newest interpreter on this machine that Lambda has too: only a runtime's own version can write its bytecode.
RUNTIME ?= $(or $(firstword $(foreach v,3.14 3.13 3.12 3.11,$(if $(shell python$(v) -c '' 2>&1 || echo none),,python$(v)))),python3.11)
.PHONY: help run test lint types validate unit bench rehearse deploy lock openapi clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(VENV)/.local ## Start everything on this machine
	@exec $(BIN)/python -m local

test: lint types validate unit ## Check style, types and template, then run the whole test suite

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

validate: .venv-sam/.done
	.venv-sam/bin/sam validate --lint --region us-east-1

unit: $(VENV)/.dev
	$(BIN)/pytest -n 2 --dist worksteal -q $(ARGS)

bench: $(VENV)/.dev ## Measure speed and memory, print tables
	$(BIN)/python -m benchmarks

rehearse: $(VENV)/.dev .venv-sam/.done .venv-rehearse/.done ## Deploy the template to an emulator on this machine and run a story against it
	$(BIN)/python -m rehearse

deploy: export MAILROOM_LAYER_RUNTIME := $(RUNTIME)
deploy: .venv-sam/.done ## Build and deploy to AWS (RUNTIME=python3.14 for another runtime than this machine's newest)
	.venv-sam/bin/sam build --parameter-overrides PythonRuntime=$(RUNTIME)
	.venv-sam/bin/sam deploy --parameter-overrides PythonRuntime=$(RUNTIME) $(if $(wildcard .deployed),,--guided)
	@touch .deployed

openapi: $(VENV)/.dev ## Write openapi.yaml anew from the template and the contract
	$(BIN)/python -m tests.openapi

lock: ## Resolve the dependencies anew and write the lock files
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv
	for name in runtime local dev rehearse sam; do \
	  .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	    --no-emit-index-url --no-emit-find-links --no-header -o requirements/$$name.txt requirements/$$name.in; done

clean: ## Remove what builds and tests leave behind (not ./data)
	rm -rf .aws-sam .hypothesis .mypy_cache .pytest_cache .ruff_cache build

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Mailroom needs Python 3.11 or newer")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.local: requirements/local.txt | $(BIN)/python
	@echo "Installing what Mailroom needs ..." && $(PIP) -r $< && touch $@

$(VENV)/.dev: requirements/dev.txt | $(BIN)/python
	$(PIP) -r $< && touch $@ $(VENV)/.local

# The locks are complete: no resolver is needed, and pip's own stumbles over the extras among sam's pins.
.venv-sam/.done: requirements/sam.txt
	$(PYTHON) -m venv .venv-sam
	.venv-sam/bin/pip install --quiet --no-deps --require-hashes -r $< && touch $@

.venv-rehearse/.done: requirements/rehearse.txt
	$(PYTHON) -m venv .venv-rehearse
	.venv-rehearse/bin/pip install --quiet --no-deps --require-hashes -r $< && touch $@
