# Two commands set everything up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate

.PHONY: help setup demo serve test soak lint fuzz protos audit sbom licences lock bench clean

help:  ## Show what can be made.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# The lock names everything, so nothing is left to resolve: a resolver may prefer a release that is newer.
$(INSTALLED): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(INSTALLED)  ## Create .venv with everything, from the hash-locked requirements.

demo: $(INSTALLED)  ## Rebalance portfolios on embedded parts (ARGS="--portfolios 200").
	@$(BIN)/ordergen demo --report .build/report.html $(ARGS)

serve: $(INSTALLED)  ## Keep the embedded stack up until Ctrl-C (ARGS="--portfolios 200").
	@$(BIN)/python -m ordergen_server.sandbox --rest-port 8080 $(ARGS)

lint: $(INSTALLED)  ## ruff, mypy strict, import contracts.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## All checks and tests, with branch coverage.
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -n 2 --dist worksteal -m by_oracle $(ARGS)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not by_oracle" --cov --cov-report=term $(ARGS)

# SECONDS of the shell is not exported, so only `make fuzz SECONDS=...` sets it.
fuzz: $(INSTALLED)  ## Try the optimizer on ever new problems (SECONDS=600 ARGS="--json").
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60) $(ARGS)

soak: $(INSTALLED)  ## All tests in their long forms: more kills, longer lists, more examples.
	ORDERGEN_TESTS_LONG=1 $(BIN)/python -m pytest -n 2 --dist worksteal -o timeout=7200 $(ARGS)

protos: $(INSTALLED)  ## Make generated/ again from protos/.
	$(BIN)/python -m tools.protos generate

audit: $(INSTALLED)  ## Look for advisories about what is locked (ADVISORIES=file.json or all.zip: offline).
	@$(BIN)/python -m tools.audit $(if $(ADVISORIES),--advisories $(ADVISORIES)) $(ARGS)

sbom: $(INSTALLED)  ## Write .build/sbom.json: CycloneDX of what the image has.
	@$(BIN)/python -m tools.sbom $(ARGS)

licences: $(INSTALLED)  ## Make docs/licences.md again, after `make lock` and `make setup`.
	$(BIN)/python -m tools.licences generate

lock: $(INSTALLED)  ## Make the lock files again from pyproject.toml.
	$(LOCK) --all-extras --group dev pyproject.toml -o requirements.txt
	$(LOCK) --extra server --extra otel --extra scale --extra rest --constraint requirements.txt pyproject.toml -o requirements-server.txt

bench: $(INSTALLED)  ## Measure, and write docs/benchmarks.md.
	$(BIN)/python -m tests.benchmarks $(ARGS)

clean:
	rm -rf $(VENV) .build .sandbox .mypy_cache .ruff_cache .pytest_cache
