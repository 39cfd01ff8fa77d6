# Two commands set everything up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CHECKOV := .build/checkov/.installed
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate --no-emit-package globeco-ordergen-client
SERVER := --extra server --extra otel --extra scale --extra rest

.PHONY: help setup demo serve test soak order-kills lint fuzz rest-fuzz openapi protos audit sbom licences lock platforms bench clean
.PHONY: site
.PHONY: test-unit test-oldest-client test-oldest test-newest docs upgrade propose scan deploy
.PHONY: image-build image-push image-scan image-sign image-verify image-promote
.PHONY: release-prepare release-check release-notes release-tag release-publish

help:  ## Show what can be made.
	@grep -hE '^[a-z -]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# The lock names everything, so nothing is left to resolve: a resolver may prefer a release that is newer.
$(INSTALLED): requirements.txt pyproject.toml ordergen_client/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable ./ordergen_client
	@touch $@

setup: $(INSTALLED)  ## Create .venv with everything, from the hash-locked requirements.

demo: $(INSTALLED)  ## Rebalance portfolios on embedded parts (ARGS="--portfolios 200").
	@$(BIN)/ordergen demo --report .build/report.html $(ARGS)

serve: $(INSTALLED)  ## Keep the embedded stack up until Ctrl-C (ARGS="--portfolios 200").
	@$(BIN)/ordergen serve $(ARGS)

lint: $(INSTALLED)  ## ruff, mypy strict, import contracts.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Its dependencies do not go together with ours: it has a lock and an environment of its own. uv takes a tenth of
# pip's time; pip is there for a machine on which it alone is told where packages are.
CHECKOV_INSTALL := --quiet --require-hashes --no-deps -r requirements-checkov.txt
$(CHECKOV): requirements-checkov.txt
	$(PYTHON) -m venv --clear $(@D)
	$(BIN)/uv pip install --python $(@D)/bin/python $(CHECKOV_INSTALL) \
		|| $(@D)/bin/python -m pip install --disable-pip-version-check $(CHECKOV_INSTALL)
	@touch $@

# They spend a third of their time waiting for something to be late: three fill two processors.
test: lint $(CHECKOV)  ## All checks and tests, with branch coverage.
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -n 2 --dist worksteal -m by_oracle $(ARGS)
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not by_oracle" --cov --cov-report=term $(ARGS)

test-unit: $(INSTALLED)  ## The tests that need no database.
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/unit $(ARGS)

# SECONDS of the shell is not exported, so only `make fuzz SECONDS=...` sets it.
fuzz: $(INSTALLED)  ## Try the optimizer on ever new problems (SECONDS=600 ARGS="--json").
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60) $(ARGS)

soak: $(INSTALLED)  ## All tests in their long forms: more kills, longer lists, more examples.
	ORDERGEN_TESTS_LONG=1 $(BIN)/python -m pytest -n 2 --dist worksteal -o timeout=7200 $(ARGS)

order-kills: $(INSTALLED)  ## Kill servers, databases and order services 20 times each amid submissions of 500 orders.
	ORDERGEN_TESTS_LONG=1 $(BIN)/python -m pytest -n 1 -o timeout=7200 tests/faults/test_order_kills.py $(ARGS)

rest-fuzz: $(INSTALLED)  ## Hold the REST front to its document, 50 requests an operation (ARGS="--examples 200").
	@$(BIN)/python -m tests.rest_fuzz $(ARGS)

openapi: $(INSTALLED)  ## Make docs/openapi.json again from protos/ and the REST front.
	$(BIN)/python -m tools.openapi generate

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
	$(LOCK) $(SERVER) --constraint requirements.txt pyproject.toml -o requirements-server.txt
	$(LOCK) $(SERVER) --extra embedded --constraint requirements.txt pyproject.toml -o requirements-sandbox.txt
	$(BIN)/python -m tools.extremes
	$(LOCK) --group checkov -o requirements-checkov.txt

platforms: $(INSTALLED)  ## Install what the images have for amd64 and arm64 into .build/, by its hashes.
	@for machine in x86_64 aarch64; do \
		$(BIN)/uv pip install --quiet --no-deps --only-binary :all: --require-hashes --python-version 3.13 \
			--python-platform $$machine-manylinux_2_28 --target .build/platforms/$$machine \
			-r requirements-sandbox.txt && echo "$$machine: everything is there." || exit 1; \
	done

bench: $(INSTALLED)  ## Measure, and write docs/benchmarks.md.
	$(BIN)/python -m tests.benchmarks $(ARGS)

# What is said on the wire, and to whom: the rest knows nothing of gRPC and protobuf. Pages are looked at with what is
# locked: these environments have no browser, and no schemathesis.
WIRE := tests/unit/api tests/unit/client tests/integration/api tests/integration/client tests/integration/siblings \
	tests/e2e --ignore tests/integration/client/report \
	$(addprefix --ignore tests/e2e/,test_readme.py test_pages.py rest/test_deploy_smoke.py rest/test_pages.py) \
	$(addprefix --ignore tests/e2e/rest/,test_document.py test_v1_report.py)

test-oldest-client: WIRE := tests/unit/client tests/unit/api/messages

test-oldest-client test-oldest test-newest: test-%: .build/%/.installed  ## Tests of the wire, with the oldest or newest gRPC and protobuf.
	.build/$*/bin/python -m pytest -n 2 --dist worksteal $(WIRE) $(ARGS)

.build/%/.installed: requirements-%.txt pyproject.toml ordergen_client/pyproject.toml
	$(PYTHON) -m venv .build/$*
	.build/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	.build/$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	.build/$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable ./ordergen_client
	@touch $@

docs: $(INSTALLED)  ## Whether the pages that are made are current.
	$(BIN)/python -m tools.protos check
	$(BIN)/python -m tools.configuration check
	$(BIN)/python -m tools.openapi check
	$(BIN)/python -m tools.licences check

site: $(INSTALLED)  ## Build docs/ as a site into .build/site, without a network.
	@$(BIN)/python -m tools.site

upgrade: $(INSTALLED)  ## Lock the newest releases that pyproject.toml allows, and install them.
	$(MAKE) lock LOCK='$(LOCK) --upgrade'
	$(MAKE) setup
	$(MAKE) licences

# Needs `gh` with a token that may write branches and pull requests.
propose:  ## What `make upgrade` changed, as a pull request.
	@if git diff --quiet; then echo "Nothing is newer."; else \
		git switch --force-create upgrade-locks && \
		git commit --all --message "Newer releases of dependencies" && \
		gh auth setup-git && \
		git push --force origin upgrade-locks && \
		{ gh pr view upgrade-locks --json state --jq .state | grep -q OPEN || \
		gh pr create --head upgrade-locks --title "Newer releases of dependencies" --body "Made by make upgrade."; }; \
	fi

scan: $(INSTALLED)  ## Trivy, Grype and Syft over these files, or IMAGE=name (ARGS="--severity critical").
	@$(BIN)/python -m tools.scan $(if $(IMAGE),--image $(IMAGE)) $(ARGS)

# IMAGE is a name with its registry and without a tag; CACHE a folder of layers.
image-build image-push image-sign image-verify image-promote: image-%: $(INSTALLED)  ## See docs/delivery.md.
	@$(BIN)/python -m tools.publish $* $(if $(IMAGE),--image $(IMAGE)) $(if $(CACHE),--cache $(CACHE)) $(ARGS)

image-scan: $(INSTALLED)  ## Scan what `make image-push IMAGE=name` pushed.
	@$(BIN)/python -m tools.scan --pushed $(or $(IMAGE),$(error IMAGE=name says which)) $(ARGS)

# `make release-prepare VERSION=0.2.0`, look at it, commit it, `make release-tag`, push the tag.
release-prepare release-check release-notes release-tag release-publish: release-%: $(INSTALLED)  ## See docs/delivery.md.
	@$(BIN)/python -m tools.release $* $(VERSION) $(FILES)

deploy: $(INSTALLED)  ## Bring an overlay to a cluster (OVERLAY=kubernetes/overlays/staging ARGS="--context staging").
	@$(BIN)/python -m tools.deploy $(or $(OVERLAY),$(error OVERLAY=folder says what, as kubernetes/overlays/staging)) $(ARGS)

clean:
	rm -rf $(VENV) .build .sandbox .mypy_cache .ruff_cache .pytest_cache
