"""A look at an upstream, for people: is it there, are we let in, does each model answer? Costs a token a question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from typing import TypeVar

from tornadogw.catalogue import Catalogue, ModelEntry, RouteEntry
from tornadogw.diagnosis import Diagnosis, of_failure, of_transport, slow
from tornadogw.errors import Cannot
from tornadogw.probe import Prober
from tornadogw.transport import TransportError
from tornadogw.types import Credential, Failure, Value

__all__ = ["AT_ONCE", "Outcome", "Question", "Trial", "questions"]

_T = TypeVar("_T")

SECONDS = 30.0
"""The longest that an answer is waited for, if the settings allow it as much."""
AT_ONCE = 8
"""Requests under way."""


class Outcome(Value, frozen=True):
    """What one request showed."""

    key: str
    """Name of the credential."""
    model: str
    """The vendor's name of it."""
    wrong: Diagnosis | None = None


class Question(Value, frozen=True):
    """A model of an upstream, to be asked for."""

    model: ModelEntry
    route: RouteEntry


def questions(catalogue: Catalogue) -> dict[str, list[Question]]:
    """What each upstream that a model uses can be asked, each of its models once."""
    upstreams: dict[str, dict[str, Question]] = {}
    for model in catalogue.models:
        for route in model.routes:
            upstreams.setdefault(route.upstream, {}).setdefault(route.model, Question(model, route))
    return {upstream: list(asked.values()) for upstream, asked in upstreams.items()}


class Trial:
    """Some looks, so many requests of them at once."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._room = asyncio.Semaphore(AT_ONCE)

    async def upstream(self, asked: Sequence[Question]) -> list[Outcome]:
        """Each key with the first model; then the further models with a key that is let in, if there is one."""
        first, *further = asked
        keys = await _all(self._ask(first, key) for key in first.route.credentials)
        welcome = next((at for at, outcome in enumerate(keys) if _lets_in(outcome)), None)
        if welcome is None:
            return keys
        return keys + await _all(self._ask(each, each.route.credentials[welcome]) for each in further)

    async def _ask(self, question: Question, key: Credential) -> Outcome:
        async with self._room:
            return Outcome(key.name, question.route.model, await self._wrong(question, key))

    async def _wrong(self, question: Question, key: Credential) -> Diagnosis | None:
        """The vendor's words are masked: they may repeat the key."""
        route = question.route
        secrets = [key.secret]
        seconds = min(SECONDS, route.deadlines.total, max(route.deadlines.first_event, route.deadlines.connect))
        try:
            async with asyncio.timeout(seconds):
                failure, page = await self._prober.ask(question.model, route, key, secrets)
        except TimeoutError:
            return slow(seconds)
        except TransportError as error:
            return of_transport(error, secrets)
        except Cannot as error:
            return of_failure(Failure("cannot", message=str(error)), route.model, secrets, time.time())
        except Exception as error:  # noqa: BLE001 -- a vendor is a plugin: its bug is a finding, and its words may hold the secret
            bug = Failure("elsewhere", code="vendor_bug", message=f"the vendor plugin raised {type(error).__name__}")
            return of_failure(bug, route.model, secrets, time.time())
        return None if failure is None else of_failure(failure, route.model, secrets, time.time(), page=page)


async def _all(asked: Iterable[Awaitable[_T]]) -> list[_T]:
    return list(await asyncio.gather(*asked))


def _lets_in(outcome: Outcome) -> bool:
    """Whether it makes sense to ask with the same key for something else."""
    wrong = outcome.wrong
    return wrong is None or wrong.problem in ("model", "refused")
