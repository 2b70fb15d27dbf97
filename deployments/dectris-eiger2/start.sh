#!/bin/sh
# Starts the server for the EIGER2: `deployments/dectris-eiger2/start.sh [options of dia serve]`.
# The variables are explained in README.md and set in dia.service.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
. "$folder/../start.lib.sh"

need DECTRIS_URL "control unit of the detector, http://host[:port]"
need DECTRIS_STREAM "stream of the detector, tcp://host:31001"
fits DECTRIS_URL "http://host[:port]" "http://?*" "https://?*"
fits DECTRIS_STREAM "tcp://host:port" "tcp://?*:?*"
fits DECTRIS_GATING_MODE "exte or extg" exte extg
data_folder
run_server "$@"
