#!/bin/sh
# Starts the four simulated pipelines: `deployments/simulation-multi/start.sh [options of dia serve]`.
# DIA_HOST, DIA_PORT, DIA_LOG_LEVEL and DIA_DATA_DIR change what deployment.yaml says.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
dia="$folder/../../dist/src/main.js"

fail() {
  echo "start.sh: $1" >&2
  exit 2
}

if [ -n "${DIA_PORT:-}" ]; then
  case "$DIA_PORT" in
    *[!0-9]*) fail "DIA_PORT has to be a port number, got \"$DIA_PORT\"." ;;
  esac
  # Six digits are too many, and might be too many for the shell's arithmetic as well.
  [ "${#DIA_PORT}" -le 5 ] && [ "$DIA_PORT" -le 65535 ] ||
    fail "DIA_PORT has to be at most 65535, got $DIA_PORT."
fi
case "${DIA_LOG_LEVEL:-info}" in
  error | warn | info | debug) ;;
  *) fail "DIA_LOG_LEVEL has to be error, warn, info or debug, got \"$DIA_LOG_LEVEL\"." ;;
esac
if [ -n "${DIA_DATA_DIR:-}" ]; then
  [ ! -e "$DIA_DATA_DIR" ] || [ -d "$DIA_DATA_DIR" ] || fail "DIA_DATA_DIR is no folder: $DIA_DATA_DIR."
  [ ! -d "$DIA_DATA_DIR" ] || [ -w "$DIA_DATA_DIR" ] || fail "DIA_DATA_DIR cannot be written: $DIA_DATA_DIR."
fi

command -v node >/dev/null 2>&1 || fail "node is not in PATH. Install Node 20.19 or later."
[ -f "$dia" ] || fail "$dia is missing. Build the project first: npm ci && npm run build."

exec node "$dia" serve "$folder" "$@"
