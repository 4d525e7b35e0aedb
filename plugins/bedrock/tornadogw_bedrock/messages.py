"""The conversation in the words of Converse. What cannot be said there is refused or told, by name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tornadogw import Cannot

from .contents import CACHE_POINT, Block, blocks

__all__ = ["conversation", "used_tools"]

Message = Mapping[str, Any]
Turn = dict[str, Any]

KNOWN: Mapping[str, frozenset[str]] = {
    "system": frozenset({"role", "content", "cache_control"}),
    "user": frozenset({"role", "content", "cache_control"}),
    "assistant": frozenset(
        "role content cache_control tool_calls function_call refusal thinking_blocks annotations".split()
    ),
    "tool": frozenset({"role", "content", "cache_control", "tool_call_id", "is_error", "name"}),
    "function": frozenset({"role", "content", "name"}),
}
"""Fields that are said in the vendor's words, or repeat what is said elsewhere."""
THOUGHTS = frozenset({"reasoning", "reasoning_content", "reasoning_details"})
LONGEST_ID = 64
_NOT_OF_AN_ID = re.compile(r"[^A-Za-z0-9_-]")


def conversation(sent: Sequence[Message], dropped: list[str]) -> tuple[list[Block], list[Turn]]:
    """(system, messages): system and developer joined; user and assistant in turns, the user first. Raises Cannot."""
    if not sent:
        raise Cannot("messages", "this vendor has chat only")
    system: list[Block] = []
    turns: list[Turn] = []
    called: dict[str, str] = {}  # name of a legacy function to the id that its call was given
    for index, message in enumerate(sent):
        place = f"messages[{index}]"
        role = "system" if message["role"] == "developer" else message["role"]
        signed = bool(message.get("thinking_blocks"))
        dropped += [
            f"messages.{key}"
            for key, value in message.items()
            if key not in KNOWN[role] and value and not (signed and key in THOUGHTS)
        ]
        if role == "system":
            system += _system(message, place)
        elif role == "assistant":
            _add(turns, "assistant", _assistant(message, place, index, called))
        elif role in ("tool", "function"):
            _add(turns, "user", _result(message, place, called))
        else:
            _add(turns, "user", blocks(message, place))
    if not turns or turns[0]["role"] != "user":
        raise Cannot("messages", "the first message beside system must be the user's and hold something")
    for turn in turns:  # results come first, whatever the user said before them
        if turn["role"] == "user":
            turn["content"].sort(key=lambda block: "toolResult" not in block)
    last = turns[-1]["content"][-1]
    if turns[-1]["role"] == "assistant" and "text" in last:  # a prefilled answer may not end in a blank
        last["text"] = last["text"].rstrip()
    return system, turns


def used_tools(turns: Sequence[Turn]) -> list[str]:
    """Names of the tools that the conversation has used."""
    used = (block["toolUse"]["name"] for turn in turns for block in turn["content"] if "toolUse" in block)
    return list(dict.fromkeys(used))


def _add(turns: list[Turn], role: str, said: list[Block]) -> None:
    """Consecutive messages of one role are one turn."""
    if said and turns and turns[-1]["role"] == role:
        turns[-1]["content"] += said
    elif said:
        turns.append({"role": role, "content": said})


def _system(message: Message, place: str) -> list[Block]:
    said = blocks(message, place)
    if any("image" in block or "document" in block for block in said):
        raise Cannot(f"{place}.content", "a system message is text here")
    return said


# --- tools -----------------------------------------------------------------------------------------------------------


def _assistant(message: Message, place: str, index: int, called: dict[str, str]) -> list[Block]:
    """An earlier answer: its thoughts unchanged, its text, its calls."""
    said = [*_thoughts(message), *blocks(message, place)]
    refusal = message.get("refusal")
    if not any("text" in block for block in said) and isinstance(refusal, str) and refusal.strip():
        said.append({"text": refusal})
    for at, call in enumerate(message.get("tool_calls") or ()):
        where = f"{place}.tool_calls[{at}]"
        if call.get("type", "function") != "function":
            raise Cannot(f"{where}.type", "this vendor calls functions only")
        said.append(_use(call.get("id"), call.get("function"), where))
    if function := message.get("function_call"):
        use = _use(f"call_{index}", function, f"{place}.function_call")
        called[use["toolUse"]["name"]] = use["toolUse"]["toolUseId"]
        said.append(use)
    return said


def _thoughts(message: Message) -> Iterator[Block]:
    """Blocks that the model signed go back as they came; others would be refused."""
    given = message.get("thinking_blocks")
    for block in given if isinstance(given, list) else ():
        if not isinstance(block, Mapping):
            continue
        text, signature, data = block.get("thinking"), block.get("signature"), block.get("data")
        if block.get("type") == "thinking" and isinstance(text, str) and isinstance(signature, str) and signature:
            yield {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}
        elif block.get("type") == "redacted_thinking" and isinstance(data, str) and data:
            yield {"reasoningContent": {"redactedContent": data}}


def _use(identifier: Any, function: Any, place: str) -> Block:
    if not isinstance(identifier, str) or not identifier:
        raise Cannot(f"{place}.id", "a tool call needs its id")
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name:
        raise Cannot(f"{place}.function.name", "a tool call needs its name")
    given = _input(function, f"{place}.function.arguments")
    return {"toolUse": {"toolUseId": _id(identifier), "name": name, "input": given}}


def _input(function: Message, place: str) -> dict[str, Any]:
    try:
        value = json.loads(function.get("arguments") or "{}")
    except (TypeError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Cannot(place, "must be a JSON object in a string")
    return value


def _result(message: Message, place: str, called: Mapping[str, str]) -> list[Block]:
    """What a tool gave back."""
    legacy = message["role"] == "function"
    identifier = called.get(str(message.get("name"))) if legacy else message.get("tool_call_id")
    if not isinstance(identifier, str) or not identifier:
        param = f"{place}.name" if legacy else f"{place}.tool_call_id"
        raise Cannot(param, "a tool's result must name the call that it answers")
    inner = blocks({"content": message.get("content")}, place)
    result = {"toolUseId": _id(identifier), "content": inner or [{"text": "(nothing)"}]}
    if message.get("is_error") is True:
        result["status"] = "error"
    return [{"toolResult": result}, *([CACHE_POINT] if message.get("cache_control") else ())]


def _id(identifier: str) -> str:
    """The vendor takes fewer characters, and fewer kinds of them, than others give their ids."""
    fit = _NOT_OF_AN_ID.sub("_", identifier)
    if len(fit) <= LONGEST_ID:
        return fit
    return fit[:31] + "_" + hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:32]
