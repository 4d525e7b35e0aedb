"""A draft bound to one route: the upstream calls that serve it. Pure.

One call nearly always. A completion on a route without a completion endpoint goes through chat, a call for each prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tornadogw.catalogue import RouteEntry
from tornadogw.errors import Cannot
from tornadogw.settings.tables import Defaults
from tornadogw.types import Call, Draft, Traits, Value

__all__ = ["Leg", "asks_for_json", "going_on", "legs", "prefilled", "without_default"]

_JSON_PARAMS = frozenset({"logprobs", "audio", "modalities"})
"""Parameters whose answers are asked for as JSON, for a client that wants JSON (design.md, 'The vendor contract')."""
_COMPLETION_ONLY = frozenset({"best_of", "logprobs"})
"""Left out when a completion goes through chat: they choose or annotate, they do not change what is asked."""


class Leg(Value, frozen=True):
    """One upstream call; `offset` is the place of its first choice in the client's answer."""

    call: Call
    offset: int = 0
    dropped: tuple[str, ...] = ()


def legs(draft: Draft, route: RouteEntry, request_id: str, defaults: Defaults) -> Sequence[Leg]:
    """The calls that serve `draft` on `route`. Raises Cannot for what has no place in chat."""
    if draft.mode == "chat" or route.traits.completion == "native":
        return [Leg(_call(draft, route, request_id, defaults))]
    for param in ("suffix", "echo"):
        if draft.params.get(param):
            raise Cannot(param, "this model serves completions through chat, which has no such thing")
    width: int = draft.params.get("n", 1)  # `best_of` only chooses: through chat there are `n` of them
    dropped = tuple(sorted(_COMPLETION_ONLY & draft.params.keys()))
    return [
        Leg(_call(_as_chat(draft, prompt, width), route, request_id, defaults), index * width, dropped)
        for index, prompt in enumerate(draft.prompts)
    ]


def without_default(leg: Leg) -> Leg:
    """The same call without the gateway's own temperature."""
    return msgspec.structs.replace(leg, call=msgspec.structs.replace(leg.call, temperature=None))


def prefilled(draft: Draft, traits: Traits) -> str:
    """How the call can be gone on with: `Traits.prefill`; a prompt always can be."""
    if draft.mode == "completion":
        as_text = isinstance(draft.prompts[0], str) and not any(draft.params.get(name) for name in ("echo", "suffix"))
        return "rest" if as_text else ""
    return "" if draft.messages[-1].get("role") == "assistant" else traits.prefill


def going_on(leg: Leg, begun: str, produced: int) -> Leg:
    """The call that goes on after `begun`, of which `produced` tokens are spent."""
    call, draft = leg.call, leg.call.draft
    if draft.mode == "completion":
        draft = msgspec.structs.replace(draft, prompts=(f"{draft.prompts[0]}{begun}",))
    else:
        said = {"role": "assistant", "content": begun}
        draft = msgspec.structs.replace(draft, messages=[*draft.messages, said])
    left = max(1, call.max_tokens - produced)
    return msgspec.structs.replace(
        leg, call=msgspec.structs.replace(call, draft=draft, max_tokens=left, continues=True)
    )


def asks_for_json(draft: Draft, route: RouteEntry) -> bool:
    """Whether the upstream is asked for JSON: never for a client that wants a stream."""
    if draft.stream:
        return False
    forcing = _JSON_PARAMS | route.traits.whole_params
    return route.traits.json == "whole" or draft.choices > 1 or not forcing.isdisjoint(draft.params)


def _call(draft: Draft, route: RouteEntry, request_id: str, defaults: Defaults) -> Call:
    own = defaults.temperature if route.traits.temperature else None
    return Call(
        id=request_id,
        draft=draft,
        model=route.model,
        base_url=route.base_url,
        options=route.options,
        stream=not asks_for_json(draft, route),
        max_tokens=draft.max_tokens or defaults.max_tokens,
        temperature=own if draft.temperature is None else draft.temperature,
    )


def _as_chat(draft: Draft, prompt: Any, width: int) -> Draft:
    params = {key: value for key, value in draft.params.items() if key not in _COMPLETION_ONLY | {"suffix", "echo"}}
    messages = [{"role": "user", "content": prompt}]
    return msgspec.structs.replace(draft, mode="chat", messages=messages, prompts=(), params=params, choices=width)
