"""Runs Diamond's simulated Eiger: <tickit configuration>. Two defects of it are put right, which no detector has:

- tickit's sending socket also connects to itself, and gives messages to itself that nobody receives;
- tickit-devices sends messages as one that come quickly after each other.
"""

import sys

import aiozmq
import zmq
from tickit.adapters.io.zeromq_push_io import ZeroMqPushIo
from tickit.cli import main
from tickit_devices.eiger.eiger_adapters import EigerZMQAdapter

STARTS = ("dheader-1.0", "dimage-1.0", "dseries_end-1.0")


async def bound_socket(host: str, port: int) -> aiozmq.ZmqStream:
    return await aiozmq.create_zmq_stream(zmq.PUSH, bind=f"tcp://{host}:{port}")


def is_start(part) -> bool:
    """Whether a message begins here: version 2 of the stream has one part each, version 1 says so in its headers."""
    if isinstance(part, bytes):
        return part[:3] == b"\xd9\xd9\xf7"
    header = part if isinstance(part, dict) else part.dict()
    return header.get("htype") in STARTS


def send_one_by_one(self) -> None:
    message = []
    for part in self.stream.consume_data():
        if message and is_start(part):
            self.add_message_to_stream(message)
            message = []
        message.append(part)
    if message:
        self.add_message_to_stream(message)


ZeroMqPushIo.__init__.__defaults__ = (*ZeroMqPushIo.__init__.__defaults__[:2], bound_socket)
EigerZMQAdapter.after_update = send_one_by_one
sys.argv = ["tickit", "--log-level", "ERROR", "all", sys.argv[1]]
main()
