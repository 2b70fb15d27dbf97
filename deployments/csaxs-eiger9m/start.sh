#!/bin/sh
# Starts the cSAXS Eiger 9M: `deployments/csaxs-eiger9m/start.sh [options of dia serve]`.
# The variables are explained in README.md; dia.service takes them from a file.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
dia="$folder/../../dist/src/main.js"
problems=0

problem() {
  echo "start.sh: $1" >&2
  problems=$((problems + 1))
}

# need NAME VALUE MEANING
need() {
  [ -n "$2" ] || problem "$1 is not set: $3."
}

need DIA_DATA_DIR "${DIA_DATA_DIR:-}" "folder of the files, for example /sls/X12SA/data"
need CSAXS_BACKEND_URL "${CSAXS_BACKEND_URL:-}" "REST interface of the backend, http://host:port"
need CSAXS_STREAM "${CSAXS_STREAM:-}" "where the writer gets the frames from, tcp://host:port"

# is_address NAME VALUE PATTERN MEANING
is_address() {
  case "$2" in
    "" | $3) ;;
    *) problem "$1 has to be $4, got \"$2\"." ;;
  esac
}

is_address CSAXS_BACKEND_URL "${CSAXS_BACKEND_URL:-}" "http*://?*" "http://host:port"
is_address CSAXS_STREAM "${CSAXS_STREAM:-}" "tcp://?*:?*" "tcp://host:port"
case "${DIA_LOG_LEVEL:-info}" in
  error | warn | info | debug) ;;
  *) problem "DIA_LOG_LEVEL has to be error, warn, info or debug, got \"$DIA_LOG_LEVEL\"." ;;
esac
if [ -n "${DIA_PORT:-}" ]; then
  case "$DIA_PORT" in
    *[!0-9]* | ??????*) problem "DIA_PORT has to be a port number up to 65535, got \"$DIA_PORT\"." ;;
    *) [ "$DIA_PORT" -le 65535 ] || problem "DIA_PORT has to be a port number up to 65535, got \"$DIA_PORT\"." ;;
  esac
fi
if [ -n "${DIA_DATA_DIR:-}" ]; then
  [ -d "$DIA_DATA_DIR" ] || problem "DIA_DATA_DIR is no folder: $DIA_DATA_DIR."
  [ ! -d "$DIA_DATA_DIR" ] || [ -w "$DIA_DATA_DIR" ] || problem "DIA_DATA_DIR cannot be written: $DIA_DATA_DIR."
fi
[ "$(printf %.1s "${CSAXS_WRITER:-/}")" = / ] || [ "${CSAXS_WRITER:-}" = dia-writer ] ||
  problem "CSAXS_WRITER has to be dia-writer or the absolute path of a program, got \"$CSAXS_WRITER\"."

command -v node >/dev/null 2>&1 || problem "node is not in PATH. Install Node 20.19 or later."
[ -f "$dia" ] || problem "$dia is missing. Build the project first: npm ci && npm run build."

[ "$problems" -eq 0 ] || exit 2
exec node "$dia" serve "$folder" "$@"
