#!/bin/sh
# Starts the server for the virtual Jungfrau: `deployments/jungfrau-virtual/start.sh [options of dia serve]`.
# The variables are explained in README.md and set in dia.service.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
. "$folder/../start.lib.sh"

need SLS_BIN "folder of slsDetectorPackage's programs, for example /opt/slsdetector/bin"
fits SLS_BIN "an absolute folder" "/*"
case "${SLS_BIN:-}" in
  /*)
    for program in sls_detector_get sls_detector_put; do
      [ -x "$SLS_BIN/$program" ] || problem "SLS_BIN: $SLS_BIN/$program is missing or may not be executed."
    done
    ;;
esac
case "${SLS_VERSION:-}" in
  *[!0-9.]*) problem "SLS_VERSION has to be a version such as 9.2.0, got \"$SLS_VERSION\"." ;;
esac
digits SLS_DETECTOR "the index of a detector"
fits SLS_STREAM "tcp://host:port" "tcp://?*:?*"
data_folder
run_server "$@"
