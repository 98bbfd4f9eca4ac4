# Shared by the scripts beside it: says what it does, installs what is missing, and nothing twice.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n==> %s\n' "$*"; }
fail() { printf 'error: %s\nhint: %s\n' "$1" "$2" >&2; exit 2; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "installing packages needs root" "run this as root once, or install by hand: $*"; fi
}

# need_packages PACKAGE…: installs the Debian packages that are not there.
need_packages() {
  local missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# need_command COMMAND PACKAGE: installs the package only if nothing gives the command yet.
need_command() { command -v "$1" >/dev/null || need_packages "$2"; }

# need_rust: a toolchain that is new enough for Cargo.toml's rust-version.
need_rust() {
  local wanted found
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  [ -r "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
  found=$(rustc --version 2>/dev/null | cut -d' ' -f2 || true)
  if [ -n "$found" ] && [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n1)" = "$wanted" ]; then return; fi
  say "installing Rust (found: ${found:-none}; needed: $wanted or newer)"
  if apt-cache show rustup >/dev/null 2>&1; then
    need_packages rustup
  elif ! command -v rustup >/dev/null; then
    need_packages curl ca-certificates
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c clippy -c rustfmt
    . "$HOME/.cargo/env"
  fi
  rustup default stable
}

# need_space GIB FOLDER: stops early rather than in the middle of a long build.
need_space() {
  mkdir -p "$2"
  local free
  free=$(df --output=avail -BG "$2" | tail -n1 | tr -dc 0-9)
  [ "$free" -ge "$1" ] || fail "$2 has $free GiB free, and this needs $1" "make room, or set CARGO_TARGET_DIR to a folder on a larger disk"
}

cache="${XDG_CACHE_HOME:-$HOME/.cache}/elchi"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"

# need_build_tools: what compiles the program. RocksDB takes half an hour of processor time, once.
need_build_tools() {
  need_packages g++ clang libclang-dev pkg-config ccache ca-certificates
  need_command openssl openssl
  need_rust
  export CC="ccache gcc" CXX="ccache g++"
}
