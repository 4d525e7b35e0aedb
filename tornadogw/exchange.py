"""One request's whole story, in order and nothing else: parse, hold, route, send, relay, settle, record.

Read `run` first; every name in it is a step. What a step decides lives in the room that it names.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from tornadogw.attempt import Client, RouteAttempt
from tornadogw.blame import after_start, to_client
from tornadogw.deadline import Deadline
from tornadogw.dialects.chat_negotiate import wants_stream
from tornadogw.dialects.chat_parse import parse
from tornadogw.dialects.chat_render import error_event
from tornadogw.errors import Cannot, GatewayError, InternalError, NoUpstream
from tornadogw.health import Health
from tornadogw.hedging import Hedging
from tornadogw.images import Images
from tornadogw.ledger import Hold, Ledger
from tornadogw.legs import asks_for_json
from tornadogw.observe import mask
from tornadogw.plan import WAIT, Plan, Shortlist, Step
from tornadogw.queues import Queues
from tornadogw.race import Lane, Race
from tornadogw.record import Tally
from tornadogw.relay.pump import ClientGone, UpstreamFailed
from tornadogw.router import Router
from tornadogw.settings.tables import Defaults
from tornadogw.standing import Standing
from tornadogw.store.ports_decisions import Decision
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport
from tornadogw.transport.fetch import Fetcher
from tornadogw.types import Attempt, Caller, Draft, Failure, Record, Value

__all__ = ["Client", "Gate", "Inbound", "run"]

log = logging.getLogger(__name__)

_TELLING = ("context_length_exceeded", "content_filter", "unsupported")
"""Reasons why a route cannot serve a request that its sender can do something about."""

_TRACE = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""https://www.w3.org/TR/trace-context/#traceparent-header"""


class Inbound(Value, frozen=True):
    """One request whose key and limits were checked and whose body has arrived."""

    id: str
    caller: Caller
    body: bytes
    headers: Mapping[str, str]
    under_prefix: bool
    language: Literal["zh", "en"]

    @property
    def trace(self) -> str:
        """What the client says of the trace that its request is a part of; empty: nothing, or no `traceparent`."""
        given = self.headers.get("traceparent", "")
        return given if _TRACE.fullmatch(given) else ""


class Gate(Value, frozen=True):
    """The parts of the gateway that one exchange uses."""

    router: Router
    ledger: Ledger
    transport: Transport
    tokens: Tokens
    fetcher: Fetcher
    health: Health
    standing: Standing
    queues: Queues
    hedging: Hedging
    defaults: Defaults
    json_clients: re.Pattern[str]
    upstream_names: Sequence[str]
    finished: Callable[[Record], None] | None
    """Whoever wants to know of finished calls; None: nobody."""
    decided: Callable[[Decision], None] | None
    """Keeps why each request went as it did; None: nobody does."""
    spent: Callable[[Caller, Callable[[], Record]], None]
    """Told of every call that has ended; asks for its record only if somebody limits the caller's tokens."""


async def run(gate: Gate, inbound: Inbound, client: Client) -> None:
    """Answer `inbound`, or raise a GatewayError if nothing was sent yet. Cancelled when the client leaves."""
    draft = understand(gate, inbound)
    began, candidates = Tally(inbound.id, inbound.caller, draft), Shortlist(())
    exchange: Exchange | None = None
    try:
        candidates = gate.router.candidates(inbound.caller, draft)
        async with gate.ledger.holding(inbound.caller, [each.offer for each in candidates]) as hold:
            plan = gate.router.plan(draft, candidates, hold.covers)
            exchange = Exchange(gate, inbound, draft, client, hold, plan)
            await tell(exchange, candidates[0].route.deadlines.total)
    except GatewayError as error:
        began.ended("refused", error.code)
        raise
    except asyncio.CancelledError:
        began.ended("client_gone", 0)
        raise
    finally:
        if exchange is not None:
            gate.spent(inbound.caller, exchange.outcome)
            if gate.finished is not None:
                gate.finished(exchange.outcome())
        if gate.decided is not None:
            record, charged = (began.record(None, ()), False) if exchange is None else exchange.verdict()
            passed = gate.router.passed_over(inbound.caller, draft)
            order = tuple((each.route.upstream, each.model.name) for each in candidates)
            gate.decided(Decision(os.urandom(12).hex(), record, charged, order, tuple(passed)))


async def tell(exchange: Exchange, total: float) -> None:
    """The exchange from its first attempt to its last byte, within `total` seconds; however it ends, the books know."""
    try:
        with Deadline(asyncio.get_running_loop().time() + total):
            await exchange.answer()
        await exchange.settle()
    except TimeoutError:
        await exchange.fail("timeout", NoUpstream(zh="处理超时", en="the request took too long"))
    except GatewayError as error:
        await exchange.fail("no_upstream" if isinstance(error, NoUpstream) else "refused", error)
    except (asyncio.CancelledError, ClientGone):
        exchange.leave()
        raise
    except Exception:
        log.exception("request %s failed", exchange.id)
        await exchange.fail("error", InternalError())


def understand(gate: Gate, inbound: Inbound) -> Draft:
    """The body as a Draft, with the form of the answer decided."""
    draft, explicit = parse(inbound.body, default_model=gate.defaults.model)
    stream = wants_stream(
        explicit,
        inbound.headers,
        inbound.caller.stream_default,
        under_prefix=inbound.under_prefix,
        json_clients=gate.json_clients,
    )
    return draft if draft.stream is stream else msgspec.structs.replace(draft, stream=stream)


class Exchange:
    """One request after its hold was taken: the attempts, and what they come to."""

    def __init__(self, gate: Gate, inbound: Inbound, draft: Draft, client: Client, hold: Hold, plan: Plan) -> None:
        self._gate, self._inbound, self._draft, self._client = gate, inbound, draft, client
        self._hold, self._plan = hold, plan
        self.id = inbound.id
        self._attempt: RouteAttempt | None = None
        self._tally = Tally(inbound.id, inbound.caller, draft, hold.factor, inbound.trace)
        self._images = Images(gate.fetcher)
        self._running: list[RouteAttempt] = []
        self._calls = 0  # upstream calls of the tries that are over

    async def answer(self) -> None:
        """Try one route after the other. Returns when all but the end of a whole answer was written.

        Once the client has read something, the others go on with it where that can be done, and nobody else is asked.
        """
        cut: Failure | None = None
        for step in self._plan:
            if not await self._enter(step):
                continue
            begun = self._attempt
            lane = self._lane(step, after=begun)
            self._attempt = begun or lane.attempt
            if begun or not self._hedges(step):
                failure = await self._alone(lane)
            else:
                lane, failure = await self._race(lane)
            if failure is None:
                return
            failure = self._learn(lane, failure)
            if self._client.gone:  # it was read for nobody
                raise ClientGone
            if not self._client.started:
                self._attempt = None  # the operator pays for what nobody saw
                if failure.kind == "client":
                    raise to_client(failure, (*self._gate.upstream_names, *lane.attempt.secrets))
                continue
            cut = cut or failure
            if not self._attempt.breaks_off(cut):
                break
        raise self._plan.exhausted() if cut is None else after_start(cut, self._gate.upstream_names)

    async def settle(self) -> None:
        """Money first, then the last bytes: nobody reads a whole answer that is not charged."""
        attempt = self._attempt
        if attempt is None:
            raise RuntimeError("only an answer can be settled")
        self._tally.ended("client_gone" if self._client.gone else "whole", 0)
        record = self.record()
        last = attempt.answer.close(record.usage)
        self._hold.charge(record.cost, record)
        await self._hold.settle()
        await self._client.finish(last)

    async def fail(self, finish: str, error: GatewayError) -> None:
        """Tell the client: an HTTP error while nothing was sent, else an event of a stream that is charged as sent."""
        if not self._client.started:
            self._attempt = None
            self._tally.ended(finish, error.code)
            self._client.announce(stream=False, headers={"X-Gateway-Attempts": str(self._calls)} if self._calls else {})
            raise error
        self._tally.ended("cut" if finish == "no_upstream" else finish, error.code)
        self._charge()
        await self._hold.settle()
        await self._client.finish(error_event(error, self._inbound.language))

    def leave(self) -> None:
        """The client has gone: the prompt and what was produced are charged. The hold settles by itself."""
        if not self._tally.over:
            self._tally.ended("client_gone", 0)
            self._charge()

    def outcome(self) -> Record:
        """What became of the request in the end: as it was charged, if it was."""
        return self._hold.charged or self.record()

    def verdict(self) -> tuple[Record, bool]:
        """What became of the request in the end, and whether it is an event of the ledger's."""
        return self.outcome(), self._hold.charged is not None

    def record(self) -> Record:
        """What became of the request, so far."""
        return self._tally.record(self._attempt, self._plan.attempts)

    def _charge(self) -> None:
        if self._attempt is not None:
            record = self.record()
            self._hold.charge(record.cost, record)

    async def _enter(self, step: Step) -> bool:
        """A place at the upstream, once it may be asked; False: it may not."""
        if step.pause:
            await self._rest(step)
        upstream = step.candidate.route.upstream
        if not await self._gate.queues.enter(upstream):
            self._plan.turned_away(step)
            return False
        if not self._plan.stands(step):
            self._gate.queues.leave(upstream)
            return False
        return True

    async def _rest(self, step: Step) -> None:
        """Until it may be asked, as far as that can be waited for."""
        end = time.monotonic() + WAIT
        await self._pause(step.pause)
        while (pause := self._plan.rest(step)) and time.monotonic() + pause <= end:
            await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        """Raises ClientGone if it has left meanwhile."""
        await asyncio.sleep(seconds)
        if self._client.gone:
            raise ClientGone

    def _lane(self, step: Step, after: RouteAttempt | None = None) -> Lane:
        attempt = RouteAttempt(self._draft, self._inbound.id, step.candidate, step.credential, after=after)
        return Lane(attempt, step, self._client)

    def _hedges(self, step: Step) -> bool:
        model = step.candidate.model.name
        return self._gate.hedging.covers(model) and not asks_for_json(self._draft, step.candidate.route)

    async def _alone(self, lane: Lane) -> Failure | None:
        """As `_try`; the place at the upstream is given back."""
        try:
            return await self._try(lane)
        finally:
            self._leave_place(lane)

    async def _race(self, lane: Lane) -> tuple[Lane, Failure | None]:
        """As `_alone`, and if nothing has come when nearly always something has, another route is asked as well: who
        has something to say first is heard.
        """
        hedging, model = self._gate.hedging, lane.step.candidate.model.name
        async with Race(self._client, self._won, self._waited) as race:
            race.enter(lane, self._try, self._leave_place)
            if not await race.decided(hedging.begun(model)) and (step := self._plan.beside(lane.step)) is not None:
                hedging.doubled(model)
                if await self._gate.queues.enter(step.candidate.route.upstream):  # it has a free place
                    race.enter(self._lane(step), self._try, self._leave_place)
            while True:
                lane, failure = await race.ended()
                if race.is_over or failure is None or failure.kind == "client":
                    return lane, failure
                self._learn(lane, failure)

    def _won(self, lane: Lane) -> None:
        self._attempt = lane.attempt

    def _waited(self, lane: Lane, seconds: float) -> None:
        if self._hedges(lane.step):
            self._gate.hedging.heard(lane.step.candidate.model.name, seconds)

    def _leave_place(self, lane: Lane) -> None:
        if lane.outrun:
            self._plan.outrun(lane.step)
        self._gate.queues.leave(lane.step.candidate.route.upstream)

    async def _try(self, lane: Lane) -> Failure | None:
        """One route; None if its answer is whole. All but the answer's end has then been written."""
        began, gate, attempt = time.monotonic(), self._gate, lane.attempt
        candidate, credential = lane.step.candidate, lane.step.credential
        upstream, model = candidate.route.place
        visit = gate.health.enter(upstream=upstream, credential=credential.name, model=model)
        stay = gate.standing.enter(candidate.route.place)
        self._running.append(attempt)

        def heard() -> None:
            visit.left()
            stay.heard()

        failure = None
        try:
            await attempt.relay(
                gate.transport,
                gate.tokens,
                self._images,
                lane.client,
                gate.defaults,
                last=self._plan.is_last,
                others=lambda: self._calls + sum(each.calls for each in self._running if each is not attempt),
                on_first_event=heard,
            )
            visit.well()
            stay.ended(failed=False)
        except UpstreamFailed as error:
            failure = error.failure
            visit.failed(failure, attempt.secrets)
            if failure.kind not in ("client", "cannot"):
                stay.ended(failed=True)
        except Cannot as error:
            failure = Failure("cannot", code="unsupported", message=str(error), param=error.param)
        except BaseException:  # the client left, or the time was over
            self._tried(lane, began, "ended", "slower" if lane.outrun else "")
            raise
        finally:
            visit.left()
            stay.left()
        ended = ("ok", attempt.manner) if failure is None else (failure.kind, mask(failure.code, attempt.secrets))
        self._tried(lane, began, *ended)
        return failure

    def _tried(self, lane: Lane, began: float, outcome: str, reason: str = "") -> None:
        attempt, candidate = lane.attempt, lane.step.candidate
        ms = round((time.monotonic() - began) * 1000)
        self._running.remove(attempt)
        self._calls += attempt.calls
        self._plan.attempts.append(
            Attempt(
                candidate.route.upstream,
                candidate.model.name,
                outcome,
                reason,
                ms,
                self._tally.at(began),
                attempt.calls,
                attempt.expense if lane.outrun else 0,
            )
        )

    def _learn(self, lane: Lane, failure: Failure) -> Failure:
        """What the failure means for this request's next step. Others may mend a refusal if the operator says so."""
        attempt, step = lane.attempt, lane.step
        if failure.code == "content_filter" and failure.kind == "client" and step.candidate.model.reroutes_refused:
            failure = msgspec.structs.replace(failure, kind="cannot")
        names = (*self._gate.upstream_names, *attempt.secrets)
        if failure.kind in ("cool", "disable"):
            code, said = (mask(each, attempt.secrets) for each in (failure.code, failure.message))
            model = step.candidate.route.model
            log.info("%s, model %s: %s %s (%s)", step.credential.name, model, failure.kind, code, said)
        self._plan.failed(step, failure)
        telling = failure.kind == "cannot" and failure.code in _TELLING
        self._plan.says(to_client(failure, names) if telling else None)
        return failure
