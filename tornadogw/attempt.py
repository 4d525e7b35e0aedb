"""One route's try at an answer: write the vendor's request, send it, relay what comes. Decides nothing about money."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from tornadogw.bounds import prompt_ceiling, prompt_estimate
from tornadogw.errors import Cannot
from tornadogw.images import Images
from tornadogw.legs import Leg, going_on, legs, prefilled, without_default
from tornadogw.meter import Meter
from tornadogw.plan import Candidate
from tornadogw.pricing import cost
from tornadogw.relay.answer import Answer, JsonAnswer, StreamAnswer, identity
from tornadogw.relay.pump import Client as Sink
from tornadogw.relay.pump import UpstreamFailed, pump
from tornadogw.relay.raw import RawReader
from tornadogw.relay.reader import Reader
from tornadogw.relay.resumed import Compared, Following, Prefilled, ResumedReader, prefill_of
from tornadogw.relay.sent import Sent
from tornadogw.settings.tables import Defaults
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport
from tornadogw.types import Call, Credential, Draft, Failure, Value
from tornadogw.vendor import Vendor

__all__ = ["Client", "Drain", "RouteAttempt"]

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_UNAUTHORIZED = 401
DROPPED = 32
"""Names in `X-Gateway-Dropped`; the record has them all."""
_HEADER_SAFE = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
"""Clients choose the names of parameters; not every name may stand in a header."""


class Drain(Value, frozen=True):
    """How long an answer is read that nobody waits for any more: seconds, or so many tokens more than `produced`."""

    seconds: float
    tokens: int
    produced: Callable[[], int]


class Client(Sink, Protocol):
    """Who asked, as an attempt needs it."""

    @property
    def gone(self) -> bool:
        """Nobody reads the answer, and yet it is read to its end: `write` raises ClientGone when it is enough."""

    def announce(self, *, stream: bool, headers: Mapping[str, str], drain: Drain | None = None) -> None:
        """What the head of the answer will say; sent with its first byte. `drain`: what happens if its reader leaves;
        None: the exchange is cancelled.
        """

    async def finish(self, data: bytes) -> None:
        """The last bytes, and the proper end of the HTTP body."""


class RouteAttempt:
    """One candidate with one credential. `meters` has one meter a call that is part of the answer.

    `after`: an attempt that broke off when the client had read a part of its answer, which this one goes on with.
    """

    def __init__(
        self,
        draft: Draft,
        request_id: str,
        candidate: Candidate,
        credential: Credential,
        *,
        after: RouteAttempt | None = None,
    ) -> None:
        self.candidate = candidate
        self.answer: Answer = _fresh(draft) if after is None else after.answer
        self.sent: Sent | None = None
        """What the client has read, if somebody could go on with it."""
        if draft.stream and draft.choices == 1 and candidate.model.resume:
            self.sent = Sent()
        self._after = after
        self.meters: list[Meter] = []
        self.calls = 0
        """Upstream calls, those that were refused included."""
        self.dropped: set[str] = set()
        self.broken = 0
        self.first_event: float | None = None
        """`time.monotonic()` of the first useful event."""
        self._heard = False
        self._on_first_event: Callable[[], None] = lambda: None
        self._draft, self._id = draft, request_id
        self._own, self._credential = credential, credential
        """As configured, and as it is sent: they differ where the vendor's secrets expire."""
        self.secrets = [credential.secret]
        """What nobody may read in a message about this try."""

    @property
    def manner(self) -> str:
        """What is special about its success, for the record."""
        return "" if self._after is None else "resumed"

    @property
    def expense(self) -> int:
        """What the operator pays for it, in micro-units, as far as is known: for what has come, and the prompt."""
        route = self.candidate.route
        return sum(cost(route.cost or route.price, meter.result(whole=False).usage) for meter in self.meters)

    def breaks_off(self, failure: Failure) -> bool:
        """The client has read a part of this answer, and no more of it comes: whether somebody else may go on with it.

        From now on what is added to it is counted as it is relayed.
        """
        if self.sent is None or self.sent.lost or failure.kind in ("client", "cannot"):
            return False
        self.meters[0].cut()
        return True

    async def relay(
        self,
        transport: Transport,
        tokens: Tokens,
        images: Images,
        client: Client,
        defaults: Defaults,
        *,
        last: bool,
        others: Callable[[], int],
        on_first_event: Callable[[], None] = lambda: None,
    ) -> None:
        """Returns when the answer is whole and all but its end was written. Raises UpstreamFailed or Cannot.

        `last`: no route is left after this one, so it may take its time. `others`: upstream calls of other tries.
        """
        self._on_first_event = on_first_event
        if expires := self._expires():
            await self._refresh(tokens)
        route = self.candidate.route
        draft = self._draft if route.traits.image_urls else await images.inlined(self._draft)
        for leg in legs(draft, route, self._id, defaults):
            self.dropped |= set(leg.dropped)

            async def send(leg: Leg, following: Following | None = None) -> None:
                try:
                    await self._send(transport, client, leg, last, others, following)
                except UpstreamFailed as error:
                    if self._heard:
                        raise
                    if expires and error.failure.status == _UNAUTHORIZED:
                        await self._refresh(tokens, refused=self._credential.secret)
                        again = leg
                    elif self._refuses_our_default(leg, error.failure):
                        again = without_default(leg)
                    else:
                        raise
                    self.meters.pop()  # what was refused costs nothing
                    await self._send(transport, client, again, last, others, following)

            if self._after is None:
                await send(leg)
            else:
                await self._go_on(leg, self._after, send)

    async def _go_on(self, leg: Leg, after: RouteAttempt, send: Callable[[Leg, Following], Awaitable[None]]) -> None:
        """The rest of an answer: by a model that goes on after what was sent if it can, else by a second answer that
        begins with it.
        """
        if after.sent is None or after.sent.lost:
            raise Cannot("messages", "too much was sent to go on with it")
        sent, prefill = after.sent, prefilled(leg.call.draft, self.candidate.route.traits)
        if prefill and (begun := prefill_of(after.sent)):
            spent = after.meters[0].result(whole=False).usage.completion
            following = Prefilled(sent) if prefill == "rest" else Compared(sent)
            try:
                await send(going_on(leg, begun, spent), following)
            except Cannot:
                pass
            except UpstreamFailed as error:
                if self._heard or error.failure.kind not in ("client", "cannot"):
                    raise
            else:
                return
        await send(leg, Compared(sent))

    def _expires(self) -> bool:
        vendor = self.candidate.route.vendor
        return _asked(vendor, vendor.expires, self._own)

    async def _refresh(self, tokens: Tokens, *, refused: str = "") -> None:
        """A token that can be sent now. Raises UpstreamFailed."""
        fresh = await tokens.fresh(self.candidate.route, self._own, refused=refused)
        if isinstance(fresh, Failure):
            raise UpstreamFailed(fresh)
        self._credential = fresh
        self.secrets.append(fresh.secret)

    async def _send(
        self,
        transport: Transport,
        client: Client,
        leg: Leg,
        last: bool,
        others: Callable[[], int],
        following: Following | None,
    ) -> None:
        """One upstream call: request, head, relay."""
        route, call = self.candidate.route, leg.call
        meter = self._meter(leg) if self._after is None else self._after.meters[0]
        request = _asked(route.vendor, route.vendor.request, call, self._credential, time.time())
        reader = _asked(route.vendor, self._reader, leg, meter, following)
        self.dropped |= set(request.dropped)
        began = False

        def begin() -> None:
            nonlocal began
            if not began:
                began = True
                self._begin(client, reader, others)

        self.meters.append(meter)
        self.calls += 1
        try:
            await pump(
                transport.send(request, connect=route.deadlines.connect, proxy=route.proxy),
                reader,
                self.answer,
                client,
                begin,
                self._failure,
                first_event=self._first_event_deadline(call, last),
                idle=route.deadlines.idle if call.stream else route.deadlines.total,
            )
            if reader.body is not None:
                self.answer.offer(reader.body)
        finally:
            self.broken += reader.broken
            self._heard = self._heard or reader.useful

    def _begin(self, client: Client, reader: Reader, others: Callable[[], int]) -> None:
        """The first useful event of this call: the head of the answer is known."""
        if self.first_event is None:
            self.first_event = time.monotonic()
            self._on_first_event()
        if self._after is not None:  # the client has the head
            return
        headers = {"X-Gateway-Attempts": str(others() + self.calls)}
        if told := [name for name in sorted(self.dropped) if _HEADER_SAFE.fullmatch(name)]:
            headers["X-Gateway-Dropped"] = ", ".join(told[:DROPPED])
        self.answer.begin(identity(reader.meta, self.candidate.route, self._draft, self._id, time.time()))
        client.announce(stream=self._draft.stream, headers=headers, drain=self._drain())

    def _drain(self) -> Drain | None:
        policy = self.candidate.route.drain
        return None if policy is None else Drain(policy.seconds, policy.tokens, self._produced)

    def _produced(self) -> int:
        return sum(meter.result(whole=False).usage.completion for meter in self.meters)

    def _meter(self, leg: Leg) -> Meter:
        draft, traits = leg.call.draft, self.candidate.route.traits
        ceiling = draft.choices * leg.call.max_tokens
        return Meter(prompt_ceiling(draft, traits), ceiling, prompt_estimate(draft))

    def _reader(self, leg: Leg, meter: Meter, following: Following | None) -> Reader:
        """Raw where the upstream speaks the client's dialect and one stream goes to one stream."""
        route, call = self.candidate.route, leg.call
        if following is not None:
            return ResumedReader(route.vendor, call, meter, following)
        raw = route.traits.relay == "raw" and self._draft.stream and self._draft.choices == 1
        if raw and call.draft.mode == self._draft.mode:
            return RawReader(route.vendor, call, meter, sent=self.sent)
        return Reader(route.vendor, call, meter, offset=leg.offset, sent=self.sent)

    def _failure(self, status: int, headers: Mapping[str, str], body: bytes) -> Failure:
        vendor = self.candidate.route.vendor
        return _asked(vendor, vendor.failure, status, headers, body, time.time())

    def _first_event_deadline(self, call: Call, last: bool) -> float:
        """A moment of the loop's clock. A whole JSON answer has no first event: only the total applies to it."""
        limits = self.candidate.route.deadlines
        seconds = max(limits.first_event, limits.idle) if last else limits.first_event
        return asyncio.get_running_loop().time() + (seconds if call.stream else limits.total)

    def _refuses_our_default(self, leg: Leg, failure: Failure) -> bool:
        """The upstream refused a temperature that the client never asked for."""
        if (
            self._draft.temperature is not None
            or leg.call.temperature is None
            or failure.kind not in ("client", "cannot")
        ):
            return False
        return failure.param == "temperature" or "temperature" in failure.message.lower()


def _fresh(draft: Draft) -> Answer:
    return StreamAnswer(draft) if draft.stream else JsonAnswer(draft)


def _asked(vendor: Vendor, ask: Callable[..., _T], *what: object) -> _T:
    """A vendor is a plugin: its bug is a failed upstream, not ours."""
    try:
        return ask(*what)
    except Cannot:
        raise
    except Exception:
        log.exception("vendor %s has a bug", vendor.name)
        raise UpstreamFailed(Failure("elsewhere", code="vendor_bug", message="the vendor plugin failed")) from None
