# Two commands matter: `make run` and `make test`. Both install what they need, from a bare checkout.
.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast fuzz bench lint lock assets clean

PYTHON ?= python3.11
BIN := .venv/bin
PEERS := tests/peers
# Root installs what Debian lacks; anybody else is told which packages to ask for.
RUN_PACKAGES := libpango-1.0-0 libpangoft2-1.0-0
TEST_PACKAGES := $(RUN_PACKAGES) chromium postgresql nodejs npm poppler-utils libnss3-tools openssl zbar-tools dcmtk

help:
	@echo "make run    start everything with a demo clinic (http://localhost:8000)"
	@echo "make test   the whole suite, on SQLite and on PostgreSQL"
	@echo "make fuzz   every door under hostile input, an hour (MINUTES=, SEED=, DOOR=, DATABASE=postgresql)"
	@echo "make bench  figures, side by side      make lint   ruff, mypy, programmes, known faults of packages"

.venv/ready-runtime: requirements/runtime.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@touch $@

.venv/ready-test: requirements/test.txt .venv/ready-runtime
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

.venv-fhir-validator/ready: requirements/fhir-validator.txt
	@test -d .venv-fhir-validator || $(PYTHON) -m venv .venv-fhir-validator
	@.venv-fhir-validator/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fhir-validator.txt
	@touch $@

$(PEERS)/node_modules/ready: $(PEERS)/package-lock.json
	@cd $(PEERS) && npm ci --silent --no-audit --no-fund
	@touch $@

.venv/ready-run-packages: Makefile
	@sh tools/install_system_packages.sh $(RUN_PACKAGES)
	@mkdir -p .venv && touch $@

.venv/ready-test-packages: Makefile
	@sh tools/install_system_packages.sh $(TEST_PACKAGES)
	@mkdir -p .venv && touch $@

setup: .venv/ready-run-packages .venv/ready-runtime

run: .venv/ready-run-packages .venv/ready-runtime
	@CLEARWAY_DEMO=1 exec $(BIN)/python -m integrations.supervisor

test-environment: .venv/ready-test .venv-fhir-validator/ready .venv/ready-test-packages $(PEERS)/node_modules/ready

# What tests write waits for no disk where memory has room for it, and Python is compiled once, not for each process
# (a test starts dozens), also where the environment says to keep nothing compiled.
SUITE := TMPDIR=$$(sh tools/find_test_folder.sh) PYTHONDONTWRITEBYTECODE= \
  $(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart=0

test: test-environment
	@echo "== lint" && $(MAKE) --no-print-directory lint
	@echo "== SQLite: everything" && $(SUITE)
	@echo "== PostgreSQL: everything that touches a database" && $(SUITE) -m database --database=postgresql

test-fast: .venv/ready-test
	@$(BIN)/pytest -q -x -m "not browser and not peers"

fuzz: .venv/ready-test
	@nice $(BIN)/python -m tests.fuzz $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(DOOR),--door $(DOOR)) $(if $(DATABASE),--database $(DATABASE))

bench: .venv/ready-test
	@$(BIN)/python -m bench $(if $(SIZE),--size $(SIZE))

.venv-audit/ready: requirements/audit.txt
	@test -d .venv-audit || $(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/audit.txt
	@touch $@

lint: .venv/ready-test .venv-audit/ready
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/flask --app wsgi check-programmes
	@$(BIN)/python tools/audit_dependencies.py

# For maintainers: renew the locks (no registry address in them), rebuild the front-end files.
lock:
	@$(BIN)/pip install --quiet pip-tools
	@for name in runtime test fhir-validator audit; do \
	  $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-find-links \
	    -o requirements/$$name.txt requirements/$$name.in; done

assets:
	@cd tools/assets && npm ci --silent && node build.js

clean:
	@rm -rf .venv .venv-fhir-validator .venv-audit $(PEERS)/node_modules tools/assets/node_modules
