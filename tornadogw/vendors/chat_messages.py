"""The messages of a request as a vendor takes them: roles, earlier reasoning, ids of tool calls, flat text. Pure."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Any

from tornadogw.errors import Cannot
from tornadogw.vendors.rows import Profile

__all__ = ["rewrite"]

Message = Mapping[str, Any]

_REASONING = ("reasoning_content", "reasoning")
_DETAILS = "reasoning_details"
_BLANK = " "
_GROWING = {"reasoning.text": "text", "reasoning.summary": "summary"}
"""Types of details that streams cut into pieces, and the field that grows."""
_DIGITS = string.digits + string.ascii_letters
_PLAIN_ID = re.compile(r"[A-Za-z0-9]+")


def rewrite(messages: Sequence[Message], profile: Profile) -> Sequence[Message]:
    """The messages in the vendor's form. Those that need no change are passed as they are.

    :raises Cannot: the vendor takes no message of that role, or no address of an image.
    """
    for index, message in enumerate(messages if profile.refuse_roles or not profile.image_urls else ()):
        _check(message, f"messages[{index}]", profile)
    rewritten: Sequence[Message] = [_rewrite_one(message, profile) for message in messages]
    if profile.single_system:
        rewritten = _join_systems(rewritten)
    return _alternating(rewritten) if profile.alternate else rewritten


def _check(message: Message, where: str, profile: Profile) -> None:
    if message.get("role") in profile.refuse_roles:
        raise Cannot(f"{where}.role", f"no `{message['role']}` messages are taken here")
    content = message.get("content")
    if profile.image_urls or not isinstance(content, list):
        return
    for place, part in enumerate(content):
        image = part.get("image_url") if isinstance(part, Mapping) else None
        url = image.get("url") if isinstance(image, Mapping) else image
        if isinstance(url, str) and not url.startswith("data:"):
            raise Cannot(f"{where}.content[{place}].image_url", "images are taken as data: URLs only")


def _rewrite_one(message: Message, profile: Profile) -> Message:
    role = profile.roles.get(message.get("role", ""))
    changed: dict[str, Any] = {}
    if role is not None and role != message["role"]:
        changed["role"] = role
    if profile.flat_text and isinstance(message.get("content"), list):
        flat = _flat(message["content"])
        if flat is not None:
            changed["content"] = flat
    if profile.tool_id_length:
        changed |= _short_ids(message, profile.tool_id_length)
    if profile.history_blank and message.get("tool_calls") and not any(message.get(field) for field in _REASONING):
        changed[profile.history] = _BLANK
        return {**{key: value for key, value in message.items() if key not in _REASONING}, **changed}
    if _DETAILS in message or any(field in message for field in _REASONING):
        return _with_history({**message, **changed}, profile)
    return {**message, **changed} if changed else message


def _with_history(message: dict[str, Any], profile: Profile) -> Message:
    """Earlier reasoning in the one place where the vendor takes it: our answers carry it in two fields."""
    found = [text for field in _REASONING if isinstance(text := message.pop(field, None), str) and text]
    details = message.pop(_DETAILS, None)
    if details is not None and profile.history_details:
        message[_DETAILS] = _whole(details) if isinstance(details, list) else details
    if not found or not profile.history:
        return message
    if profile.history != "tags":
        message[profile.history] = found[0]
    elif isinstance(content := message.get("content") or "", str):
        message["content"] = f"<think>\n{found[0]}\n</think>\n\n{content}"
    return message


def _whole(details: list[Any]) -> list[Any]:
    """Details that were collected from a stream: the pieces of one become one. Others are as they were."""
    whole: list[Any] = []
    texts: list[tuple[dict[str, Any], str, list[str]]] = []  # what grows, under which name, its pieces
    for detail in details:
        name = _GROWING.get(str(detail.get("type"))) if isinstance(detail, Mapping) else None
        if name is None or type(detail.get("index")) is not int:
            whole.append(detail)
            continue
        piece = detail.get(name)
        last = texts[-1][0] if texts else None
        if last is not None and last is whole[-1] and _same(last, detail):
            last.update({key: value for key, value in detail.items() if value and key != name})
        else:
            whole.append(dict(detail))
            texts.append((whole[-1], name, []))
        texts[-1][2].append(piece if isinstance(piece, str) else "")
    for grown, name, pieces in texts:
        if len(pieces) > 1:
            grown[name] = "".join(pieces)
    return whole


def _same(last: Mapping[str, Any], detail: Mapping[str, Any]) -> bool:
    """Whether a piece belongs to the detail before it."""
    other = last.get("id") and detail.get("id") and last["id"] != detail["id"]
    return not other and (last.get("type"), last.get("index")) == (detail["type"], detail["index"])


def _short_ids(message: Message, length: int) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if isinstance(answered := message.get("tool_call_id"), str):
        changed["tool_call_id"] = _short_id(answered, length)
    if isinstance(calls := message.get("tool_calls"), list):
        changed["tool_calls"] = [
            {**call, "id": _short_id(call["id"], length)}
            if isinstance(call, Mapping) and isinstance(call.get("id"), str)
            else call
            for call in calls
        ]
    return changed


def _short_id(identifier: str, length: int) -> str:
    """An id of the right form; the same one for the same id, so that calls and their results still meet."""
    if len(identifier) == length and _PLAIN_ID.fullmatch(identifier):
        return identifier
    number = int.from_bytes(blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=16).digest())
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits += _DIGITS[digit]
    return digits


def _flat(parts: list[Any]) -> str | None:
    """The text of a list of parts; None if it holds anything else."""
    texts = [part.get("text") if isinstance(part, Mapping) and part.get("type") == "text" else None for part in parts]
    return "\n".join(text for text in texts if text) if all(isinstance(text, str) for text in texts) else None


def _join_systems(messages: Sequence[Message]) -> Sequence[Message]:
    systems = [message for message in messages if message.get("role") == "system"]
    texts = [_text_of(message.get("content")) for message in systems]
    if len(systems) < 2 or any(text is None for text in texts):  # noqa: PLR2004  # two make several
        return messages
    joined = {**systems[0], "content": "\n\n".join(text for text in texts if text)}
    return [joined, *(message for message in messages if message.get("role") != "system")]


def _alternating(messages: Sequence[Message]) -> Sequence[Message]:
    """Neighbours of one role become one message, unless they hold tool calls; other roles stay as they are."""
    joined: list[Message] = []
    for role, neighbours in groupby(messages, _turn):
        run = list(neighbours)
        if role and len(run) > 1:
            joined.append({**run[0], "content": _as_one([message.get("content") for message in run])})
        else:
            joined += run
    return joined


def _turn(message: Message) -> str:
    """Whose turn it is; empty: a message that is joined with no other."""
    role = message.get("role")
    return role if role in ("user", "assistant") and not message.get("tool_calls") else ""


def _as_one(contents: list[Any]) -> Any:
    """Several contents as one: texts a blank line apart, or all their parts."""
    texts = [content for content in contents if content]
    if all(isinstance(content, str) for content in texts):
        return "\n\n".join(texts)
    parts = [[{"type": "text", "text": content}] if isinstance(content, str) else content for content in texts]
    return [part for several in parts for part in several]


def _text_of(content: Any) -> str | None:
    if isinstance(content, list):
        return _flat(content)
    return content if isinstance(content, str) else ""
