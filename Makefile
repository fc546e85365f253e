# One command each. `make test` is what CI runs; it sets up what it needs by itself.
.DEFAULT_GOAL := help
SHELL := bash
CARGO ?= cargo
PYTHON ?= python3
VENV := target/venv

.PHONY: help build test check format lint walls docs test-rust test-interop demo clean

help: ## Say what there is.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

build: ## Build the setpoint command (target/release/setpoint).
	$(CARGO) build --locked --release --bin setpoint

test: check test-rust docs test-interop ## Everything: format, lints, walls, docs, all tests of all languages.

check: lint walls ## Formatting, lints and walls only.

format: ## Format all code.
	$(CARGO) fmt
	@if [ -x $(VENV)/bin/ruff ]; then $(VENV)/bin/ruff format crates/cli/interop; fi

lint: $(VENV)/ready
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(VENV)/bin/ruff format --check crates/cli/interop
	$(VENV)/bin/ruff check crates/cli/interop
	$(VENV)/bin/mypy --strict crates/cli/interop

walls: ## Prove that the engine stays free of I/O, clocks and dependencies.
	scripts/walls

test-rust: ## All Rust tests.
	$(CARGO) test --locked --workspace

docs: ## Build the documentation; a broken link is an error.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

test-interop: $(VENV)/ready ## The real binary with paho-mqtt as a device and curl as a client.
	$(CARGO) build --locked --bin setpoint
	SETPOINT_BIN="$$($(CARGO) metadata --locked --format-version 1 --no-deps | $(PYTHON) -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/debug/setpoint" \
		$(VENV)/bin/python -m pytest crates/cli/interop

demo: ## The whole mission in one process: a simulated wind farm, and its books.
	$(CARGO) run --locked --release --bin setpoint -- demo

$(VENV)/ready: crates/cli/interop/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-virtualenv -r $<
	touch $@

clean: ## Remove everything that was built.
	$(CARGO) clean
