#!/usr/bin/env bash
# Installs what is missing, builds Elchi and plays the demo. Works again when run twice.
#
#   scripts/demo.sh [--file PATH]… [--keep-serving] [--dir FOLDER]
. "$(dirname "$0")/common.sh"

say "tools"
need_space 6 "$CARGO_TARGET_DIR"
need_build_tools

say "building (the first time takes 20 to 40 minutes on two cores, nearly all of it RocksDB)"
cargo build --locked

arguments=("$@")
case " $* " in
  *" --dir "* | *" --dir="*) ;;
  *) arguments+=(--dir "elchi-demo/$(date -u +%Y%m%d-%H%M%S)") ;;
esac
say "the demo"
exec "$CARGO_TARGET_DIR/debug/elchi" demo "${arguments[@]}"
