# What people and machines run here. CARGO_TARGET_DIR is honoured: cargo reads it itself, and nothing below assumes a place.

CARGO ?= cargo
PYTHON ?= python3
VENV := .venv
RESULTS := bench-results
BENCH = "$$(tests/target-dir)/release/splashdam-bench"

.DEFAULT_GOAL := help
.PHONY: help test sim chaos fuzz mutants bench bench-full figures programs lint image slim clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

test: $(VENV)/installed ## set everything up, run every test, say `N passed, N failed`
	@CARGO="$(CARGO)" VENV="$(VENV)" tests/all

sim: ## simulate whole sidecars: `make sim SEED=123` replays one run, `make sim SEEDS=5000` makes so many
	SEED="$(SEED)" SEEDS="$(SEEDS)" $(CARGO) test -p splashdam-sidecar --lib --all-features \
		sim::tests::whole_sidecars -- --nocapture

SECONDS_EACH ?= 300
fuzz: ## each fuzz target for SECONDS_EACH (300); installs cargo-fuzz, needs a C++ compiler
	@CARGO="$(CARGO)" tests/fuzz $(SECONDS_EACH)

mutants: ## does a test notice when the engine or the protocol is changed? hours; needs cargo-mutants; docs/mutants.md
	@status=0; for part in wire engine; do CARGO="$(CARGO)" tests/mutants $$part || status=$$?; done; exit $$status

bench: $(VENV)/installed programs ## what logging costs an API and a task queue; thirteen minutes; writes bench-results/small.html
	@mkdir -p $(RESULTS)
	$(BENCH) workloads --set small --json $(RESULTS)/small.json --html $(RESULTS)/small.html --history $(RESULTS)/history.csv --spool-in $(RESULTS)

bench-full: $(VENV)/installed programs ## everything: workloads, load record, recovery, an hour's soak; about a day
	@mkdir -p $(RESULTS)
	$(BENCH) workloads --set full --json $(RESULTS)/full.json --html $(RESULTS)/full.html --history $(RESULTS)/history.csv \
		--spool-in $(RESULTS); workloads=$$?; \
	$(BENCH) figures --json $(RESULTS)/figures.json --spool-in $(RESULTS) && exit $$workloads

figures: programs ## measure the sidecar alone, and print the table of figures
	$(BENCH) figures

chaos: ## kill sidecars and clients again and again under a failing remote: SEED=… MINUTES=… (6 unless given)
	$(CARGO) build --release -p splashdam-bench -p splashdam-sidecar -p splashdam-emulator --bins
	$(BENCH) chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

programs:
	$(CARGO) build --release --workspace --examples --bins --features splashdam-emulator/tls

lint: $(VENV)/installed ## formatting, clippy, ruff and mypy; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	.ci/engine-guard
	tests/python-lint "$(VENV)"

image: ## the image of the static binary, for this machine's architecture; needs podman or docker, and no registry
	@CARGO="$(CARGO)" deploy/build-image

slim: ## the production binary, without emulator and demo, and its size
	$(CARGO) build --release -p splashdam-sidecar --no-default-features
	@size=$$(stat -c %s "$$(tests/target-dir)/release/splashdam") && \
		echo "splashdam, stripped, without default features: $$size bytes ($$((size / 1024)) KiB)"

clean: ## remove what was built and installed
	$(CARGO) clean
	rm -rf $(VENV) $(RESULTS)

$(VENV)/installed: tests/requirements.txt tests/venv
	@PYTHON="$(PYTHON)" tests/venv "$(VENV)"
