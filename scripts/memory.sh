#!/usr/bin/env bash
# Sends one document of 4 GiB (or of so many MiB: scripts/memory.sh 8192), reads it, and prints the most
# memory that sender, reader and server held. Fails if any held 200 MB. Needs three times the size in disk.
. "$(dirname "$0")/common.sh"
need_build_tools
mib="${1:-4096}"
need_space $((mib * 3 / 1024 + 2)) "${TMPDIR:-/tmp}"
ELCHI_TEST_MIB="$mib" cargo test --locked --test tests memory_does_not_grow_with_the_document -- --nocapture
