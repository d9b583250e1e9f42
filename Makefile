# Two commands do all: `make demo` and `make test`. Both build the environment in .venv first.
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
# cpu: smaller torch wheels without CUDA, from the index that uv knows for them (needs that network).
TORCH ?= default

BIN := .venv/bin
# uv itself, fetched by pip into a folder of its own: the one tool that a machine with Python and pip lacks.
UV := PYTHONPATH=.uv .uv/bin/uv

.PHONY: demo why test test-fast test-slurm lint format lock schema env clean-env

env: .venv/.complete

.venv/.complete: requirements.lock pyproject.toml
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --upgrade --target .uv uv
	$(UV) venv --quiet --clear --python "$$(command -v $(PYTHON))" .venv
ifeq ($(TORCH),cpu)
	$(UV) pip install --quiet --python $(BIN)/python --torch-backend cpu --editable '.[test]'
else
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
endif
	touch $@

demo: env
	$(BIN)/snakemake --cores $(CORES)

# Why jobs would run, in words: make why ARGS="--configfile config/planes.yaml"
why: env
	@$(BIN)/python -m podium.workflow.why $(ARGS)

test: env
	$(BIN)/python -m pytest

test-fast: env
	$(BIN)/python -m pytest -m "not slow"

# Starts a Slurm on this machine, after it has installed one where it is missing: as root on Debian, skipped elsewhere.
# Some of them: make test-slurm SLURM_TESTS=tests/slurm/test_chain.py
SLURM_TESTS ?= tests/slurm
test-slurm: env
	$(BIN)/python -m pytest -n 2 $(SLURM_TESTS)

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

lock: env
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	  --extra test pyproject.toml -o requirements.lock

schema: env
	$(BIN)/python -m podium.config.schema
	$(BIN)/python -m podium.training.library_names

clean-env:
	rm -rf .venv .uv
