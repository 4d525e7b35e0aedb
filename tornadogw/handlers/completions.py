"""`POST chat/completions` and `POST completions`: one handler, two doors; the mode comes from the body."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from tornado.iostream import StreamClosedError
from typing_extensions import override

from tornadogw.errors import BodyTooLarge, GatewayError, WrongMediaType
from tornadogw.exchange import Inbound, run
from tornadogw.handlers.api import ApiHandler
from tornadogw.handlers.base import Parts
from tornadogw.relay.pump import ClientGone

__all__ = ["CompletionsHandler"]

_LONGEST_LENGTH = 18
"""Digits of a `Content-Length`; more is a number that nobody means."""
STALLED = 60.0
"""Seconds that a client may leave its receive window closed before it counts as gone."""


class CompletionsHandler(ApiHandler):
    """Collects the body within its limits and hands it to the exchange."""

    verbs: ClassVar[tuple[str, ...]] = ("POST",)

    @override
    def initialize(self, parts: Parts, under_prefix: bool = False) -> None:
        super().initialize(parts, under_prefix)
        self._chunks: list[bytes] = []
        self._size = 0
        self._task: asyncio.Task[Any] | None = None

    @override
    async def check(self) -> None:
        """The body's limits start to count once everything else is found good."""
        await super().check()
        if self.request.method != "POST":
            return
        limiter = self.parts.limiter
        leave = limiter.enter(self.caller) or await limiter.ask_enter(self.caller)
        try:
            self._check_body()
        except GatewayError:
            leave()
            raise
        if self.gone:
            leave()
        else:  # a stop waits for bodies that are on their way, too
            self.parts.inflight.began(self, self.cut, leave)

    def _check_body(self) -> None:
        """What the headers say of it. Raises GatewayError."""
        headers, limits = self.request.headers, self.parts.settings.server
        if headers.get("Content-Type", "").lower().startswith("multipart/"):
            raise WrongMediaType(zh="请使用 application/json", en="send application/json")
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise WrongMediaType(zh="不支持压缩的请求体", en="send the body without Content-Encoding")
        length = headers.get("Content-Length", "")  # one that is none is refused by the parser
        if len(length) > _LONGEST_LENGTH:
            raise self._too_large()
        if length.isascii() and length.isdecimal() and int(length) > limits.max_body_bytes:
            raise self._too_large()

    @override
    def data_received(self, chunk: bytes) -> None:
        if self._headers_written:  # refused already
            return
        self._size += len(chunk)
        if self._size > self.parts.settings.server.max_body_bytes:
            self._chunks.clear()
            self.refuse(self._too_large())
        else:
            self._chunks.append(chunk)

    @override
    async def post(self, *_: str) -> None:
        inbound = Inbound(
            id=self.request_id,
            caller=self.caller,
            body=b"".join(self._chunks),
            headers=self.request.headers,
            under_prefix=self.under_prefix,
            language=self.language,
        )
        self._chunks.clear()
        self._task = asyncio.current_task()
        try:
            await run(self.parts.gate, inbound, _HttpClient(self))
        except GatewayError as error:
            self.refuse(error)
        except ClientGone:
            self.hang_up()
        except asyncio.CancelledError:
            if not self.gone:
                raise
        finally:
            self._task = None
            self.parts.inflight.ended(self)

    @override
    def on_finish(self) -> None:
        super().on_finish()
        if self._task is None:
            self.parts.inflight.ended(self)

    def cut(self) -> None:
        """End the exchange now, as if the client had left."""
        self.on_connection_close()
        self.hang_up()

    @override
    def on_connection_close(self) -> None:
        """The client left: the exchange is cancelled, which aborts the upstream and settles."""
        gone = self.gone
        super().on_connection_close()
        if self._task is None:
            self.parts.inflight.ended(self)
        elif not gone:  # once: a second time would disturb the settlement
            self._task.cancel()

    def _too_large(self) -> BodyTooLarge:
        limit = self.parts.settings.server.max_body_bytes
        return BodyTooLarge(zh=f"上限为 {limit} 字节", en=f"the limit is {limit} bytes")


class _HttpClient:
    """The client as the exchange sees it."""

    def __init__(self, handler: CompletionsHandler) -> None:
        self._handler = handler
        self.started = False

    def announce(self, *, stream: bool, headers: Mapping[str, str]) -> None:
        handler = self._handler
        handler.clear_header("X-Gateway-Dropped")  # of a route that failed before this one
        for name, value in headers.items():
            handler.fields[name] = value
        if stream:
            handler.fields["Content-Type"] = "text/event-stream; charset=utf-8"
            handler.fields["Cache-Control"] = "no-cache"
            handler.fields["X-Accel-Buffering"] = "no"
        else:
            handler.fields["Content-Type"] = "application/json; charset=utf-8"

    async def write(self, data: bytes) -> None:
        self.started = True
        self._handler.write(data)
        await self._sent(self._handler.flush())

    async def finish(self, data: bytes) -> None:
        if not self.started:
            self._handler.fields["Content-Length"] = str(len(data))
        self.started = True
        await self._sent(self._handler.finish(data))

    @staticmethod
    async def _sent(future: asyncio.Future[None]) -> None:
        """Waits until the bytes have left; the fast way when they already have."""
        try:
            if future.done():
                future.result()
                return
            async with asyncio.timeout(STALLED):
                await future
        except (StreamClosedError, TimeoutError):
            raise ClientGone from None
