"""What a caller may ask of the gateway, in one place: requests of an address, and requests, tokens and requests at a
time of a key. Each question is answered at once where that is possible, else by a second one that waits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

from tornadogw.errors import RateLimited
from tornadogw.limits.peers import Peers
from tornadogw.limits.running import Running
from tornadogw.limits.shared import Shared
from tornadogw.limits.sums import Sums
from tornadogw.limits.windows import Verdict, Windows
from tornadogw.settings.tables import Limits
from tornadogw.store.ports_limits import LimitStore
from tornadogw.types import Caller, Record

__all__ = ["Limiter"]

Leave = Callable[[], None]


class Limiter:
    """All limits of one process. `processes` tells how many there are, this one included; it must cost nothing.

    With one process everything is counted here, exactly. `store` None: there is never another. `deadline`: seconds that
    a request waits for the database before this process gives its part of the limit.
    """

    def __init__(
        self,
        settings: Limits,
        store: LimitStore | None = None,
        processes: Callable[[], int] = lambda: 1,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        deadline: float = 0.5,
    ) -> None:
        window = settings.window
        self._settings, self._now = settings, now
        self._peers = peers = Peers(store, processes, clock=clock, window=window)
        self._requests = Shared(Windows(clock, window), store, peers, clock=clock, window=window, deadline=deadline)
        self._tokens = Shared(Sums(clock, window), store, peers, need=0, clock=clock, window=window, deadline=deadline)
        self._running = Running(store, peers, clock=clock, deadline=deadline)

    def address(self, address: str) -> Verdict | None:
        """Count a request of `address`; None: `ask_address`. A few requests of an address are never asked about."""
        return self._requests.take(f"ip:{address}", self._settings.ip_per_minute)

    async def ask_address(self, address: str) -> Verdict:
        return await self._requests.ask(f"ip:{address}", self._settings.ip_per_minute)

    def key(self, caller: Caller) -> Verdict | None:
        """Count a request of the caller's key; None: `ask_key`."""
        return self._requests.take(f"k:{caller.key_id}", self._rpm(caller), blind=False)

    async def ask_key(self, caller: Caller) -> Verdict:
        return await self._requests.ask(f"k:{caller.key_id}", self._rpm(caller))

    def enter(self, caller: Caller) -> Leave | None:
        """Let a call run that will spend tokens; what is returned ends it, and may be called again. None: `ask_enter`.

        Raises RateLimited.
        """
        tokens, at_once = self._token_limit(caller), caller.concurrent or self._settings.key_concurrent
        if tokens:
            verdict = self._tokens.take(f"t:{caller.key_id}", tokens, blind=False)
            if verdict is None:
                return None
            _check_tokens(verdict)
        if not at_once:
            return _nothing
        entered = self._running.enter(caller.key_id, at_once)
        return None if entered is None else self._entered(caller, entered)

    async def ask_enter(self, caller: Caller) -> Leave:
        """As `enter`, by what all processes count. Raises RateLimited."""
        if tokens := self._token_limit(caller):
            subject = f"t:{caller.key_id}"
            _check_tokens(self._tokens.take(subject, tokens, blind=False) or await self._tokens.ask(subject, tokens))
        if not (at_once := caller.concurrent or self._settings.key_concurrent):
            return _nothing
        entered = self._running.enter(caller.key_id, at_once)
        if entered is None:
            entered = await self._running.ask(caller.key_id, at_once)
        return self._entered(caller, entered)

    def spent(self, caller: Caller, record: Callable[[], Record]) -> None:
        """Count the tokens of a finished call, if anybody limits them."""
        if self._token_limit(caller):
            usage = record().usage
            if tokens := usage.prompt + usage.completion:
                self._tokens.add(f"t:{caller.key_id}", tokens)

    @property
    def settled(self) -> bool:
        """Whether every process is known to count in common, or there is but this one."""
        return self._peers.alone() or self._peers.settled

    def open(self) -> None:
        """Begin to notice other processes; needs the running loop."""
        self._peers.open()

    async def close(self) -> None:
        """Give back what is held for the future."""
        await self._running.close()
        await self._requests.close()
        await self._tokens.close()
        await self._peers.close()

    def _rpm(self, caller: Caller) -> int:
        if caller.rpm:
            return caller.rpm
        terms = caller.terms_at(self._now()) if caller.terms else None
        return (terms.rpm if terms else None) or self._settings.key_per_minute

    def _token_limit(self, caller: Caller) -> int:
        return caller.tokens_per_minute or self._settings.key_tokens_per_minute

    def _entered(self, caller: Caller, entered: bool) -> Leave:
        if not entered:
            raise RateLimited(zh="同时进行的请求过多", en="too many requests at the same time", retry_after=1)
        return _Once(partial(self._running.leave, caller.key_id))


class _Once:
    """Does its work at the first call."""

    __slots__ = ("_work",)

    def __init__(self, work: Leave) -> None:
        self._work: Leave | None = work

    def __call__(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work()


def _nothing() -> None:
    """Nothing was counted."""


def _check_tokens(verdict: Verdict) -> None:
    if not verdict.allowed:
        seconds = max(1, math.ceil(verdict.retry_after))
        raise RateLimited(
            zh=f"每分钟令牌数已用完，请在 {seconds} 秒后重试",
            en=f"the tokens of this minute are used up, try again in {seconds} s",
            retry_after=seconds,
        )
