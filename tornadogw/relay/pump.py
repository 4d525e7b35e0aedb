"""The loop between two sockets: read what has come, write what may go, and let neither side run ahead of the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from tornadogw.deadline import Deadline
from tornadogw.relay.answer import Answer
from tornadogw.relay.raw import RawReader
from tornadogw.relay.reader import Item, Reader
from tornadogw.transport import TransportError, Upstream
from tornadogw.types import Failure

__all__ = ["Client", "ClientGone", "UpstreamFailed", "pump"]

LINGER = 0.1
"""Seconds that a connection gets to end properly after the answer's terminator, so that it can be used again."""
TAIL = 2.0
"""Seconds that usage and terminator get once every choice has its finish reason: the answer is whole without them."""
QUIET = 2
"""How many times as long an upstream may be silent if it says that it is there (a ping)."""
ERROR_BODY, ERROR_SECONDS = 65536, 2.0
"""Bytes and seconds of an upstream's error that are read to learn why."""
_SUCCESS = range(200, 300)
HELD = 64
"""Opaque extras that are kept until the first useful event; a vendor sends a handful."""


class Client(Protocol):
    """Who asked. Awaiting `write` waits until the bytes have left: that is the back-pressure."""

    @property
    def started(self) -> bool:
        """Something was sent: from now on no error can be a plain HTTP answer."""

    async def write(self, data: bytes) -> None:
        """Raises ClientGone."""


class ClientGone(Exception):
    """The client's connection was lost, or it took nothing for too long."""


class UpstreamFailed(Exception):
    """The upstream did not give a whole answer; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code or failure.kind)
        self.failure = failure


async def pump(
    sending: AbstractAsyncContextManager[Upstream],
    reader: Reader,
    answer: Answer,
    client: Client,
    begin: Callable[[], None],
    judge: Callable[[int, Mapping[str, str], bytes], Failure],
    *,
    first_event: float,
    idle: float,
) -> None:
    """Send and move one answer. Returns when it is whole and all but its end is written; raises UpstreamFailed.

    `begin` is called from the first useful event on: before it nothing reaches the client. `judge` classifies an answer
    that is no success. `first_event` is a moment of the loop's clock, `idle` are seconds between two events.
    """
    try:
        with Deadline(first_event) as patience:
            async with sending as upstream:
                if upstream.status not in _SUCCESS:
                    patience.move(None)  # it has answered, if only that
                    raise UpstreamFailed(judge(upstream.status, upstream.headers, await _error_body(upstream)))
                await _relay(upstream, reader, answer, client, begin, patience, idle)
                return
    except TimeoutError:
        failure = Failure("elsewhere", code="timeout", message="the upstream fell silent")
    except TransportError as error:
        failure = Failure("elsewhere", code=error.kind, message=str(error))
    if not reader.complete:
        raise UpstreamFailed(failure)
    if out := answer.take(reader.end()):  # all that is missing is a terminator
        await client.write(out)


async def _relay(
    upstream: Upstream,
    reader: Reader,
    answer: Answer,
    client: Client,
    begin: Callable[[], None],
    patience: Deadline,
    idle: float,
) -> None:
    held: list[Item] = []
    data = None
    now, quiet = asyncio.get_running_loop().time, 0.0
    while data != b"" and not reader.done:
        frames, pings = reader.frames, reader.pings
        data = await upstream.read()
        items = reader.feed(data) if data else reader.end()
        if not reader.useful:
            held += items[: HELD - len(held)]
        else:
            begin()
            _let_pass(reader, answer)
            if out := answer.take([*held, *items]):
                patience.move(None)  # a slow client is not the upstream's fault
                await client.write(out)
            if out or reader.frames > frames:
                patience.after(min(idle, TAIL) if reader.finished else idle)
                quiet = now() + QUIET * idle
            elif reader.pings > pings and not reader.finished:
                patience.move(min(now() + idle, quiet))
            held.clear()
        if reader.failure is not None:
            raise UpstreamFailed(reader.failure)
    if reader.done and data:
        await _finish(upstream, reader, answer, client, begin, patience)


def _let_pass(reader: Reader, answer: Answer) -> None:
    """The raw relay begins with the first read after the first useful event, if no chunk must be rewritten."""
    if isinstance(reader, RawReader) and not reader.passing and answer.identity is not None:
        said, shown = reader.meta, answer.identity
        reader.passing = (said.id, said.model, said.created) == (shown.id, shown.model, shown.created)


async def _finish(
    upstream: Upstream,
    reader: Reader,
    answer: Answer,
    client: Client,
    begin: Callable[[], None],
    patience: Deadline,
) -> None:
    """After the terminator: the events that were held back, and the end of the body if it comes at once."""
    items = reader.end()
    patience.move(None)
    if reader.useful:
        begin()
        if items and (out := answer.take(items)):
            await client.write(out)
    if reader.failure is not None:
        raise UpstreamFailed(reader.failure)
    patience.after(LINGER)
    await upstream.read()


async def _error_body(upstream: Upstream) -> bytes:
    """As much of an error as comes soon: its status says most of it."""
    try:
        async with asyncio.timeout(ERROR_SECONDS):
            return await upstream.body(ERROR_BODY)
    except (TimeoutError, TransportError):
        return b""
