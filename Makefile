# Make what? `make` tells.

# Where rustup puts cargo; and Debian servers, for those who are not root.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin:/usr/sbin:/sbin

.PHONY: help run check test fuzz tools bench bench-disk bench-redis container licences deb

help: ## Shows this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

run: ## Starts the hub at http://localhost:3000, built for production
	cargo run --release --locked

check: ## Checks formatting and lints, as they are checked before anything is merged
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

# Not built for production: so that overflows and broken assertions of the code fail a test, too.
test: tools ## Runs all tests, after it has installed what they need
	cargo test --locked --no-fail-fast
	@echo "the streams again, left to actix"
	FANFARE_DIRECT_WRITE=off cargo test --locked --no-fail-fast --test it -- $(STREAMS)

	$(MAKE) fuzz

# Each target with what was found before (fuzz/corpus is where you keep it), then with what libFuzzer
# makes of it. A failure prints the input, and leaves it in fuzz/artifacts.
FUZZ_SECONDS ?= 8
# The same inputs each time, where nothing is in fuzz/corpus; 0 for others.
FUZZ_SEED ?= 1
TARGETS := $(basename $(notdir $(wildcard fuzz/targets/*.rs)))

fuzz: ## Feeds parsers with what nobody would send, for FUZZ_SECONDS each (8)
	RUSTC_WORKSPACE_WRAPPER=fuzz/instrument.sh cargo build --locked -p fanfare-fuzz
	@mkdir -p fuzz/artifacts
	@for target in $(TARGETS); do \
		mkdir -p fuzz/corpus/$$target; \
		echo "fuzz: $$target, $(FUZZ_SECONDS) s"; \
		$${CARGO_TARGET_DIR:-target}/debug/$$target -seed=$(FUZZ_SEED) -max_total_time=$(FUZZ_SECONDS) -timeout=5 \
			-rss_limit_mb=1024 -verbosity=0 -artifact_prefix=fuzz/artifacts/ \
			fuzz/corpus/$$target fuzz/seeds/$$target >fuzz/artifacts/$$target.log 2>&1 || \
			{ tail -n 40 fuzz/artifacts/$$target.log; exit 1; }; \
	done

# The modules of tests that are about streams: a stream has two ways to its socket.
STREAMS := api:: auth:: crowd:: direct:: ending:: fan_out:: fault:: heartbeat:: idle:: leaving:: limits:: logs:: mercure:: order:: protocol:: replay:: slow::

bench: ## Compares the hub with other servers, in half an hour; QUICK=1 in some minutes
	benches/install-peers.sh
	cargo build --release --locked --bin fanfare --example floor
	benches/run.py $(if $(QUICK),--quick)

bench-disk: ## Measures what a history in a file costs, in two minutes; QUICK=1 in some seconds
	cargo build --release --locked --bin fanfare
	benches/disk.py $(if $(QUICK),--quick)

bench-redis: ## Measures what a history in Redis costs, in two minutes; QUICK=1 in some seconds
	tests/install-tools.sh
	cargo build --release --locked --bin fanfare
	benches/redis.py $(if $(QUICK),--quick)

deb: ## Builds a Debian package into target/debian, with cargo-deb
	command -v cargo-deb >/dev/null || cargo install --locked cargo-deb
	cargo build --release --locked
	deploy/package-texts.sh target/release/fanfare target/package
	cargo deb --no-build --locked

container: ## Builds the image of the Dockerfile, runs it and checks it; needs root, no engine
	tests/container.sh

licences: ## Checks licences and sources of all dependencies, with cargo-deny
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check licenses bans sources

tools: ## Installs what the tests need: Node, Python, browsers, proxies, client libraries
	tests/install-tools.sh
