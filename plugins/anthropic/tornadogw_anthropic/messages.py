"""The conversation in the words of the Messages API. What cannot be said there is refused or told, by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tornadogw import Cannot

from .contents import blocks, has_text

__all__ = ["conversation"]

Message = Mapping[str, Any]
Block = dict[str, Any]

KNOWN: Mapping[str, frozenset[str]] = {
    "system": frozenset({"role", "content", "cache_control"}),
    "user": frozenset({"role", "content", "cache_control"}),
    "assistant": frozenset(
        "role content cache_control tool_calls function_call refusal thinking_blocks citations annotations".split()
    ),
    "tool": frozenset({"role", "content", "cache_control", "tool_call_id", "is_error", "name"}),
    "function": frozenset({"role", "content", "name"}),
}
"""Fields that are said in the vendor's words, or repeat what is said elsewhere."""

_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9_-]")
THOUGHTS = frozenset({"reasoning", "reasoning_content", "reasoning_details"})


def conversation(sent: Sequence[Message], dropped: list[str]) -> tuple[list[Block], list[dict[str, Any]]]:
    """(system, messages): system and developer joined; user and assistant in turns, the user first. Raises Cannot."""
    if not sent:
        raise Cannot("messages", "this vendor has chat only")
    system: list[Block] = []
    turns: list[dict[str, Any]] = []
    called: dict[str, str] = {}  # name of a legacy function to the id that its call was given
    for index, message in enumerate(sent):
        place = f"messages[{index}]"
        role = "system" if message["role"] == "developer" else message["role"]
        _tell(message, role, dropped)
        if role == "system":
            system += _system(message, place)
        elif role == "assistant":
            _add(turns, "assistant", _assistant(message, place, index, called))
        elif role in ("tool", "function"):
            _add(turns, "user", [_result(message, place, called)])
        else:
            _add(turns, "user", blocks(message, place))
    if not turns or turns[0]["role"] != "user":
        raise Cannot("messages", "the first message beside system must be the user's and hold something")
    for turn in turns:  # results come first, whatever the user said beside them
        turn["content"].sort(key=lambda block: block["type"] != "tool_result" if turn["role"] == "user" else False)
    _trim(turns[-1])
    return system, turns


def _tell(message: Message, role: str, dropped: list[str]) -> None:
    """Fields without a place. Thoughts go back in `thinking_blocks`, with their signatures, or not at all."""
    signed = bool(message.get("thinking_blocks"))
    for key, value in message.items():
        if key not in KNOWN[role] and value and not (signed and key in THOUGHTS):
            dropped.append(f"messages.{key}")


def _add(turns: list[dict[str, Any]], role: str, said: list[Block]) -> None:
    """Consecutive messages of one role are one turn."""
    if said and turns and turns[-1]["role"] == role:
        turns[-1]["content"] += said
    elif said:
        turns.append({"role": role, "content": said})


def _trim(turn: dict[str, Any]) -> None:
    """A prefilled answer may not end in a blank."""
    last = turn["content"][-1]
    if turn["role"] == "assistant" and last["type"] == "text":
        last["text"] = last["text"].rstrip()


def _system(message: Message, place: str) -> list[Block]:
    said = blocks(message, place)
    if wrong := next((block["type"] for block in said if block["type"] != "text"), None):
        raise Cannot(f"{place}.content", f"no {wrong} in a system message here")
    return said


# --- tools -----------------------------------------------------------------------------------------------------------


def _assistant(message: Message, place: str, index: int, called: dict[str, str]) -> list[Block]:
    """An earlier answer: its thoughts unchanged, its text, its calls."""
    said = [*_thoughts(message), *blocks(message, place)]
    if not has_text(said) and isinstance(refusal := message.get("refusal"), str) and refusal.strip():
        said.append({"type": "text", "text": refusal})
    for at, call in enumerate(message.get("tool_calls") or ()):
        where = f"{place}.tool_calls[{at}]"
        if call.get("type", "function") != "function":
            raise Cannot(f"{where}.type", "this vendor calls functions only")
        said.append(_use(call.get("id"), call.get("function"), where))
    if function := message.get("function_call"):
        said.append(_use(f"call_{index}", function, f"{place}.function_call"))
        called[said[-1]["name"]] = said[-1]["id"]
    return said


def _thoughts(message: Message) -> Iterator[Block]:
    """Blocks that the vendor signed go back as they came; others would be refused."""
    given = message.get("thinking_blocks")
    for block in given if isinstance(given, list) else ():
        if not isinstance(block, Mapping):
            continue
        fields = {"thinking": ("thinking", "signature"), "redacted_thinking": ("data",)}.get(str(block.get("type")), ())
        if fields and all(isinstance(block.get(field), str) for field in fields) and block[fields[-1]]:
            yield {"type": block["type"], **{field: block[field] for field in fields}}


def _use(identifier: Any, function: Any, place: str) -> Block:
    """One call. Ids of other vendors may hold what this one refuses."""
    if not isinstance(identifier, str) or not identifier:
        raise Cannot(f"{place}.id", "a tool call needs its id")
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name:
        raise Cannot(f"{place}.function.name", "a tool call needs its name")
    return {"type": "tool_use", "id": _id(identifier), "name": name, "input": _input(function, f"{place}.function")}


def _input(function: Message, place: str) -> dict[str, Any]:
    arguments = function.get("arguments") or "{}"
    try:
        value = json.loads(arguments)
    except (TypeError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Cannot(f"{place}.arguments", "must be a JSON object in a string")
    return value


def _result(message: Message, place: str, called: Mapping[str, str]) -> Block:
    """What a tool gave back."""
    legacy = message["role"] == "function"
    identifier = called.get(str(message.get("name"))) if legacy else message.get("tool_call_id")
    if not isinstance(identifier, str) or not identifier:
        param = f"{place}.name" if legacy else f"{place}.tool_call_id"
        raise Cannot(param, "a tool's result must name the call that it answers")
    said: Block = {"type": "tool_result", "tool_use_id": _id(identifier)}
    content = message.get("content")
    if isinstance(content, str):
        said["content"] = content
    elif inner := blocks({key: value for key, value in message.items() if key != "cache_control"}, place):
        said["content"] = inner
    if isinstance(message.get("is_error"), bool):
        said["is_error"] = message["is_error"]
    if marker := message.get("cache_control"):
        said["cache_control"] = marker
    return said


def _id(identifier: str) -> str:
    return _NOT_OF_AN_ID.sub("_", identifier)
