#!/bin/sh
# Starts the simulation: `deployments/simulation/start.sh [options of dia serve]`.
# DIA_HOST, DIA_PORT, DIA_LOG_LEVEL and DIA_DATA_DIR change what deployment.yaml says.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
. "$folder/../start.lib.sh"

data_folder
run_server "$@"
