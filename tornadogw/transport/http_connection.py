"""One connection to an upstream: it writes a request, feeds what comes to the answer, and lets neither run ahead.

Everything happens in the calls of the loop: there is no task here, and a future only where somebody must wait.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import cast

from typing_extensions import override

from tornadogw.transport.http_answer import Answer

__all__ = ["Connection", "Key"]

Key = tuple[tuple[str, str, int], str]
"""Scheme, host and port of the upstream, and the proxy's URL: requests alike in them may share a connection."""

UNREAD = 131072
"""Bytes of a body that wait for their reader; above, the socket is paused until they are taken."""
PIECE = 131072
"""Bytes. A longer body is written piece by piece as the socket takes it, so that it does not hold the loop."""


class Connection(asyncio.BufferedProtocol):
    """Serves one request at a time.

    `lost` is called when the connection is of no use any more. `buffer` is where the loop puts what it reads, and from
    where it is taken in the same breath: all connections of a loop can share it. (A plain Protocol's reads allocate
    256 KB each time, which costs more than all the rest of a read.)
    """

    def __init__(self, key: Key, lost: Callable[[Connection], None], buffer: memoryview) -> None:
        self.key = key
        self._buffer = buffer
        self.used = False
        """It has carried a request; one that is lost now may have died in the pool."""
        self.idle_since = 0.0
        """The loop's clock."""
        self.gone = False
        """The socket is closed."""
        self.ended = False
        """The peer has closed its side properly."""
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._rest: memoryview | None = None
        self._early = b""
        self._spoke_first = False
        self._held = False
        self._full = False
        self._error: BaseException | None = None

    # --- for the pool and the reader --------------------------------------------------------------------------------

    def ask(self, head: bytes, body: bytes, *, head_only: bool = False) -> Answer:
        """Write a request. What is left of a long body follows by itself, also while its answer is being read."""
        self.used = True
        self._answer = answer = Answer(head_only=head_only)
        if self._early:
            answer.feed(self._early)
            self._early = b""
        if self.ended:
            answer.end()
        if self.gone:
            answer.lost(self._error)
        if answer.over or self._transport is None:
            return answer
        if len(body) <= PIECE:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._rest = memoryview(body)
            self._write_on()
        self.relax()
        return answer

    def news(self) -> asyncio.Future[None]:
        """Done when something has come for the answer. One waits at a time."""
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("an answer has one reader")
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def relax(self) -> None:
        """The reader has taken what there was."""
        if self._held:
            self._held = False
            if self._transport is not None:
                self._transport.resume_reading()

    def release(self) -> bool:
        """The answer is no longer wanted. Whether the connection can carry another request."""
        answer, self._answer = self._answer, None
        if answer is None or self._transport is None:
            return False
        answer.close()
        sound = answer.whole and answer.keep and not self._spoke_first
        if not sound or self._transport.is_closing() or self._transport.get_write_buffer_size():
            answer.lost(None)
            self._wake()
            return False
        self.relax()
        return True

    def has_news(self) -> bool:
        """Whether something has come that the loop has not read yet: where nothing is asked, the peer has closed it.

        llama.cpp does so right after about every third answer, though it has promised `Keep-Alive: timeout=5`.
        """
        socket = self._transport.get_extra_info("socket") if self._transport is not None else None
        if socket is None or socket.fileno() < 0:
            return True
        here = select.poll()  # unlike `select`, for any number of open files
        here.register(socket.fileno(), select.POLLIN)
        return bool(here.poll(0))

    def abort(self) -> None:
        """Close the socket now; nothing that is not yet written will be."""
        self._rest = None
        if self._answer is not None:
            self._answer.lost(None)
            self._wake()
        if self._transport is not None:
            self._transport.abort()

    # --- called by the loop -----------------------------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    @override
    def buffer_updated(self, nbytes: int) -> None:
        data, answer = bytes(self._buffer[:nbytes]), self._answer
        if answer is None:
            self._unasked(data)
            return
        answer.feed(data)
        if answer.fault is not None:
            self.abort()
        elif answer.unread > UNREAD:
            self._hold()
        self._wake()

    @override
    def eof_received(self) -> None:
        self.ended = True
        if self._answer is not None:
            self._answer.end()
            self._wake()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.gone, self._error = True, exc
        self._rest = None
        self.ended = self.ended or exc is None  # the peer may close without saying so in TLS
        if self._answer is not None:
            if exc is None:
                self._answer.end()
            else:
                self._answer.lost(exc)
            self._wake()
        self._lost(self)

    @override
    def pause_writing(self) -> None:
        self._full = True

    @override
    def resume_writing(self) -> None:
        self._full = False
        self._write_on()

    # --- parts ------------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _hold(self) -> None:
        if not self._held and self._transport is not None:
            self._held = True
            self._transport.pause_reading()

    def _unasked(self, data: bytes) -> None:
        """Bytes that no request has asked for. Before the first one a server may say that it is busy."""
        if self.used:
            self._lost(self)
            self.abort()
            return
        self._spoke_first = True
        self._early += data
        self._hold()

    def _write_on(self) -> None:
        """As much of the body as the socket takes."""
        transport = self._transport
        while self._rest is not None and transport is not None and not self._full and not transport.is_closing():
            piece, rest = self._rest[:PIECE], self._rest[PIECE:]
            self._rest = rest if len(rest) else None
            transport.write(piece)
