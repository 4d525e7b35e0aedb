"""Pieces of tool calls to pieces that concatenate: id and name once, arguments as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from tornadogw import ToolCall, Unreadable, object_of, text_of

from .grown import Grown

__all__ = ["Calls"]

MOST_CALLS = 1024


class OneCall:
    """What is known of one call."""

    __slots__ = ("arguments", "held", "id", "index", "name", "told")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.arguments = Grown()
        self.held = ""  # arguments that came before the name
        self.told = False


class Calls:
    """The tool calls of one choice. Later pieces have an empty id, or the same one again, and no name."""

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._calls: list[OneCall] = []
        self._by_index: dict[int, OneCall] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def read(self, piece: Mapping[str, Any], seed: str) -> ToolCall | None:
        """The event in one piece; None: nothing new. `seed` makes ids for calls that have none."""
        function = object_of(piece, "function")
        identifier, name = text_of(piece, "id"), text_of(function, "name")
        call = self._find(piece.get("index"), identifier, name)
        if call is None:
            return None
        call.id, call.name = call.id or identifier, call.name or name
        arguments = _written(function.get("arguments"))
        return self._tell(call, call.arguments.feed(arguments) if arguments else "", seed)

    def end(self, seed: str) -> list[ToolCall]:
        """What was held back, and calls that never got a name."""
        told = [self._tell(call, call.arguments.end(), seed, last=True) for call in self._calls]
        return [event for event in told if event is not None]

    def _tell(self, call: OneCall, arguments: str, seed: str, *, last: bool = False) -> ToolCall | None:
        if call.told:
            return ToolCall(call.index, arguments=arguments, choice=self._choice) if arguments else None
        call.held += arguments
        if not call.name and not last:
            return None
        call.told = True
        call.id = call.id or self._made_id(call.index, seed)
        return ToolCall(call.index, call.id, call.name, call.held, self._choice)

    def _find(self, index: Any, identifier: str, name: str) -> OneCall | None:
        """The call that a piece belongs to; None: there are too many."""
        if type(index) is int:
            known = self._by_index.get(index)
            if known is None or (name and identifier and known.id and identifier != known.id):
                known = self._new()
                if known is not None:
                    self._by_index[index] = known
            return known
        if identifier:
            known = next((call for call in self._calls if call.id == identifier), None)
            return known or self._new()
        return self._new() if name or not self._calls else self._calls[-1]

    def _new(self) -> OneCall | None:
        if len(self._calls) == MOST_CALLS:
            return None
        self._calls.append(OneCall(len(self._calls)))
        return self._calls[-1]

    def _made_id(self, index: int, seed: str) -> str:
        origin = f"{seed}/{self._choice}/{index}".encode()
        return f"call_{blake2b(origin, digest_size=12).hexdigest()}"


def _written(arguments: Any) -> str:
    """Arguments as text; whole objects are written out."""
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except RecursionError as error:
        raise Unreadable("arguments are nested too deeply") from error
