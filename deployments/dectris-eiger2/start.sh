#!/bin/sh
# Starts the server for the EIGER2: `deployments/dectris-eiger2/start.sh [options of dia serve]`.
# Needs DECTRIS_URL and DECTRIS_STREAM. DECTRIS_GATING_MODE, DIA_HOST, DIA_PORT, DIA_LOG_LEVEL and DIA_DATA_DIR change
# what deployment.yaml says.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
dia="$folder/../../dist/src/main.js"
problems=0

problem() {
  echo "start.sh: $1" >&2
  problems=$((problems + 1))
}

case "${DECTRIS_URL:-}" in
  http://?* | https://?*) ;;
  "") problem "DECTRIS_URL is not set. Set it to the control unit of the detector, for example http://dcu.example.org." ;;
  *) problem "DECTRIS_URL has to be http://host[:port], got \"$DECTRIS_URL\"." ;;
esac
case "${DECTRIS_STREAM:-}" in
  tcp://?*:?*) ;;
  "") problem "DECTRIS_STREAM is not set. Set it to the stream of the detector, for example tcp://dcu.example.org:31001." ;;
  *) problem "DECTRIS_STREAM has to be tcp://host:port, got \"$DECTRIS_STREAM\"." ;;
esac
case "${DECTRIS_GATING_MODE:-exte}" in
  exte | extg) ;;
  *) problem "DECTRIS_GATING_MODE has to be exte or extg, got \"$DECTRIS_GATING_MODE\"." ;;
esac
if [ -n "${DIA_PORT:-}" ]; then
  case "$DIA_PORT" in
    *[!0-9]* | ??????*) problem "DIA_PORT has to be a port number up to 65535, got \"$DIA_PORT\"." ;;
    *) [ "$DIA_PORT" -le 65535 ] || problem "DIA_PORT has to be a port number up to 65535, got \"$DIA_PORT\"." ;;
  esac
fi
case "${DIA_LOG_LEVEL:-info}" in
  error | warn | info | debug) ;;
  *) problem "DIA_LOG_LEVEL has to be error, warn, info or debug, got \"$DIA_LOG_LEVEL\"." ;;
esac
if [ -n "${DIA_DATA_DIR:-}" ]; then
  [ ! -e "$DIA_DATA_DIR" ] || [ -d "$DIA_DATA_DIR" ] || problem "DIA_DATA_DIR is no folder: $DIA_DATA_DIR."
  [ ! -d "$DIA_DATA_DIR" ] || [ -w "$DIA_DATA_DIR" ] || problem "DIA_DATA_DIR cannot be written: $DIA_DATA_DIR."
fi

command -v node >/dev/null 2>&1 || problem "node is not in PATH. Install Node 20.19 or later."
[ -f "$dia" ] || problem "$dia is missing. Build the project first: npm ci && npm run build."

[ "$problems" -eq 0 ] || exit 2
export DECTRIS_URL DECTRIS_STREAM
exec node "$dia" serve "$folder" "$@"
