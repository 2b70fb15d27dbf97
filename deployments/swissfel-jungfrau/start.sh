#!/bin/sh
# Starts the SwissFEL Jungfraus: `deployments/swissfel-jungfrau/start.sh [options of dia serve]`.
# The variables are explained in README.md; dia.service takes them from a file.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
. "$folder/../start.lib.sh"

need DIA_DATA_DIR "folder of the files, for example /sf/alvra/data"
need SWISSFEL_DETECTORS "absolute path of the list of detectors, see available_detectors.json"
need SWISSFEL_BSREAD_URL "REST interface of the bsread broker, http://host:port"
need SWISSFEL_TIMING_PV "process variable of the timing system"
need SWISSFEL_START_CODE "code that starts the triggers"
need SWISSFEL_STOP_CODE "code that stops the triggers"
fits SWISSFEL_DETECTORS "an absolute path" "/*"
case "${SWISSFEL_DETECTORS:-}" in
  /*) [ -r "$SWISSFEL_DETECTORS" ] || problem "SWISSFEL_DETECTORS cannot be read: $SWISSFEL_DETECTORS." ;;
esac
fits SWISSFEL_BSREAD_URL "http://host:port" "http://?*" "https://?*"
digits SWISSFEL_START_CODE "a whole number"
digits SWISSFEL_STOP_CODE "a whole number"
fits SWISSFEL_WRITER "dia-writer or the absolute path of a program" dia-writer "/?*"
data_folder there
run_server "$@"
