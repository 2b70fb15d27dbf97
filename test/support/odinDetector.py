"""A detector behind a real odin-control server: the tree of the eiger-detector adapter, the device simulated.

Usage: odinDetector.py <port> <API version, or none>
"""

import sys
import tempfile
import time
from pathlib import Path

from odin_control.adapters.adapter import ApiAdapter
from odin_control.adapters.base_controller import BaseController, BaseError
from odin_control.adapters.parameter_tree import ParameterTree, ParameterTreeError
from odin_control.main import main


class Device:
    def __init__(self):
        self.values = {"num_images": 1, "exposure_time": 0.1, "frame_time": 0.1, "bit_depth": 16, "trigger_mode": "ints", "ntrigger": 1}
        self.started = None

    def setter(self, name):
        def set_value(value):
            low = {"num_images": 1, "ntrigger": 1}.get(name)
            if low is not None and value < low:
                raise ParameterTreeError(f"{name} has to be at least {low}")
            if name == "bit_depth" and value not in (8, 16, 32):
                raise ParameterTreeError(f"{name} {value} (dr) is not one of 8, 16, 32")
            self.values[name] = value

        return set_value

    def complete(self):
        if self.started is None:
            return True
        if self.values["trigger_mode"] != "ints":
            return False
        if time.monotonic() - self.started < self.values["num_images"] * self.values["frame_time"]:
            return False
        self.started = None
        return True

    def state(self):
        return 1 if not self.complete() and self.values["trigger_mode"] == "ints" else 0

    def start(self, _value):
        self.started = time.monotonic()

    def stop(self, _value):
        self.started = None


class Controller(BaseController):
    def __init__(self, options):
        device = Device()
        config = {name: (lambda n=name: device.values[n], device.setter(name)) for name in device.values}
        self.tree = ParameterTree(
            {
                "config": config,
                "status": {
                    "acquisition_complete": (device.complete, None),
                    "state": (device.state, None),
                    "error": (lambda: "", None),
                },
                "command": {
                    "start_acquisition": (lambda: False, device.start),
                    "stop_acquisition": (lambda: False, device.stop),
                },
            }
        )

    def get(self, path, with_metadata=False):
        try:
            return self.tree.get(path, with_metadata)
        except ParameterTreeError as error:
            raise BaseError(str(error)) from error

    def set(self, path, data):
        try:
            self.tree.set(path, data)
        except ParameterTreeError as error:
            raise BaseError(str(error)) from error


class DetectorAdapter(ApiAdapter):
    controller_cls = Controller
    version = "test"


if __name__ == "__main__":
    port, api_version = sys.argv[1:3]
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as config:
        config.write(
            "[server]\n"
            f"http_port = {port}\nhttp_addr = 127.0.0.1\nadapters = detector\n"
            + (f"api_version = {api_version}\n" if api_version != "none" else "")
            + "[adapter.detector]\nmodule = odinDetector.DetectorAdapter\n"
        )
        config.flush()
        main(["--config", config.name])
