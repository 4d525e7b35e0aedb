"""The client's messages as `contents`: turns of user and model, each a list of parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from tornadogw import Cannot

from . import signatures

__all__ = ["Parts", "contents"]

Parts = list[dict[str, Any]]

_KNOWN = frozenset({"role", "content", "tool_calls", "function_call", "tool_call_id", "name", "extra_content"})
_TYPES = {
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
}
"""By the ending of an address; the vendor wants a type. All others are taken for a JPEG, as images mostly are."""


def contents(
    messages: Sequence[Mapping[str, Any]], dropped: list[str], *, signed: bool, addresses: bool
) -> tuple[Parts, Parts]:
    """(parts of the system instruction, turns). Raises Cannot.

    :param signed: the model refuses tool calls without a thought signature.
    :param addresses: the vendor fetches http(s) addresses itself.
    """
    if not messages:
        raise Cannot("messages", "this vendor has chat only")
    writer = _Writer(dropped, signed=signed, addresses=addresses)
    for index, message in enumerate(messages):
        writer.add(message, f"messages[{index}]")
    system, turns = writer.system, writer.turns
    if not turns:  # the vendor wants a turn, so that instructions alone become one
        return [], [{"role": "user", "parts": system or [{"text": ""}]}]
    return system, turns


class _Writer:
    """Collects turns; neighbours of one role are one turn."""

    def __init__(self, dropped: list[str], *, signed: bool, addresses: bool) -> None:
        self.system: Parts = []
        self.turns: Parts = []
        self._dropped = dropped
        self._signed, self._addresses = signed, addresses
        self._names: dict[str, str] = {}
        """Of the tools that were called so far, by the id of the call."""

    def add(self, message: Mapping[str, Any], place: str) -> None:
        role = message["role"]
        self._dropped += [f"messages.{key}" for key, value in message.items() if key not in _KNOWN and value]
        if role in ("system", "developer"):
            self.system += self._parts(message, place, texts_only=True)
        elif role in ("tool", "function"):
            self._turn("user", self._result(message, place))
        elif role == "assistant":
            self._turn("model", self._said(message, place))
        else:
            self._turn("user", list(self._parts(message, place)))

    def _turn(self, role: str, parts: Parts) -> None:
        if not parts:
            return
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["parts"] += parts
        else:
            self.turns.append({"role": role, "parts": parts})

    def _parts(self, message: Mapping[str, Any], place: str, *, texts_only: bool = False) -> Iterator[dict[str, Any]]:
        """The content as parts; empty texts say nothing and are left out."""
        content = message.get("content") or ""
        for index, part in enumerate(content if isinstance(content, list) else [{"type": "text", "text": content}]):
            kind, where = part.get("type", "text"), f"{place}.content[{index}]"
            if kind in ("text", "refusal"):
                if isinstance(text := part.get(kind), str) and text:
                    yield {"text": text}
            elif texts_only:
                raise Cannot(f"{where}.{kind}", "instructions are text")
            else:
                yield self._media(kind, part.get(kind), f"{where}.{kind}")

    def _media(self, kind: str, given: Any, where: str) -> dict[str, Any]:
        told = given if isinstance(given, dict) else {"url": given}
        if kind == "input_audio" and isinstance(told.get("data"), str):
            return {"inlineData": {"mimeType": f"audio/{told.get('format', 'wav')}", "data": told["data"]}}
        if kind == "file" and "file_id" in told:
            raise Cannot(f"{where}.file_id", "files of other vendors are not known here")
        if kind not in ("image_url", "video_url", "file"):
            raise Cannot(where, "this vendor has no such content part")
        url = told.get("file_data") if kind == "file" else told.get("url")
        if not isinstance(url, str):
            raise Cannot(where, "has no address or data")
        if "detail" in told and told["detail"] != "auto":
            self._dropped.append("messages.content.image_url.detail")
        return self._blob(url, where)

    def _blob(self, url: str, where: str) -> dict[str, Any]:
        if url.startswith("data:"):
            head, comma, data = url[5:].partition(",")
            media_type, *options = head.split(";")
            if not comma or "base64" not in options:
                raise Cannot(where, "data: addresses must be base64")
            return {"inlineData": {"mimeType": media_type or "text/plain", "data": data}}
        if not url.lower().startswith(("http://", "https://")) or not self._addresses:
            # other schemes reach what the operator's own account can read
            raise Cannot(where, "must be a data: address here")
        ending = url.split("?", 1)[0].rpartition(".")[2].lower()
        return {"fileData": {"mimeType": _TYPES.get(ending, "image/jpeg"), "fileUri": url}}

    # --- tools -------------------------------------------------------------------------------------------------

    def _said(self, message: Mapping[str, Any], place: str) -> Parts:
        """What the model said before: texts, then calls, each with its signature."""
        parts = list(self._parts(message, place))
        calls = list(self._calls(message, place))
        signature = signatures.found(message)
        if signature and parts:
            parts[-1]["thoughtSignature"] = signature
        if calls and self._signed and not any("thoughtSignature" in call for call in calls):
            calls[0]["thoughtSignature"] = signatures.SKIP  # of several at once only the first one is signed
        return parts + calls

    def _calls(self, message: Mapping[str, Any], place: str) -> Iterator[dict[str, Any]]:
        for index, call in enumerate(message.get("tool_calls") or ()):
            where = f"{place}.tool_calls[{index}]"
            shown = call.get("id")
            said = self._call(call.get("function"), where)
            own = held = ""
            if isinstance(shown, str):
                own, held = signatures.split(shown)
                self._names[shown] = said["name"]
            part: dict[str, Any] = {"functionCall": {"id": own, **said} if own else said}
            if signature := signatures.found(call) or held:
                part["thoughtSignature"] = signature
            yield part
        if (old := message.get("function_call")) is not None:
            yield {"functionCall": self._call(old, f"{place}.function_call")}

    @staticmethod
    def _call(function: Any, where: str) -> dict[str, Any]:
        name, arguments = (function.get("name"), function.get("arguments")) if isinstance(function, dict) else ("", "")
        if not isinstance(name, str) or not name:
            raise Cannot(where, "has no function name")
        try:
            args = orjson.loads(arguments) if arguments else {}
        except ValueError:
            args = None
        if not isinstance(args, dict):
            raise Cannot(f"{where}.arguments", "must be a JSON object")
        return {"name": name, "args": args}

    def _result(self, message: Mapping[str, Any], place: str) -> Parts:
        """The answer of a tool. It needs the tool's name, which the call with this id has told."""
        shown = message.get("tool_call_id") or ""
        name = self._names.get(shown) or message.get("name")
        if not isinstance(name, str) or not name:
            raise Cannot(f"{place}.tool_call_id", "no call with this id stands before it, and there is no name")
        parts = list(self._parts(message, place))
        texts = "".join(part["text"] for part in parts if "text" in part)
        own, _ = signatures.split(shown)
        said: dict[str, Any] = {"name": name, "response": _response(texts)}
        result: dict[str, Any] = {"functionResponse": {"id": own, **said} if own else said}
        return [result, *(part for part in parts if "text" not in part)]


def _response(text: str) -> dict[str, Any]:
    """The vendor wants an object."""
    try:
        value = orjson.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"result": text}
