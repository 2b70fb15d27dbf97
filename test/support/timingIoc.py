"""A timing system behind the process variable TEST:EVENT: code 254 starts its triggers, 255 stops them.

Prints a JSON line when it is ready, for each code, and for each trigger.
"""

import asyncio
import json

from caproto.server import PVGroup, pvproperty, run


def say(**fields):
    print(json.dumps(fields), flush=True)


class Timing(PVGroup):
    event = pvproperty(value=0, name="EVENT")
    fires = False

    @event.startup
    async def event(self, instance, async_lib):
        say(ready=True)
        triggers = 0
        while True:
            await asyncio.sleep(0.005)
            if self.fires:
                triggers += 1
                say(triggers=triggers)

    @event.putter
    async def event(self, instance, value):
        self.fires = {254: True, 255: False}.get(value, self.fires)
        say(code=int(value))


if __name__ == "__main__":
    run(Timing(prefix="TEST:").pvdb, interfaces=["127.0.0.1"], log_pv_names=False)
