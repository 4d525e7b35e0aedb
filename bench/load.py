"""The load, a process of its own: keep-alive connections that ask again as soon as they are answered.

`python bench/load.py PORT KEY MODEL --connections 16 --requests 2000 [--stream]` prints one line of JSON: answers,
events, faults, seconds. Ends by itself after `--seconds` at the latest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from wire import HOST, request

LAST_CHUNK = b"\r\n0\r\n\r\n"
EVENT_MARK = b'"finish_reason":null'


class Asker(asyncio.Protocol):
    """One connection. Reads no more of an answer than its status, its end and the number of its events."""

    def __init__(self, load: Load) -> None:
        self.load = load

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        if self.load.left <= 0:
            self.transport.close()
            return
        self.load.left -= 1
        self.head = b""
        self.body_left: int | None = None
        self.tail = b""
        self.in_body = False
        self.transport.write(self.load.request)

    def data_received(self, data: bytes) -> None:
        if not self.in_body:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            self.in_body = True
            head, data = self.head[:end].lower(), self.head[end + 4 :]
            if not head.startswith(b"http/1.1 200"):
                self.load.fail(self.head)
                self.transport.close()
                return
            if b"content-length:" in head:
                self.body_left = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if self.body_left is not None:
            self.body_left -= len(data)
            done = self.body_left <= 0
        else:
            seen = self.tail + data
            keep = len(EVENT_MARK) - 1
            self.load.events += seen.count(EVENT_MARK)
            done = seen.endswith(LAST_CHUNK)
            self.tail = seen[-keep:]
        if done:
            self.load.answers += 1
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.open -= 1
        if self.load.open == 0:
            self.load.finished.set_result(None)


class Load:
    def __init__(self, wanted: int, data: bytes, connections: int) -> None:
        self.left, self.request, self.open = wanted, data, connections
        self.answers = self.events = self.faults = 0
        self.first_fault = ""
        self.finished = asyncio.get_running_loop().create_future()

    def fail(self, head: bytes) -> None:
        self.faults += 1
        self.first_fault = self.first_fault or head[:400].decode("utf-8", "replace")


async def run(asked: argparse.Namespace) -> dict[str, object]:
    data = request(asked.model, asked.key, stream=asked.stream)
    load = Load(asked.requests, data, asked.connections)
    loop = asyncio.get_running_loop()
    started = time.monotonic()
    opened = [loop.create_connection(lambda: Asker(load), HOST, asked.port) for _ in range(asked.connections)]
    transports = [transport for transport, _ in await asyncio.gather(*opened)]
    try:
        async with asyncio.timeout(asked.seconds):
            await load.finished
    except TimeoutError:
        load.fail(b"not answered in time")
        for transport in transports:
            transport.abort()
    return {
        "answers": load.answers,
        "events": load.events,
        "faults": load.faults,
        "first_fault": load.first_fault,
        "seconds": time.monotonic() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Loopback load for bench/run.py")
    parser.add_argument("port", type=int)
    parser.add_argument("key")
    parser.add_argument("model")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0)
    print(json.dumps(asyncio.run(run(parser.parse_args()))), flush=True)


if __name__ == "__main__":
    main()
