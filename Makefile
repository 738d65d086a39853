# Every target sets up what it needs in .venv (scripts/setup.sh: quick when it is there already).
BIN := .venv/bin
PYTHON := $(BIN)/python
ARGS ?=

# Nothing calls out, and Ray makes no token files, unless the config or the caller says so.
export RAY_USAGE_STATS_ENABLED ?= 0
export RAY_AUTH_MODE ?= disabled
export WANDB_MODE ?= disabled

.DEFAULT_GOAL := help
# of docs/results.md
SWEEPS := $(addprefix configs/sweeps/,robotics.yaml behaviors.yaml labels-stop-early.yaml)
.PHONY: help setup packages demo test test-all lint format bench docs results lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Set up everything in .venv, without running anything
	@scripts/setup.sh "make $(MAKECMDGOALS)"

packages:
	@scripts/setup.sh "make $(MAKECMDGOALS)" --packages-only

demo: setup ## Teach a half-cheetah to run by at most 200 comparisons; at most 15 minutes on 2 cores
	@$(BIN)/rlhp-ray train configs/demo.yaml $(ARGS)

test: setup ## Tests, but the slow ones; ARGS are pytest's
	@$(PYTHON) -m pytest -m "not slow" $(ARGS)

test-all: setup ## All tests
	@$(PYTHON) -m pytest $(ARGS)

lint: packages ## Style, types, the order of packages, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTHON) -m rlhp_ray.config.docs --check
	$(PYTHON) -m rlhp_ray.telemetry.docs --check
	$(PYTHON) -m rlhp_ray.telemetry.grafana --check
	$(PYTHON) scripts/dependencies.py --check
	scripts/check_paths.sh
	@mkdir -p build && rm -rf build/results*
	$(BIN)/rlhp-ray report $(SWEEPS) -o build/results.md
	@diff -q docs/results.md build/results.md && diff -rq docs/results-charts build/results-charts || { echo 'docs/results.md is not what the results say: type `make results`.' >&2; exit 1; }

format: packages ## Put the code into ruff's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Speed beside other tools and the true reward: half-cheetah, or ARGS="NAME... --pairs N"
	@$(PYTHON) -m benchmarks $(ARGS)

docs: packages ## Write what is generated: configuration, metrics, dependencies, Grafana's dashboard
	$(PYTHON) -m rlhp_ray.config.docs
	$(PYTHON) -m rlhp_ray.telemetry.docs
	$(PYTHON) -m rlhp_ray.telemetry.grafana
	$(PYTHON) scripts/dependencies.py

results: packages ## Write docs/results.md from what the sweeps have made so far
	rm -rf docs/results-charts
	$(BIN)/rlhp-ray report $(SWEEPS) -o docs/results.md

lock: packages ## Resolve pyproject.toml anew into requirements.lock
	$(PYTHON) scripts/lock.py

clean: ## Remove .venv and all caches; runs/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build rlhp_ray.egg-info
	find rlhp_ray tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
