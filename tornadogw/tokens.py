"""Secrets that do not last: one fresh token for each credential that expires, fetched when it is needed and no more.

Vendors say how (`Vendor.refresh`); here are the clock, the socket and the waiting. One fetch at a time serves everybody
who waits for that credential. A client that leaves does not stop it: the next one needs the token as well.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable

import msgspec

from tornadogw.catalogue import RouteEntry
from tornadogw.errors import Unreadable
from tornadogw.transport import Transport, TransportError
from tornadogw.types import Credential, Failure, Fetched, UpstreamRequest, Value

__all__ = ["DEADLINE", "EARLY", "Tokens"]

log = logging.getLogger(__name__)

EARLY = 60.0
"""Seconds before its end at which a token is replaced."""
DEADLINE = 10.0
"""Seconds that one refresh may take, whatever it sends."""
BODY = 65536
"""Bytes of an answer that a vendor gets to see."""


class _Token(Value, frozen=True):
    secret: str
    until: float
    """A moment of the monotonic clock."""


class Tokens:
    """All fresh tokens of this process. Bounded by the configured keys."""

    def __init__(self, transport: Transport, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._clock = clock
        self._kept: dict[str, _Token] = {}
        self._fetching: dict[str, asyncio.Task[_Token | Failure]] = {}

    async def fresh(self, route: RouteEntry, credential: Credential, *, refused: str = "") -> Credential | Failure:
        """`credential` as the vendor may use it now: itself, or with a token in place of its secret.

        :param refused: the token that the upstream has just answered 401 to; it is not given again.
        """
        kept = self._usable(credential, refused)
        if kept is None or kept.until - EARLY <= self._clock():
            fetched = await asyncio.shield(self._fetch(route, credential))
            if isinstance(fetched, _Token):
                kept = fetched
            elif kept is None:
                return fetched
        return msgspec.structs.replace(credential, secret=kept.secret)

    def forget(self, names: Iterable[str]) -> None:
        """Tokens of keys that are gone, or stand for another secret or another upstream now."""
        for name in names:
            _ = self._kept.pop(name, None)

    async def close(self) -> None:
        """Stop what is being fetched; who waits for it is cancelled."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _usable(self, credential: Credential, refused: str) -> _Token | None:
        kept = self._kept.get(credential.name)
        return kept if kept is not None and kept.secret != refused and kept.until > self._clock() else None

    def _fetch(self, route: RouteEntry, credential: Credential) -> asyncio.Task[_Token | Failure]:
        """The one fetch for this credential, begun now unless it is under way."""
        name = credential.name
        if name not in self._fetching:
            task = asyncio.create_task(self._refresh(route, credential), name=f"refresh {name}")
            task.add_done_callback(lambda _: self._fetching.pop(name))
            self._fetching[name] = task
        return self._fetching[name]

    async def _refresh(self, route: RouteEntry, credential: Credential) -> _Token | Failure:
        """Ask the vendor for a token and keep it. Never raises: a vendor is a plugin, and a failure has its form."""

        async def http(request: UpstreamRequest) -> Fetched:
            async with self._transport.send(request, connect=route.deadlines.connect, proxy=route.proxy) as answer:
                return Fetched(answer.status, answer.headers, await answer.body(BODY))

        began = self._clock()
        try:
            async with asyncio.timeout(DEADLINE):
                said = await route.vendor.refresh(http, credential, time.time())
        except TimeoutError:
            return _failed("timeout", "no fresh token came in time")
        except TransportError as error:
            return _failed(error.kind, str(error))
        except Unreadable as error:
            return _failed("unreadable", f"the answer about a fresh token cannot be read: {error}")
        except Exception as error:  # noqa: BLE001 -- a plugin's bug may be any; its words may hold the secret, so only its kind is told
            kind = type(error).__name__
            log.error("vendor %s has a bug: refreshing %s raised %s", route.vendor.name, credential.name, kind)  # noqa: TRY400 -- likewise
            return _failed("vendor_bug", "the vendor plugin failed to fetch a token")
        if isinstance(said, Failure):
            return said
        if not said.secret or not 0 < said.seconds < math.inf:
            return _failed("unreadable", "the fresh token is none")
        token = self._kept[credential.name] = _Token(said.secret, began + said.seconds)
        log.info("%s: a fresh token for %d s", credential.name, said.seconds)
        return token


def _failed(code: str, message: str) -> Failure:
    return Failure("elsewhere", "key", code=code, message=message)
