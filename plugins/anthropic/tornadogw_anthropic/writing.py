"""A chat request in the words of the Messages API. What cannot be said there is refused or told, by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tornadogw import Call, Cannot

__all__ = ["body", "refuses_sampling"]

NEWEST = re.compile(r"claude-(?:opus-4-(?:[7-9]|[1-9]\d)(?!\d)|(?:[a-z]+)-(?:[5-9]|[1-9]\d)(?!\d)|fable|mythos)")
"""Opus 4.7, the fifth generation and what follows: they refuse temperature, top_p and top_k."""

MOST_TOLD = 64
LONGEST_TOLD = 64

SAMPLING = ("temperature", "top_p", "top_k")

REFUSED = {
    "tools": "this vendor is text only",
    "functions": "this vendor is text only",
    "response_format": "this vendor writes free text only",
}
"""Leaving these out would change what the answer means."""

NO_EFFECT: dict[str, Any] = {"response_format": {"type": "text"}, "n": 1, "tools": [], "functions": []}
"""Values that ask for nothing; a vendor without the parameter serves them."""

PERSON = re.compile(r".*@.*|\+?[\d\s()-]{7,}")
"""An e-mail address or a telephone number, which the vendor refuses as user id."""


def refuses_sampling(model: str) -> bool:
    """Whether `model` (the vendor's name, perhaps with a prefix) takes no sampling parameters."""
    return NEWEST.search(model.lower()) is not None


def body(call: Call) -> tuple[bytes, tuple[str, ...]]:
    """The request's JSON and the names of what was left out. Raises Cannot."""
    dropped: list[str] = []
    system, messages = _conversation(call.draft.messages, dropped)
    said: dict[str, Any] = {"model": call.model, "max_tokens": call.max_tokens, "messages": messages}
    if system:
        said["system"] = system
    if call.stream:
        said["stream"] = True
    for name, value in call.draft.params.items():
        said.update(_parameter(name, value, dropped))
    _temperature(call, said)
    if refuses_sampling(call.model) or "thinking" in said:
        asked = {*call.draft.params, *(("temperature",) if call.draft.temperature is not None else ())}
        dropped += [name for name in SAMPLING if said.pop(name, None) is not None and name in asked]
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode(), _told(dropped)


def _told(dropped: list[str]) -> tuple[str, ...]:
    """The names of what was left out, however many and long ones a client invents."""
    return tuple(dict.fromkeys(name[:LONGEST_TOLD] for name in dropped))[:MOST_TOLD]


# --- parameters --------------------------------------------------------------------------------------------------


def _parameter(name: str, value: Any, dropped: list[str]) -> dict[str, Any]:
    """What one parameter of the client becomes; empty: nothing."""
    if NO_EFFECT.get(name) == value:
        return {}
    if name in REFUSED:
        raise Cannot(name, REFUSED[name])
    if name == "n":
        raise Cannot("n", "this vendor gives one choice")
    if name == "stop":
        return _stop(value, dropped)
    if name == "user" and not PERSON.fullmatch(value):
        return {"metadata": {"user_id": value}}
    if name in ("top_p", "top_k"):
        return {name: value}
    if name == "thinking" and isinstance(value, Mapping) and value.get("type") != "disabled":
        return {"thinking": {key: value[key] for key in ("type", "budget_tokens") if key in value}}
    dropped.append(name)
    return {}


def _stop(value: str | list[str], dropped: list[str]) -> dict[str, Any]:
    """Stop sequences of blanks alone are refused by the vendor."""
    asked = [value] if isinstance(value, str) else value
    usable = [text for text in asked if text.strip()]
    if len(usable) < len(asked):
        dropped.append("stop")
    return {"stop_sequences": usable} if usable else {}


def _temperature(call: Call, said: dict[str, Any]) -> None:
    """0 to 1 here. The gateway's default stays away where the client set top_p: the vendor wants one of the two."""
    ours = call.draft.temperature is None
    if call.temperature is not None and not (ours and "top_p" in said):
        said["temperature"] = min(1.0, max(0.0, call.temperature))


# --- messages ----------------------------------------------------------------------------------------------------


def _conversation(sent: Any, dropped: list[str]) -> tuple[str, list[dict[str, Any]]]:
    """(system, messages): the texts of system and developer joined; user and assistant in turns, the user first."""
    if not sent:
        raise Cannot("messages", "this vendor has chat only")
    system: list[str] = []
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(sent):
        role = message["role"]
        texts = [text for text in _texts(message, f"messages[{index}]") if text.strip()]  # blank ones are refused
        dropped += [f"messages.{key}" for key, value in message.items() if key not in ("role", "content") and value]
        if role in ("system", "developer"):
            system += texts
        elif texts and turns and turns[-1]["role"] == role:
            turns[-1]["content"] += _blocks(texts)
        elif texts:
            turns.append({"role": role, "content": _blocks(texts)})
    if not turns or turns[0]["role"] != "user":
        raise Cannot("messages", "the first message beside system must be the user's and hold text")
    if turns[-1]["role"] == "assistant":  # a prefilled answer may not end in a blank
        turns[-1]["content"][-1]["text"] = turns[-1]["content"][-1]["text"].rstrip()
    return "\n\n".join(system), turns


def _texts(message: Mapping[str, Any], place: str) -> Iterator[str]:
    """The texts of one message. Raises Cannot for everything that is no text."""
    if message["role"] in ("tool", "function"):
        raise Cannot(f"{place}.role", f"role {message['role']}: this vendor is text only")
    for key in ("tool_calls", "function_call"):
        if message.get(key):
            raise Cannot(f"{place}.{key}", "this vendor is text only")
    content = message.get("content") or ""
    if isinstance(content, str):
        yield content
        return
    for index, part in enumerate(content):
        kind = part.get("type", "text")
        if kind not in ("text", "refusal"):
            raise Cannot(f"{place}.content[{index}].{kind}", "this vendor is text only")
        yield part.get(kind, "")


def _blocks(texts: list[str]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text} for text in texts]
