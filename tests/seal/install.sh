#!/bin/sh
# Installs the npm packages of package.json, which tests/seal.rs needs, into the cache folder of the user.
# Works again when run twice: it does nothing while what is installed is what package.json says.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/elchi/npm"

command -v node >/dev/null && command -v npm >/dev/null || {
  echo "error: node and npm are not installed" >&2
  echo "hint: sudo apt-get install nodejs npm (Node.js 20 or later)" >&2
  exit 2
}
if cmp -s "$here/package.json" "$cache/installed.json"; then
  exit 0
fi
mkdir -p "$cache"
cp "$here/package.json" "$cache/package.json"
npm install --prefix "$cache" --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error
# Only now is it all there: a run that was cut short is done again.
cp "$here/package.json" "$cache/installed.json"
