#!/bin/sh
# Compiles the crates of this workspace, and no others, so that libFuzzer sees which parts of them
# run: cargo takes it for the compiler (RUSTC_WORKSPACE_WRAPPER). These are flags of every compiler,
# while `cargo fuzz` needs a nightly one.
exec "$@" --cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
