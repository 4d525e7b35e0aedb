"""The mock upstream, a process of its own: `python bench/mock.py` prints its port. Raw asyncio, keep-alive.

The model's name says what it answers: `json` one document, `sse-N` a stream of N events at full speed, `paced-N`
N events at 20 a second.
"""

from __future__ import annotations

import asyncio
import re

from wire import ANSWER, CHUNK, HOST, STOP

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"%x\r\n%b\r\n0\r\n\r\n" % (len(STOP), STOP)
PACE = 1 / 20
MODEL = re.compile(rb'"model": ?"(json|sse|paced)(?:-(\d+))?"')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Upstream(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = b""
        self.room = asyncio.Event()
        self.room.set()
        self.stream: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = LENGTH.search(self.buffer, 0, head)
        if len(self.buffer) < head + 4 + (int(length[1]) if length else 0):
            return
        asked = MODEL.search(self.buffer, head)
        self.buffer = b""
        if asked is None or asked[1] == b"json":
            self.transport.write(JSON)
        else:
            self.stream = asyncio.create_task(self.answer(asked[1] == b"paced", int(asked[2] or 100)))

    async def answer(self, paced: bool, events: int) -> None:
        self.transport.write(SSE)
        clock = asyncio.get_running_loop().time
        due = clock()
        for _ in range(events):
            if paced:
                due += PACE
                await asyncio.sleep(max(0.0, due - clock()))
            await self.room.wait()
            self.transport.write(CHUNK)
        self.transport.write(END)

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.stream is not None:
            self.stream.cancel()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, HOST, 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
