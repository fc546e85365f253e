# One command each. `make test` is what CI runs; it sets up what it needs by itself.
.DEFAULT_GOAL := help
SHELL := bash
CARGO ?= cargo
PYTHON ?= python3
VENV := target/venv
# Tools that are checked with, as prebuilt packages: their versions are in scripts/requirements.txt.
TOOLS := target/venv-tools
FUZZ := crates/core/fuzz
PEERS := benches/peers
# The Python package: its own environment, what it is made of, and what the bindings are measured on.
PYENV := target/venv-python
PYSOURCES := $(shell find python/src python/setpoint crates/core/src -name '*.rs' -o -name '*.py' -o -name '*.pyi')
BOUNDARY := benches/boundary
CORPORA := target/boundary
TARGET_DIR = $(shell $(CARGO) metadata --locked --format-version 1 --no-deps | $(PYTHON) -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')

.PHONY: help build dist quick test check format lint lint-rust typos deny advisories semver walls docs test-rust test-load test-canaries test-interop test-fuzz test-readers test-peers test-python test-python-peers test-python-packages test-icounts python bench-python bench-python-quick bench bench-quick bench-groups fuzz sim canaries mutants scenarios links demo clean

help: ## Say what there is.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 30

build: ## Build the setpoint command (target/release/setpoint).
	$(CARGO) build --locked --release --bin setpoint

dist: ## Build it as it is shipped and measured (target/dist/setpoint).
	$(CARGO) build --locked --profile dist --bin setpoint

quick: lint-rust ## While you work: format, lints of Rust, the engine's tests and its vectors.
	$(CARGO) test --locked -p setpoint

test: check test-rust test-load docs sim test-canaries test-interop test-readers test-fuzz test-peers test-python test-python-peers test-python-packages test-icounts ## Everything: format, lints, walls, docs, all tests of all languages.

check: lint walls scenarios links ## Formatting, lints, spelling, licences, walls and the pages only.

format: ## Format all code.
	$(CARGO) fmt
	cd $(FUZZ) && $(CARGO) fmt
	cd $(PEERS) && $(CARGO) fmt
	@if [ -x $(VENV)/bin/ruff ]; then $(VENV)/bin/ruff format crates/cli/interop $(FUZZ); fi
	@if [ -x $(PYENV)/bin/ruff ]; then $(PYENV)/bin/ruff format python $(BOUNDARY); fi

lint-rust:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

lint: lint-rust typos deny $(VENV)/ready $(PYENV)/ready
	cd $(FUZZ) && $(CARGO) fmt --check && $(CARGO) clippy --locked --all-targets -- -D warnings
	cd $(PEERS) && $(CARGO) fmt --check && $(CARGO) clippy --locked --all-targets -- -D warnings
	$(VENV)/bin/ruff format --check crates/cli/interop $(FUZZ)
	$(VENV)/bin/ruff check crates/cli/interop $(FUZZ)
	$(VENV)/bin/mypy --strict crates/cli/interop
	$(VENV)/bin/mypy --strict $(FUZZ)/seeds.py $(FUZZ)/compare
	$(PYENV)/bin/ruff format --check python $(BOUNDARY)
	$(PYENV)/bin/ruff check python $(BOUNDARY)
	cd python && ../$(PYENV)/bin/mypy --strict setpoint tests
	cd $(BOUNDARY) && MYPYPATH=../../python ../../$(PYENV)/bin/mypy --strict .

typos: $(TOOLS)/ready ## Misspelt words, in every file.
	$(TOOLS)/bin/typos

deny: $(TOOLS)/ready ## Licences and sources of all dependencies (deny.toml).
	for folder in . $(FUZZ) $(PEERS); do \
		$(TOOLS)/bin/cargo-deny --manifest-path $$folder/Cargo.toml --config deny.toml --locked check licenses bans sources || exit 1; \
	done

advisories: $(TOOLS)/ready ## Known vulnerabilities of all dependencies; fetches the RustSec database from GitHub.
	for folder in . $(FUZZ) $(PEERS); do \
		$(TOOLS)/bin/cargo-deny --manifest-path $$folder/Cargo.toml --config deny.toml --locked check advisories || exit 1; \
	done

semver: ## What changed in the public API of the library crates since the last release (BASE= another revision).
	scripts/semver $(BASE)

walls: ## Prove that the engine stays free of I/O, clocks and dependencies.
	scripts/walls

test-rust: ## All Rust tests.
	$(CARGO) test --locked --workspace

test-load: ## The engine with a million timers at one instant: too slow without optimisation.
	$(CARGO) test --locked --profile sim -p setpoint --lib -- --ignored

docs: ## Build the documentation; a broken link is an error.
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

test-interop: $(VENV)/ready ## The real binary with paho-mqtt as a device and curl as a client.
	$(CARGO) build --locked --bin setpoint
	SETPOINT_BIN="$(TARGET_DIR)/debug/setpoint" $(VENV)/bin/python -m pytest crates/cli/interop

test-readers: $(VENV)/ready ## The strict reader against serde_json, jiter and Python's json (SEED=, DOCUMENTS=).
	cd $(FUZZ) && $(CARGO) build --locked --example readers
	SETPOINT_READERS="$$(cd $(FUZZ) && $(CARGO) metadata --locked --format-version 1 --no-deps | $(PYTHON) -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/debug/examples/readers" \
		$(VENV)/bin/python -m pytest $(FUZZ)/compare

test-fuzz: $(TOOLS)/ready ## The fuzz targets on their kept corpus, then for a few seconds each on what libFuzzer makes up.
	cd $(FUZZ) && $(CARGO) test --locked
	scripts/fuzz all 5

test-peers: ## That everybody the engine is measured against does the same work.
	cd $(PEERS) && $(CARGO) test --locked

python: $(PYENV)/installed ## Build the Python package and install it into target/venv-python.

test-python: $(PYENV)/installed ## The Python package, native half and client, as pip installed it; its stubs.
	$(CARGO) build --locked --bin setpoint
	scripts/python-stubs --check
	SETPOINT_BIN="$(TARGET_DIR)/debug/setpoint" $(PYENV)/bin/python -m pytest python/tests --ignore python/tests/packaging

test-python-peers: $(PYENV)/installed $(CORPORA)/facts.json ## That everybody the Python package is measured against does the same work.
	$(PYENV)/bin/python -m pytest $(BOUNDARY) --corpora $(CORPORA)

test-python-packages: $(PYENV)/ready ## Wheel and sdist: what is in them, and the native tests in clean environments.
	scripts/python-packages

test-icounts: ## Instruction counts of fixed scenarios against the committed ones (needs valgrind).
	scripts/icounts

bench: ## The engine beside its peers, in one run: prints the table and writes benches/RESULTS.md and its pictures.
	cd $(PEERS) && $(CARGO) build --locked --release && $(CARGO) run --locked --release --bin peers

bench-quick: ## The same with few rounds, for a look; writes nothing.
	cd $(PEERS) && $(CARGO) build --locked --release && $(CARGO) run --locked --release --bin peers -- --quick

bench-python: $(PYENV)/installed $(CORPORA)/facts.json ## The Python package beside json, orjson, msgspec, pydantic and asyncio; writes benches/boundary/PYTHON.md.
	$(PYENV)/bin/python $(BOUNDARY)/bench.py --corpora $(CORPORA) --program "$(TARGET_DIR)/bindings/boundary"

bench-python-quick: $(PYENV)/installed $(CORPORA)/facts.json ## The same with few rounds, for a look; writes nothing.
	$(PYENV)/bin/python $(BOUNDARY)/bench.py --corpora $(CORPORA) --program "$(TARGET_DIR)/bindings/boundary" --quick

bench-groups: ## The criterion groups; plots in target/criterion/report/index.html.
	$(CARGO) bench --locked --profile dist -p setpoint-benches

fuzz: $(TOOLS)/ready ## Fuzz the engine, 10 seconds a target; scripts/fuzz says more.
	scripts/fuzz

sim: ## Simulated conversations with everything going wrong (RUNS=, SEED=).
	$(CARGO) run --locked --profile sim -p setpoint-sim -- --runs $(or $(RUNS),10000) --seed $(or $(SEED),1) $(if $(RUNS),,--complete)

canaries: ## Put known bugs back, one at a time: the simulation has to find every one.
	scripts/canaries

test-canaries: ## The same, and that docs/evidence.md says what was found.
	scripts/canaries --check

mutants: ## Change the engine in every small way: its tests have to notice. About an hour.
	scripts/mutants

scenarios: ## Every row of the tables of scenarios and guarantees names tests that exist.
	scripts/scenarios --check

links: ## Every link and path in a page exists.
	scripts/links

demo: ## The whole mission in one process: a simulated wind farm, and its books.
	$(CARGO) run --locked --release --bin setpoint -- demo

$(TOOLS)/ready: scripts/requirements.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check --require-virtualenv -r $<
	touch $@

$(VENV)/ready: crates/cli/interop/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-virtualenv -r $<
	touch $@

$(PYENV)/ready: python/requirements-test.txt python/requirements-dev.txt $(BOUNDARY)/requirements.txt
	$(PYTHON) -m venv $(PYENV)
	$(PYENV)/bin/pip install --quiet --disable-pip-version-check --require-virtualenv -r python/requirements-dev.txt
	touch $@

# As anybody installs it who has a Rust toolchain: pip gets maturin by itself, in an environment that has nothing else.
$(PYENV)/installed: $(PYENV)/ready $(PYSOURCES) python/Cargo.toml python/pyproject.toml Cargo.toml Cargo.lock
	$(PYENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps ./python
	touch $@

$(CORPORA)/facts.json: $(wildcard benches/src/*.rs) $(wildcard $(BOUNDARY)/*.rs)
	$(CARGO) run --locked --profile bindings -p setpoint-benches --bin boundary -- write $(CORPORA)

# The npm package. These rules stand together; `test`, `lint` and `format` get theirs from here.
.PHONY: node test-node test-node-versions test-node-packages test-node-peers bench-node bench-node-quick lint-node format-node
test: test-node test-node-versions test-node-packages test-node-peers
lint: lint-node
format: format-node

node: node/node_modules/ready ## Build the npm package: the addon into node/native, the modules into node/dist.
	scripts/node-types
	cd node && npm run --silent build:ts

NODE_TESTS = SETPOINT_BIN="$(TARGET_DIR)/debug/setpoint" SETPOINT_RESPOND="$(TARGET_DIR)/debug/examples/respond" \
	SETPOINT_PANICKING="$(TARGET_DIR)/debug/libsetpoint_node.so"

test-node: node/node_modules/ready ## The npm package, native half and client, on its own build; its types.
	$(CARGO) build --locked --bin setpoint
	$(CARGO) build --locked -p setpoint --example respond
	$(CARGO) build --locked -p setpoint-node --features test-panic
	scripts/node-types --check
	cd node && npm run --silent build:ts
	cd node && $(NODE_TESTS) npm test --silent

test-node-versions: test-node ## The native half's tests under newer versions of Node.
	$(NODE_TESTS) scripts/node-versions

test-node-packages: test-node ## The npm package in both forms from an empty folder; glibc 2.17 is enough for the published binary.
	scripts/node-packages

test-node-peers: node $(CORPORA)/facts.json $(BOUNDARY)/node_modules/ready ## That everybody the npm package is measured against does the same work.
	SETPOINT_CORPORA="$(abspath $(CORPORA))" node --test $(BOUNDARY)/in_node/peers.test.mjs

bench-node: node $(CORPORA)/facts.json $(BOUNDARY)/node_modules/ready ## The npm package beside JSON with checks by hand, ajv and a Map of promises; writes benches/boundary/NODE.md.
	node $(BOUNDARY)/bench.mjs --corpora $(CORPORA)

bench-node-quick: node $(CORPORA)/facts.json $(BOUNDARY)/node_modules/ready ## The same with few rounds, for a look; writes nothing.
	node $(BOUNDARY)/bench.mjs --corpora $(CORPORA) --quick

$(BOUNDARY)/node_modules/ready: $(BOUNDARY)/package.json $(BOUNDARY)/package-lock.json
	cd $(BOUNDARY) && npm ci --silent
	ln -sfn ../../../node $(BOUNDARY)/node_modules/setpoint
	touch $@

lint-node: node/node_modules/ready
	cd node && npm run --silent build:ts
	cd node && npm run --silent lint

format-node: node/node_modules/ready
	cd node && npm run --silent format

node/node_modules/ready: node/package.json node/package-lock.json
	cd node && npm ci --silent
	touch $@

clean: ## Remove everything that was built.
	$(CARGO) clean
