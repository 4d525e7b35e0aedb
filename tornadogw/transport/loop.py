"""The answers of `loop://`: made by a vendor in the process, sent through no socket.

A vendor without a server (the built-in echo) writes its whole answer into the request:
`UpstreamRequest(method="LOOP", url="loop://echo?status=200&delay_ms=20", headers=<the answer's>, body=<the answer's>)`.
The query says how it arrives:

| name | meaning | default |
|---|---|---|
| `status` | HTTP status | 200 |
| `delay_ms` | pause before every event | 0 |
| `cut` | `1`: the connection is reset after the body instead of a clean end | |
| `stall` | number of events after which nothing comes any more, for ever | |
| `refuse` | `1`: no connection at all | |
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from tornadogw.transport.base import TransportError, read_body
from tornadogw.types import UpstreamRequest

__all__ = ["LoopUpstream"]


class LoopUpstream:
    """An answer that its request already holds. An SSE body comes event by event, any other at once."""

    def __init__(self, request: UpstreamRequest) -> None:
        split = urlsplit(request.url)
        query = dict(parse_qsl(split.query))
        self._name = split.hostname or "loop"
        self._headers = {name.lower(): value for name, value in request.headers.items()}
        self._body = request.body
        self._sse = "event-stream" in self._headers.get("content-type", "")
        self._at = 0
        self._events = 0
        self._delay = int(query.get("delay_ms", 0)) / 1000
        self._cut = query.get("cut") == "1"
        self._stall = int(query.get("stall", -1))
        self._refuse = query.get("refuse") == "1"
        self.status = int(query.get("status", 200))

    async def __aenter__(self) -> Self:
        if self._refuse:
            raise TransportError("connect", f"{self._name}: the connection was refused on demand")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._at = len(self._body)

    @property
    def headers(self) -> dict[str, str]:
        return self._headers

    async def read(self) -> bytes:
        if self._events == self._stall:
            await asyncio.get_running_loop().create_future()  # until the caller's deadline
        if self._at >= len(self._body):
            if self._cut:
                raise TransportError("reset", f"{self._name}: the answer was cut on demand")
            return b""
        await asyncio.sleep(self._delay)  # 0 lets others run: a long answer must not hold the loop
        end = self._body.find(b"\n\n", self._at) if self._sse else -1
        end = len(self._body) if end < 0 else end + 2
        piece = self._body[self._at : end]
        self._at = end
        self._events += 1
        return piece

    async def body(self, limit: int) -> bytes:
        return await read_body(self, limit)
