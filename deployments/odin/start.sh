#!/bin/sh
# Starts the server for a DECTRIS detector with odin-data: `deployments/odin/start.sh [options of dia serve]`.
# The variables are explained in README.md and set in dia.service.
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
. "$folder/../start.lib.sh"

need ODIN_DETECTOR_URL "control unit of the detector, http://host[:port]"
need ODIN_FRAME_PROCESSOR "control port of the FrameProcessor, tcp://host:5004"
need DIA_DATA_DIR "folder of the files, which odin-data has to see under the same path"
fits ODIN_DETECTOR_URL "http://host[:port]" "http://?*" "https://?*"
fits ODIN_FRAME_PROCESSOR "tcp://host:port" "tcp://?*:?*"
fits ODIN_STREAM_FORMAT "legacy or cbor" legacy cbor
data_folder there
run_server "$@"
