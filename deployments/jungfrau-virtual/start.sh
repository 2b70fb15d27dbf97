#!/bin/sh
# Starts the server for the virtual Jungfrau: `deployments/jungfrau-virtual/start.sh [options of dia serve]`.
# Needs SLS_BIN, the folder of slsDetectorPackage's programs. SLS_VERSION, SLS_DETECTOR, SLSDETNAME, SLS_STREAM,
# DIA_HOST, DIA_PORT, DIA_LOG_LEVEL and DIA_DATA_DIR change what deployment.yaml says.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
dia="$folder/../../dist/src/main.js"

fail() {
  echo "start.sh: $1" >&2
  exit 2
}

[ -n "${SLS_BIN:-}" ] || fail "SLS_BIN is not set. Set it to the folder of sls_detector_put, for example /opt/slsdetector/bin."
case "$SLS_BIN" in
  /*) ;;
  *) fail "SLS_BIN has to be an absolute folder, got \"$SLS_BIN\"." ;;
esac
for program in sls_detector_get sls_detector_put; do
  [ -x "$SLS_BIN/$program" ] || fail "SLS_BIN: $SLS_BIN/$program is missing or may not be executed."
done
case "${SLS_VERSION:-9.2.0}" in
  *[!0-9.]*) fail "SLS_VERSION has to be a version such as 9.2.0, got \"$SLS_VERSION\"." ;;
esac
case "${SLS_DETECTOR:-0}" in
  *[!0-9]*) fail "SLS_DETECTOR has to be the index of a detector, got \"$SLS_DETECTOR\"." ;;
esac
case "${SLS_STREAM:-tcp://127.0.0.1:30001}" in
  tcp://*:*) ;;
  *) fail "SLS_STREAM has to be tcp://host:port, got \"$SLS_STREAM\"." ;;
esac
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

export SLS_BIN
exec node "$dia" serve "$folder" "$@"
