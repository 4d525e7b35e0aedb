"""`POST chat/completions` and `POST completions`: one handler, two doors; the mode comes from the body."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.errors import BodyTooLarge, GatewayError, WrongMediaType
from tornadogw.exchange import Inbound, run
from tornadogw.handlers.api import ApiHandler
from tornadogw.handlers.base import Parts
from tornadogw.handlers.client import BUFFERED, BufferedClient, HttpClient
from tornadogw.relay.pump import ClientGone

__all__ = ["CompletionsHandler"]

_LONGEST_LENGTH = 18
"""Digits of a `Content-Length`; more is a number that nobody means."""


class CompletionsHandler(ApiHandler):
    """Collects the body within its limits and hands it to the exchange."""

    verbs: ClassVar[tuple[str, ...]] = ("POST",)

    @override
    def initialize(self, parts: Parts, under_prefix: bool = False) -> None:
        super().initialize(parts, under_prefix)
        self._chunks: list[bytes] = []
        self._size = 0
        self._task: asyncio.Task[Any] | None = None
        self._client = HttpClient(self)
        self._patience: asyncio.TimerHandle | None = None
        """Runs while an answer is read for a client that has left."""

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
        room = self.parts.settings.server.buffer_bytes
        buffered = room > 0 and self.request.headers.get(BUFFERED) == "full"
        try:
            await run(self.parts.gate, inbound, BufferedClient(self._client, room) if buffered else self._client)
        except GatewayError as error:
            if not self.gone:
                self.refuse(error)
        except ClientGone:
            self.hang_up()
        except asyncio.CancelledError:
            if not self.gone:
                raise
        finally:
            self._task = None
            if self._patience is not None:
                self._patience.cancel()
            self.parts.inflight.ended(self)

    @override
    def on_finish(self) -> None:
        super().on_finish()
        if self._task is None:
            self.parts.inflight.ended(self)

    def cut(self) -> None:
        """End the exchange now, as if the client had left, and read nothing on."""
        if self._patience is not None:
            self._stop()
        else:
            self._client.read_nothing_on()
            self.on_connection_close()
        self.hang_up()

    @override
    def on_connection_close(self) -> None:
        """The client left: the exchange is cancelled, which aborts the upstream and settles. Where the operator wants
        its answer to be read to the end, not before its time.
        """
        gone = self.gone
        super().on_connection_close()
        if self._task is None:
            self.parts.inflight.ended(self)
        elif not gone:  # once: a second time would disturb the settlement
            if seconds := self._client.leaves():
                self._patience = asyncio.get_running_loop().call_later(seconds, self._stop)
            else:
                self._task.cancel()

    def _stop(self) -> None:
        if self._patience is not None and self._task is not None:
            self._patience.cancel()
            self._patience = None
            self._task.cancel()

    def _too_large(self) -> BodyTooLarge:
        limit = self.parts.settings.server.max_body_bytes
        return BodyTooLarge(zh=f"上限为 {limit} 字节", en=f"the limit is {limit} bytes")
