# routerd: every target makes what it needs, once, and repeats nothing that is done.
#   make run        the daemon in the foreground, on conf/routerd.toml
#   make test       every test, against real phones and servers too (Debian packages are installed when root)
#   make lint types ruff and import-linter; mypy --strict
#   make bench      CPU, latency and memory a call, beside Kamailio and sippy
#   make simulate   seeded worlds: SEEDS=1..1000 (default: 300 seeds from the commit)
#   make soak       the long runs: SOAK_CALLS, SOAK_SECONDS, SOAK_SEEDS
#   make lock       solve the requirements anew
#   make prompts    the shipped sounds anew (needs espeak-ng)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
STAMPS := $(VENV)/.stamps
WORKERS ?= 3
PYTEST_ARGS ?=
BENCH_ARGS ?=
SETTINGS ?= conf/routerd.toml
SEEDS ?=
SOAK_CALLS ?= 20000
SOAK_SECONDS ?= 600
SOAK_SEEDS ?= 10000

.PHONY: run test lint types bench simulate soak lock prompts clean programs
.DEFAULT_GOAL := test

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit("routerd needs Python 3.11 or newer, found " + sys.version) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: requirements/runtime.lock pyproject.toml | $(STAMPS)/venv
	@echo "installing the runtime's packages"
	@$(PIP) install -r requirements/runtime.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(STAMPS)/test: requirements/test.lock $(STAMPS)/runtime
	@echo "installing the tests' packages"
	@$(PIP) install -r requirements/test.lock
	@touch $@

$(STAMPS)/dev: requirements/dev.lock $(STAMPS)/test
	@echo "installing the developers' packages"
	@$(PIP) install -r requirements/dev.lock
	@touch $@

programs:
	@requirements/programs.sh

run: $(STAMPS)/runtime
	@exec $(BIN)/routerd run --settings $(SETTINGS)

test: $(STAMPS)/dev programs
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

lint: $(STAMPS)/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

types: $(STAMPS)/dev
	@$(BIN)/mypy

bench: $(STAMPS)/dev programs
	@PYTHONPATH=benchmarks $(BIN)/python -m signalling $(BENCH_ARGS)

simulate: $(STAMPS)/dev
	@ROUTERD_SEEDS="$(SEEDS)" $(BIN)/python -m pytest tests/simulation $(PYTEST_ARGS)

soak: $(STAMPS)/dev programs
	@ROUTERD_SOAK=1 ROUTERD_SOAK_CALLS=$(SOAK_CALLS) ROUTERD_SOAK_SECONDS=$(SOAK_SECONDS) ROUTERD_SEEDS=1..$(SOAK_SEEDS) \
		$(BIN)/python -m pytest -m soak $(PYTEST_ARGS)

lock: $(STAMPS)/venv
	@$(BIN)/python requirements/lock.py

prompts: $(STAMPS)/dev programs
	@$(BIN)/python conf/make_sounds.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
