"""One request's way through its handler: the checks, the body, the verb.

Stands where Tornado's delegates and `RequestHandler._execute` would, which serve every kind of handler and cost a tenth
of a request. Handlers stay Tornado's. What is not here is not for an API: forms, cross-site protection, templates.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections.abc import Awaitable, Callable

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from typing_extensions import override

from tornadogw.errors import InternalError
from tornadogw.handlers.base import BaseHandler

__all__ = ["SHORT", "Turn"]

log = logging.getLogger(__name__)

SHORT = 65536
"""Bytes of a body that is taken while the checks still run: most are here already, in one piece with their head."""
_DIGITS = 5


class Turn(HTTPMessageDelegate):
    """Called by a server while a request comes in; the handler's work runs in a task of its own."""

    def __init__(
        self,
        find: Callable[[HTTPServerRequest], tuple[BaseHandler, list[str]]],
        server_connection: object,
        connection: HTTPConnection,
    ) -> None:
        self._find, self._server_connection, self._connection = find, server_connection, connection
        self._early: list[bytes] = []
        self._begun = self._checked = False
        self._whole = False
        self._awaited: Future[None] | None = None  # by the server: the checks; then by the handler: the body's end

    @override
    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        request = HTTPServerRequest(
            connection=self._connection,
            server_connection=self._server_connection,
            start_line=start_line,  # type: ignore[arg-type]  # a server's messages are requests
            headers=headers,
        )
        self._handler, self._rest = self._find(request)
        self._begun = True
        self._task = asyncio.create_task(self._run())
        if _is_short(headers):
            return None
        self._awaited = asyncio.get_running_loop().create_future()
        return self._awaited

    @override
    def data_received(self, chunk: bytes) -> None:
        if self._checked:
            self._handler.data_received(chunk)
        else:
            self._early.append(chunk)

    @override
    def finish(self) -> None:
        self._whole = True
        self._handler.body_ends()
        self._wake()

    @override
    def on_connection_close(self) -> None:
        if self._begun:  # else its head was refused
            self._handler.on_connection_close()
        self._wake()

    async def _run(self) -> None:
        handler = self._handler
        try:
            await handler.prepare()
            if not handler.over:
                await self._body()
            if not handler.over:
                answering = getattr(handler, (handler.request.method or "").lower())(*self._rest)
                if answering is not None:
                    await answering
                handler.ensure_finished()
        except asyncio.CancelledError:
            handler.failed(InternalError())
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is answered in the contract's words
            handler.failed(error)
        finally:
            self._wake()

    async def _body(self) -> None:
        """Give the body to the handler, and wait for its end or the client's."""
        self._checked = True
        for chunk in self._early:
            self._handler.data_received(chunk)
        self._early.clear()
        self._wake()
        if not (self._whole or self._handler.gone):
            self._awaited = asyncio.get_running_loop().create_future()
            await self._awaited

    def _wake(self) -> None:
        """Whoever waits goes on."""
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)


def _is_short(headers: HTTPHeaders) -> bool:
    """Whether the body is so short, and so certain to come, that no check need hold it up."""
    length = headers.get("Content-Length", "0")
    return (
        len(length) <= _DIGITS
        and length.isdecimal()
        and int(length) <= SHORT
        and "Transfer-Encoding" not in headers
        and "Expect" not in headers
    )
