# Every target makes .venv by itself; it is made again only when the lock or pyproject.toml changed.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ARGS ?=
WORKERS ?= 4
S4_DESCRIPTION := @sap/cloud-sdk-vdm-business-partner-service

.PHONY: demo unit test prove night bench lint format lock peers clean

demo: $(STAMP) ## one business day against the local sandbox
	@$(BIN)/connector demo $(ARGS)

unit: $(STAMP) ## rules without sockets, databases and processes, in seconds
	@$(BIN)/python -m pytest -q -n 2 -m "unit and not long and not night" $(ARGS) \
		$$(grep -rlE '^pytestmark = .*mark\.unit' tests)

test: $(STAMP) ## all tests, on SQLite and PostgreSQL
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

prove: $(STAMP) ## the long proofs: months, matrices, kills, on both databases
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m long $(ARGS)

night: $(STAMP) ## every row of every table, which takes hours; the log is kept in var/night
	@mkdir -p var/night
	@set -o pipefail; $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -v -m night $(ARGS) 2>&1 \
		| tee var/night/$$(date -u +%Y-%m-%dT%H%M%SZ).log

peers: ## for tests: node's SOAP library for other DMS servers, SAP's description of its partner service
	@npm install --silent --no-package-lock --no-audit --no-fund --prefix var/peers soap@1.13.0
	@cd var/peers && npm pack --silent $(S4_DESCRIPTION)@2.1.0 >/dev/null \
		&& mkdir -p s4 && tar -xzf sap-cloud-sdk-vdm-business-partner-service-2.1.0.tgz -C s4

bench: $(STAMP) ## speed, as ratios against a bare loop or a peer in the same run
	@$(BIN)/python -m benchmarks $(ARGS)

lint: $(STAMP) ## style, types, layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy connector tests benchmarks
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(STAMP) ## exact pins of everything but rfc-sap, without registry addresses
	$(BIN)/pip-compile -q --strip-extras --no-emit-index-url --no-emit-trusted-host \
		--no-emit-find-links --no-header --no-annotate --extra rfc --extra postgres --extra s3 --extra otel --extra dev \
		--output-file requirements.lock pyproject.toml

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . \
		|| $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

clean:
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache
