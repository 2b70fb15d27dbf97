#!/bin/sh
# Starts the server for a DECTRIS detector with odin-data: `deployments/odin/start.sh [options of dia serve]`.
# Needs ODIN_DETECTOR_URL, ODIN_FRAME_PROCESSOR and DIA_DATA_DIR. ODIN_STREAM_FORMAT, ODIN_DATA_VERSION, DIA_HOST,
# DIA_PORT and DIA_LOG_LEVEL change what deployment.yaml says.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
dia="$folder/../../dist/src/main.js"
problems=0

problem() {
  echo "start.sh: $1" >&2
  problems=$((problems + 1))
}

case "${ODIN_DETECTOR_URL:-}" in
  http://?* | https://?*) ;;
  "") problem "ODIN_DETECTOR_URL is not set. Set it to the control unit of the detector, for example http://dcu.example.org." ;;
  *) problem "ODIN_DETECTOR_URL has to be http://host[:port], got \"$ODIN_DETECTOR_URL\"." ;;
esac
case "${ODIN_FRAME_PROCESSOR:-}" in
  tcp://?*:?*) ;;
  "") problem "ODIN_FRAME_PROCESSOR is not set. Set it to the control port of the FrameProcessor, for example tcp://odin.example.org:5004." ;;
  *) problem "ODIN_FRAME_PROCESSOR has to be tcp://host:port, got \"$ODIN_FRAME_PROCESSOR\"." ;;
esac
case "${ODIN_STREAM_FORMAT:-legacy}" in
  legacy | cbor) ;;
  *) problem "ODIN_STREAM_FORMAT has to be legacy or cbor, got \"$ODIN_STREAM_FORMAT\"." ;;
esac
if [ -z "${DIA_DATA_DIR:-}" ]; then
  problem "DIA_DATA_DIR is not set. Set it to the folder of the files, which odin-data has to see under the same path."
elif [ ! -d "$DIA_DATA_DIR" ]; then
  problem "DIA_DATA_DIR is no folder: $DIA_DATA_DIR."
elif [ ! -w "$DIA_DATA_DIR" ]; then
  problem "DIA_DATA_DIR cannot be written: $DIA_DATA_DIR."
fi
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

command -v node >/dev/null 2>&1 || problem "node is not in PATH. Install Node 20.19 or later."
[ -f "$dia" ] || problem "$dia is missing. Build the project first: npm ci && npm run build."

[ "$problems" -eq 0 ] || exit 2
export ODIN_DETECTOR_URL ODIN_FRAME_PROCESSOR
exec node "$dia" serve "$folder" "$@"
