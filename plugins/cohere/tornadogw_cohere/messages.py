"""The conversation in the vendor's words. What it cannot say is refused by name, what it has no place for is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tornadogw import Cannot

__all__ = ["conversation"]

Message = Mapping[str, Any]

KNOWN = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {
        "role",
        "content",
        "tool_calls",
        "function_call",
        "tool_plan",
        "reasoning",
        "reasoning_content",
        "citations",
        "refusal",
    },
    "tool": {"role", "content", "tool_call_id", "name"},
    "function": {"role", "content", "name"},
}
"""Fields that are said in the vendor's words, or repeat what is said elsewhere."""


def conversation(sent: Sequence[Message], dropped: list[str], *, thinks: bool) -> list[dict[str, Any]]:
    """The messages, one for one. `thinks`: the model takes its earlier thoughts as blocks. Raises Cannot."""
    if not sent:
        raise Cannot("messages", "this vendor has chat only")
    said: list[dict[str, Any]] = []
    called: dict[str, str] = {}  # name of a legacy function to the id that its call was given
    for index, message in enumerate(sent):
        place = f"messages[{index}]"
        role = "system" if message["role"] == "developer" else message["role"]
        dropped += [f"messages.{key}" for key, value in message.items() if key not in KNOWN[role] and value]
        if role == "assistant":
            said.append(_assistant(message, index, dropped, thinks=thinks))
            if message.get("function_call"):
                made = said[-1]["tool_calls"][-1]
                called[made["function"]["name"]] = made["id"]
        elif role == "tool":
            said.append(_result(message.get("tool_call_id"), message, f"{place}.tool_call_id", place))
        elif role == "function":
            said.append(_result(called.get(_first_text(message, "name")), message, f"{place}.name", place))
        else:
            said.append({"role": role, "content": _content(message, place, role)})
    return said


# --- contents ----------------------------------------------------------------------------------------------------


def _content(message: Message, place: str, role: str) -> str | list[dict[str, Any]]:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return [_part(part, f"{place}.content[{index}]", role) for index, part in enumerate(content)]


def _part(part: Message, place: str, role: str) -> dict[str, Any]:
    """One content part; images are the user's, documents a tool's."""
    kind = part["type"]
    if kind == "text":
        return {"type": "text", "text": part["text"]}
    if kind == "refusal" and role == "assistant":
        return {"type": "text", "text": str(part.get("refusal", ""))}
    if kind == "image_url" and role == "user":
        return {"type": "image_url", "image_url": _image(part["image_url"])}
    if kind == "document" and role == "tool":
        return {"type": "document", "document": part.get("document")}
    raise Cannot(f"{place}.{kind}", f"no such part in a message of the role {role} here")


def _image(image: Any) -> dict[str, Any]:
    if isinstance(image, str):
        return {"url": image}
    return {key: image[key] for key in ("url", "detail") if key in image}


# --- tools -------------------------------------------------------------------------------------------------------


def _assistant(message: Message, index: int, dropped: list[str], *, thinks: bool) -> dict[str, Any]:
    """An earlier answer. The plan before tool calls, or the thoughts of a model that thinks, go back to their place."""
    place = f"messages[{index}]"
    said: dict[str, Any] = {"role": "assistant"}
    if calls := _calls(message, index):
        said["tool_calls"] = calls
    blocks = _blocks(message, place)
    thoughts = _first_text(message, "tool_plan", "reasoning_content", "reasoning")
    if thoughts and thinks:
        blocks.insert(0, {"type": "thinking", "thinking": thoughts})
    elif thoughts and calls:
        said["tool_plan"] = thoughts
    elif thoughts:
        dropped.append("messages.reasoning")
    if len(blocks) == 1 and blocks[0]["type"] == "text" and not isinstance(message.get("content"), list):
        said["content"] = blocks[0]["text"]
    elif blocks or not calls:
        said["content"] = blocks or ""
    if isinstance(citations := message.get("citations"), list) and blocks:
        said["citations"] = [_citation(each, thinks=thinks) for each in citations if isinstance(each, Mapping)]
    return said


def _blocks(message: Message, place: str) -> list[dict[str, Any]]:
    """The texts of an answer as blocks; a refusal is what was said."""
    content = _content(message, place, "assistant") or str(message.get("refusal") or "")
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []


def _citation(citation: Message, *, thinks: bool) -> Message:
    """A place in the answer. It counts blocks, of which there is one where thoughts are not sent back."""
    return citation if thinks else {key: value for key, value in citation.items() if key != "content_index"}


def _calls(message: Message, index: int) -> list[dict[str, Any]]:
    """The calls of one answer; the one in the form before `tool_calls` has no id and gets one."""
    place = f"messages[{index}]"
    calls = [_call(each, f"{place}.tool_calls[{at}]") for at, each in enumerate(message.get("tool_calls") or ())]
    if function := message.get("function_call"):
        if not isinstance(function, Mapping) or not _first_text(function, "name"):
            raise Cannot(f"{place}.function_call", "must be an object with a name")
        calls.append(_called(f"call_{index}", function))
    return calls


def _call(call: Message, place: str) -> dict[str, Any]:
    if call.get("type", "function") != "function":
        raise Cannot(f"{place}.type", "this vendor calls functions only")
    identifier = call.get("id")
    if not isinstance(identifier, str) or not identifier:
        raise Cannot(f"{place}.id", "a tool call needs its id")
    return _called(identifier, call.get("function") or {})


def _called(identifier: str, function: Message) -> dict[str, Any]:
    said = {"name": function.get("name") or "", "arguments": function.get("arguments") or "{}"}
    return {"id": identifier, "type": "function", "function": said}


def _result(identifier: Any, message: Message, param: str, place: str) -> dict[str, Any]:
    """What a tool gave back."""
    if not isinstance(identifier, str) or not identifier:
        raise Cannot(param, "a tool's result must name the call that it answers")
    return {"role": "tool", "tool_call_id": identifier, "content": _content(message, place, "tool")}


def _first_text(message: Message, *names: str) -> str:
    return next((value for name in names if isinstance(value := message.get(name), str) and value), "")
