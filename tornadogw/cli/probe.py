"""Asks each upstream for one token, with each of its keys and for each of its models: is it there, are we let in?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from typing import Self, TypeVar

import msgspec

from tornadogw.catalogue import Catalogue, ModelEntry, RouteEntry
from tornadogw.cli.diagnosis import Diagnosis, of_failure, of_transport, slow
from tornadogw.errors import Cannot
from tornadogw.framing import sniff
from tornadogw.legs import legs
from tornadogw.meter import Meter
from tornadogw.relay.reader import Reader
from tornadogw.settings.tables import Defaults
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport, TransportError, Upstream
from tornadogw.types import Call, Credential, Draft, Failure, Value

__all__ = ["Outcome", "probe"]

_T = TypeVar("_T")

MAX_TOKENS = (1, 16)
"""Output limits: what costs least, and what those take that refuse so little."""
ERROR_BODY = 65536
SECONDS = 30.0
"""The longest that an answer is waited for, if the settings allow it as much."""
AT_ONCE = 8
"""Requests under way."""
_SUCCESS = range(200, 300)
_UNAUTHORIZED = 401


class Outcome(Value, frozen=True):
    """What one request showed."""

    key: str
    """Name of the credential."""
    model: str
    """The vendor's name of it."""
    wrong: Diagnosis | None = None


class _Question(Value, frozen=True):
    model: ModelEntry
    route: RouteEntry


async def probe(catalogue: Catalogue, defaults: Defaults) -> Sequence[Outcome]:
    """One outcome a key of each upstream that a model uses, and one for each further model of the upstream."""
    upstreams: dict[str, dict[str, _Question]] = {}
    for model in catalogue.models:
        for route in model.routes:
            upstreams.setdefault(route.upstream, {}).setdefault(route.model, _Question(model, route))
    async with _Prober(defaults) as prober:
        told = await _all(prober.upstream(list(questions.values())) for questions in upstreams.values())
    return [outcome for outcomes in told for outcome in outcomes]


class _Prober:
    """The sockets of one look at all upstreams."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._transport = Transport()
        self._tokens = Tokens(self._transport)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tokens.close()
        await self._transport.close()

    async def upstream(self, questions: Sequence[_Question]) -> list[Outcome]:
        """Each key with the first model; then the further models with a key that is let in, if there is one."""
        first, *further = questions
        keys = await _all(self._ask(first, key) for key in first.route.credentials)
        welcome = next((at for at, outcome in enumerate(keys) if _lets_in(outcome)), None)
        if welcome is None:
            return keys
        return keys + await _all(self._ask(each, each.route.credentials[welcome]) for each in further)

    async def _ask(self, question: _Question, key: Credential) -> Outcome:
        async with self._room:
            return Outcome(key.name, question.route.model, await self._wrong(question, key))

    async def _wrong(self, question: _Question, key: Credential) -> Diagnosis | None:
        """The vendor's words are masked: they may repeat the key."""
        route = question.route
        secrets = [key.secret]
        seconds = min(SECONDS, route.deadlines.total, max(route.deadlines.first_event, route.deadlines.connect))
        try:
            async with asyncio.timeout(seconds):
                return await self._tried(question, key, secrets)
        except TimeoutError:
            return slow(seconds)
        except TransportError as error:
            return of_transport(error, secrets)
        except Cannot as error:
            return of_failure(Failure("cannot", message=str(error)), route.model, secrets, time.time())
        except Exception as error:  # noqa: BLE001 -- a vendor is a plugin: its bug is a finding, and its words may hold the secret
            bug = Failure("elsewhere", code="vendor_bug", message=f"the vendor plugin raised {type(error).__name__}")
            return of_failure(bug, route.model, secrets, time.time())

    async def _tried(self, question: _Question, key: Credential, secrets: list[str]) -> Diagnosis | None:
        """A refused token is replaced once, and so is a refused limit of one token."""
        fresh = await self._fresh(question, key, secrets, "")
        failure, page = await self._answer(question, fresh, MAX_TOKENS[0])
        if failure is not None and failure.status == _UNAUTHORIZED and fresh is not key:
            fresh = await self._fresh(question, key, secrets, refused=secrets[-1])
            failure, page = await self._answer(question, fresh, MAX_TOKENS[0])
        if failure is not None and _minds_limit(failure):
            failure, page = await self._answer(question, fresh, MAX_TOKENS[1])
        return None if failure is None else of_failure(failure, question.route.model, secrets, time.time(), page=page)

    async def _fresh(
        self, question: _Question, key: Credential, secrets: list[str], refused: str
    ) -> Credential | Failure:
        """The key itself, or with the token that it buys."""
        if not question.route.vendor.expires(key):
            return key
        fresh = await self._tokens.fresh(question.route, key, refused=refused)
        if isinstance(fresh, Credential):
            secrets.append(fresh.secret)
        return fresh

    async def _answer(self, question: _Question, key: Credential | Failure, limit: int) -> tuple[Failure | None, bool]:
        """Why no answer came, None if one did; and whether what came was a web page."""
        if isinstance(key, Failure):
            return key, False
        route = question.route
        call = legs(_draft(question.model, limit), route, "check", self._defaults)[0].call
        request = route.vendor.request(call, key, time.time())
        async with self._transport.send(request, connect=route.deadlines.connect, proxy=route.proxy) as upstream:
            if upstream.status in _SUCCESS:
                return await _read(upstream, route, call)
            body = await upstream.body(ERROR_BODY)
            failure = route.vendor.failure(upstream.status, upstream.headers, body, time.time())
            failure = msgspec.structs.replace(failure, status=upstream.status)
            return failure, sniff(body) == "html"


async def _read(upstream: Upstream, route: RouteEntry, call: Call) -> tuple[Failure | None, bool]:
    """The whole of a short answer, or as much of it as shows that the upstream answers."""
    reader = Reader(route.vendor, call, Meter(0, 0, 0))
    head = data = b""
    while data or not head:
        data = await upstream.read()
        head = head if len(head) >= ERROR_BODY else head + data
        if data:
            reader.feed(data)
        else:
            reader.end()
        if reader.failure is not None:
            return reader.failure, sniff(head) == "html"
        if reader.useful or reader.done or not data:
            break
    return None, False


async def _all(asked: Iterable[Awaitable[_T]]) -> list[_T]:
    return list(await asyncio.gather(*asked))


def _lets_in(outcome: Outcome) -> bool:
    """Whether it makes sense to ask with the same key for something else."""
    wrong = outcome.wrong
    return wrong is None or wrong.problem in ("model", "refused")


def _minds_limit(failure: Failure) -> bool:
    """Some models take no limit of one token."""
    words = f"{failure.param or ''} {failure.message}".lower()
    return failure.kind in ("client", "cannot") and "token" in words


def _draft(model: ModelEntry, limit: int) -> Draft:
    text = "Say hello."
    if "chat" in model.modes:
        messages = [{"role": "user", "content": text}]
        return Draft("chat", model.name, messages, max_tokens=limit, prompt_bytes=len(text), message_count=1)
    return Draft("completion", model.name, prompts=[text], max_tokens=limit, prompt_bytes=len(text))
