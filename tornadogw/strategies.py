"""In which order the routes of one model are asked: pure functions over frozen values. docs/routing.md explains them.

A lower priority always comes first, and what a strategy finds equal is settled by a draw in which weights are shares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b

import msgspec

from tornadogw.catalogue import RouteEntry
from tornadogw.pricing import bound
from tornadogw.standing import Figures
from tornadogw.types import Draft, Value

__all__ = ["STRATEGIES", "Asked", "Choice", "by_strategy", "conversation"]

_encode = msgspec.json.Encoder(order="deterministic").encode
_PROMPT_HEAD = 1024
"""Characters or tokens of a completion's prompt that make two prompts the same conversation."""


class Choice(Value, frozen=True):
    """One route, as a strategy sees it."""

    route: RouteEntry
    figures: Figures
    luck: float
    """Drawn for this request, by weight; the greater, the earlier."""


class Asked(Value, frozen=True):
    """What a strategy must know of the request."""

    prompt: int = 0
    """Tokens that its prompt probably has; so is `output`, its limit."""
    output: int = 0
    conversation: bytes = b""
    """See `conversation`."""


def by_strategy(strategy: str, choices: Iterable[Choice], asked: Asked) -> list[RouteEntry]:
    """The routes, best first."""
    key = STRATEGIES[strategy]
    best = sorted(choices, key=lambda choice: (choice.route.priority, *key(choice, asked), -choice.luck))
    return [choice.route for choice in best]


def conversation(account: str, draft: Draft) -> bytes:
    """The same for every turn of one conversation, in every process: the account, what stands before the first word
    of the user, and that word. Of a completion it is the beginning of the prompt.
    """
    digest = blake2b(account.encode(), digest_size=16)
    for message in draft.messages:
        role = message.get("role")
        if role in ("system", "developer", "user"):
            digest.update(_encode([role, message.get("content")]))
        if role == "user":
            break
    for prompt in draft.prompts[:1]:
        digest.update(_encode(prompt[:_PROMPT_HEAD]))
    return digest.digest()


def _weight(_choice: Choice, _asked: Asked) -> tuple[float, ...]:
    return ()


def _latency(choice: Choice, _asked: Asked) -> tuple[float, ...]:
    """Unknown ones get one call at a time, and become known. A failure costs as long as a caller would wait."""
    figures = choice.figures
    if figures.known:
        return 1, (figures.first_event or 0.0) + figures.errors * choice.route.deadlines.first_event
    return (2, figures.in_flight) if figures.in_flight else (0, 0)


def _least_busy(choice: Choice, _asked: Asked) -> tuple[float, ...]:
    return (choice.figures.in_flight / choice.route.weight,)


def _cheapest(choice: Choice, asked: Asked) -> tuple[float, ...]:
    price = choice.route.price if choice.route.cost is None else choice.route.cost
    return (bound(price, asked.prompt, asked.output),)


def _sticky(choice: Choice, asked: Asked) -> tuple[float, ...]:
    """Rendezvous hashing, weights as shares: a route that goes away moves its own conversations and no others."""
    route = choice.route
    place = f"{route.upstream}\0{route.model}".encode()
    number = int.from_bytes(blake2b(place, key=asked.conversation, digest_size=8).digest(), "big")
    return (route.weight / math.log(((number >> 12) + 0.5) / 2**52),)


STRATEGIES: Mapping[str, Callable[[Choice, Asked], tuple[float, ...]]] = {
    "weight": _weight,
    "latency": _latency,
    "least_busy": _least_busy,
    "cheapest": _cheapest,
    "sticky": _sticky,
}
"""Names in the settings, and what they sort by after the priority; lower first."""
