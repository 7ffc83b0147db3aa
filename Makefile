# Everything a person runs by hand; CI runs the same (.ci/run).
.DEFAULT_GOAL := help
.PHONY: help install migrate rekey roles demo up test lint format requirements docs bench screenshots build sbom audit clean
SHELL := /bin/sh

# The commands that need more than the packages are Python: see include/commission_sync/local.
run := exec .venv/bin/python -P -m

help: ## Show this list
	@echo "Usage: make TARGET"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: ## Install what uv.lock says into .venv (PYTHON=… chooses the interpreter)
	@bin/install

migrate: install ## Bring both databases, Airflow's and ours, to the current schema
	@$(run) commission_sync.local.migrate

rekey: install ## Encrypt the stored OAuth tokens with the first of TOKEN_ENCRYPTION_KEYS (ARGS=new prints a key)
	@$(run) commission_sync.local.token_keys $(or $(ARGS),rotate)

roles: install ## Make the database's roles of least privilege (ARGS=… as for python -m commission_sync.roles)
	@$(run) commission_sync.roles $(or $(ARGS),apply)

demo: install ## A HubSpot with three companies, Airflow, a first sync (ONCE=1: end after it)
	@$(run) commission_sync.local.demo --exit-with-parent

up: install ## Airflow for your own HubSpot: as `make demo`, without sample data
	@$(run) commission_sync.local.up --exit-with-parent

test: install ## Run all tests (ARGS=… goes to pytest)
	@$(run) pytest -n $${TEST_WORKERS:-logical} --dist loadgroup $(ARGS)

lint: install ## Check style, types, the direction of imports and requirements.txt
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy include
	.venv/bin/lint-imports
	@bin/requirements --check

format: install ## Put the code into shape
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

requirements: install ## Write requirements.txt anew from uv.lock
	@bin/requirements

docs: install ## Write docs/hubspot-properties.md anew from the code
	@$(run) commission_sync.writeback.reference

bench: install ## Measure against the limits of HubSpot and PostgreSQL (ARGS=… goes to the benchmarks)
	@PYTHONPATH=. $(run) benchmarks $(ARGS)

screenshots: install ## Take docs/images anew, with a real Chromium
	@PYTHONPATH=tests/support $(run) screenshots

build: install ## Build the product's and the provider's packages into dist/ (DIST=… elsewhere)
	@$(run) build --no-isolation --outdir $(or $(DIST),dist) .
	@$(run) build --no-isolation --outdir $(or $(DIST),dist) packages/airflow-hubspot

sbom: install ## List all that is installed, as CycloneDX, in dist/sbom.cdx.json
	@bin/sbom

audit: install ## Look uv.lock's packages up in OSV's database of advisories
	@bin/audit

clean: ## Remove .airflow (all local data) and .venv
	rm -rf .airflow .venv
