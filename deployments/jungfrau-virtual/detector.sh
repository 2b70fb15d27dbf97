#!/bin/sh
# Starts slsDetectorPackage's virtual Jungfrau and its receiver on this host, sets them up, and ends both when it is
# ended. Needs SLS_BIN, the folder of the package's programs.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)

fail() {
  echo "detector.sh: $1" >&2
  exit 2
}

[ -n "${SLS_BIN:-}" ] || fail "SLS_BIN is not set. Set it to the folder of sls_detector_put, for example /opt/slsdetector/bin."
for program in jungfrauDetectorServer_virtual slsReceiver sls_detector_put; do
  [ -x "$SLS_BIN/$program" ] || fail "SLS_BIN: $SLS_BIN/$program is missing or may not be executed."
done

programs=
trap '[ -z "$programs" ] || kill $programs 2>/dev/null || true' EXIT
trap 'exit 0' INT TERM
"$SLS_BIN/jungfrauDetectorServer_virtual" -p 1952 &
programs=$!
"$SLS_BIN/slsReceiver" -t 1956 &
programs="$programs $!"

# The ports open a moment after the programs start. The config file goes by its name: paths with blanks are not
# understood.
cd "$folder"
tries=0
until "$SLS_BIN/sls_detector_put" "${SLS_DETECTOR:-0}-config" detector.config; do
  tries=$((tries + 1))
  [ "$tries" -lt 20 ] || fail "detector and receiver could not be set up, see above."
  sleep 0.5
done
echo "The virtual Jungfrau is ready."
wait
