"""The loop between two sockets: read what has come, write what may go, and let neither side run ahead of the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from tornadogw.relay.answer import Answer
from tornadogw.relay.raw import RawReader
from tornadogw.relay.reader import Item, Reader
from tornadogw.transport import TransportError, Upstream
from tornadogw.types import Failure

__all__ = ["Client", "ClientGone", "UpstreamFailed", "pump"]

LINGER = 0.1
"""Seconds that a connection gets to end properly after the answer's terminator, so that it can be used again."""
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
    upstream: Upstream,
    reader: Reader,
    answer: Answer,
    client: Client,
    begin: Callable[[], None],
    *,
    first_event: float,
    idle: float,
) -> None:
    """Move one answer. Returns when it is whole and all but its end was written; raises UpstreamFailed.

    `begin` is called from the first useful event on: before it nothing reaches the client. `first_event` is a moment
    of the loop's clock, `idle` are seconds between two events.
    """
    clock = asyncio.get_running_loop().time
    deadline = first_event
    held: list[Item] = []
    while not reader.done:
        frames = reader.frames
        data = await _read(upstream, reader, deadline)
        items = reader.end() if data is None else reader.feed(data)
        if not reader.useful:
            held += items[: HELD - len(held)]
        elif items:
            begin()
            _let_pass(reader, answer)
            if out := answer.take([*held, *items]):
                await client.write(out)
            held.clear()
        if reader.failure is not None:
            raise UpstreamFailed(reader.failure)
        if data is None:
            return
        if reader.useful and reader.frames > frames:
            deadline = clock() + idle
    await _finish(upstream, reader, answer, client)


def _let_pass(reader: Reader, answer: Answer) -> None:
    """The raw relay begins with the first read after the first useful event, if no chunk must be rewritten."""
    if isinstance(reader, RawReader) and not reader.passing and answer.identity is not None:
        reader.passing = reader.meta.model == answer.identity.model and reader.meta.id == answer.identity.id


async def _read(upstream: Upstream, reader: Reader, deadline: float) -> bytes | None:
    """What has arrived; None at the end of the body. A complete answer does not fail for want of its terminator."""
    try:
        async with asyncio.timeout_at(deadline):
            return await upstream.read() or None
    except TimeoutError:
        failure = Failure("elsewhere", code="timeout", message="the upstream fell silent")
    except TransportError as error:
        failure = Failure("elsewhere", code=error.kind, message=str(error))
    if reader.complete:
        return None
    raise UpstreamFailed(failure)


async def _finish(upstream: Upstream, reader: Reader, answer: Answer, client: Client) -> None:
    """After the terminator: the events that were held back, and the end of the body if it comes at once."""
    items: list[Item] = list(reader.end())
    if reader.failure is not None:
        raise UpstreamFailed(reader.failure)
    if items and (out := answer.take(items)):
        await client.write(out)
    try:
        async with asyncio.timeout(LINGER):
            await upstream.read()
    except (TimeoutError, TransportError):
        return
