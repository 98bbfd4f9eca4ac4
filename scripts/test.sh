#!/usr/bin/env bash
# Installs what the tests need and runs them all. Works again when run twice.
. "$(dirname "$0")/common.sh"

say "tools"
need_space 8 "$CARGO_TARGET_DIR"
need_build_tools
need_command node nodejs
need_command npm npm
need_packages golang-go golang-golang-x-mod-dev
need_command faketime faketime
need_command unzip unzip
need_command script bsdutils
rustup component add clippy rustfmt >/dev/null 2>&1 || true
tests/seal/install.sh

say "format and lints"
cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings

say "the small program: no server, no C++"
cargo check --locked --no-default-features

say "documentation links"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items >/dev/null

say "tests"
cargo test --locked
