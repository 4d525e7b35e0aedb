"""Pieces of tool calls, as vendors send them, to pieces that concatenate: an index always, id and name once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

from tornadogw.types import ToolCall

__all__ = ["ToolCalls"]


class _Call:
    """What is known of one tool call."""

    __slots__ = ("held", "id", "index", "name", "told")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.held = ""  # arguments that came before the name
        self.told = False


class ToolCalls:
    """The tool calls of one choice. `seed` makes ids for calls that have none: the same answer, the same ids."""

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def read(self, pieces: Any, seed: str) -> list[ToolCall]:
        """The events in one `tool_calls` list."""
        if not isinstance(pieces, list):
            return []
        events = [self._piece(piece, seed) for piece in pieces if isinstance(piece, Mapping)]
        return [event for event in events if event is not None]

    def read_legacy(self, call: Mapping[str, Any], seed: str) -> list[ToolCall]:
        """The events in a `function_call` object: one call without an id."""
        event = self._piece({"index": 0, "function": call}, seed)
        return [event] if event is not None else []

    def end(self, seed: str) -> list[ToolCall]:
        """Calls that never got a name."""
        return [self._tell(call, call.held, seed) for call in self._calls if not call.told]

    def _piece(self, piece: Mapping[str, Any], seed: str) -> ToolCall | None:
        function = piece.get("function")
        if not isinstance(function, Mapping):
            function = {}
        identifier, name = _text(piece.get("id")), _text(function.get("name"))
        arguments = _arguments(function.get("arguments"))
        call = self._find(piece.get("index"), identifier, name)
        call.id = call.id or identifier
        call.name = call.name or name
        if call.told:
            return ToolCall(call.index, arguments=arguments, choice=self._choice) if arguments else None
        if not call.name:
            call.held += arguments
            return None
        return self._tell(call, call.held + arguments, seed)

    def _tell(self, call: _Call, arguments: str, seed: str) -> ToolCall:
        call.told, call.held = True, ""
        call.id = call.id or self._made_id(call, seed)
        return ToolCall(call.index, call.id, call.name, arguments, self._choice)

    def _find(self, index: Any, identifier: str, name: str) -> _Call:
        """The call that a piece belongs to. Some vendors repeat id and name, change the id, or leave the index out."""
        if isinstance(index, int):
            known = self._by_index.get(index)
            # Another id alone may be noise of the vendor; with a name it is another call on a worn-out index.
            if known is None or (name and identifier and known.id and identifier != known.id):
                known = self._by_index[index] = self._new()
            return known
        if identifier:
            known = next((call for call in self._calls if call.id == identifier), None)
            if known is not None:
                return known
        return self._new() if identifier or name or not self._calls else self._calls[-1]

    def _new(self) -> _Call:
        call = _Call(len(self._calls))
        self._calls.append(call)
        return call

    def _made_id(self, call: _Call, seed: str) -> str:
        origin = f"{seed}/{self._choice}/{call.index}".encode("utf-8", "surrogatepass")
        return f"call_{blake2b(origin, digest_size=12).hexdigest()}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: Any) -> str:
    """Arguments as text; whole objects are written out."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
