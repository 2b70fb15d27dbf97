#!/bin/sh
# Starts the cSAXS Eiger 9M: `deployments/csaxs-eiger9m/start.sh [options of dia serve]`.
# The variables are explained in README.md; dia.service takes them from a file.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
. "$folder/../start.lib.sh"

need DIA_DATA_DIR "folder of the files, for example /sls/X12SA/data"
need CSAXS_BACKEND_URL "REST interface of the backend, http://host:port"
need CSAXS_STREAM "where the writer gets the frames from, tcp://host:port"
fits CSAXS_BACKEND_URL "http://host:port" "http://?*" "https://?*"
fits CSAXS_STREAM "tcp://host:port" "tcp://?*:?*"
fits CSAXS_WRITER "dia-writer or the absolute path of a program" dia-writer "/?*"
data_folder there
run_server "$@"
