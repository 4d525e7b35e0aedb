"""A client that writes what it likes, byte by byte, and reads what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Self

from tests.running import Running

LONGEST = 1024 * 1024


class Raw:
    """`async with Raw(gateway) as client:` one connection; `head` and `writer` write, `answer` reads."""

    def __init__(self, gateway: Running) -> None:
        self._gateway = gateway

    async def __aenter__(self) -> Self:
        host, port = self._gateway.url.removeprefix("http://").split(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port), limit=LONGEST)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def head(self, *headers: str, key: str | None = None, first: str = "POST /v1/chat/completions HTTP/1.1") -> None:
        """A request's head, with the gateway's own key unless there is another."""
        lines = [first, "Host: x", f"X-API-Key: {self._gateway.key if key is None else key}", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode())

    def ask(self, body: bytes, *headers: str, **options: Any) -> None:
        """A whole request."""
        self.head(f"Content-Length: {len(body)}", *headers, **options)
        self.writer.write(body)

    async def answer(self, seconds: float = 15) -> tuple[int, dict[str, str], Any]:
        """(status, headers, JSON) of one answer; status 0: the connection was closed without any."""
        async with asyncio.timeout(seconds):
            try:
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return 0, {}, None
            pairs = (line.partition(":") for line in head[1:] if line)
            headers = {name.lower(): text.strip() for name, _, text in pairs}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
            return int(head[0].split()[1]), headers, json.loads(body) if body else None

    async def closed(self, seconds: float = 15) -> bool:
        """Wait until the other side has closed the connection."""
        async with asyncio.timeout(seconds):
            with contextlib.suppress(ConnectionError):
                while await self.reader.read(65536):
                    pass
        return True
