"""Arguments of a tool call that come piece by piece, each with the path where it belongs: `$.list[0].name`.

Pieces of a text follow each other until one is not continued. They make sense as JSON only together, so the arguments
are told when the call is complete.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tornadogw import Unreadable

__all__ = ["Arguments"]

DEEPEST = 64
MOST_PIECES = 100_000
MOST_TEXT = 16 * 1024 * 1024
"""Characters of one call's texts."""
LONGEST_PATH = 4096

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_ESCAPED = re.compile(r"\\(.)")

Step = str | int


class _Words(list[str]):
    """A text that is still coming."""


class Arguments:
    """One call's arguments while they grow."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}
        self._pieces = 0
        self._text = 0

    def take(self, pieces: Any) -> None:
        """`partialArgs` of one chunk. Raises Unreadable."""
        for piece in pieces if isinstance(pieces, list) else ():
            if not isinstance(piece, dict):
                raise Unreadable("a partial argument is no object")
            self._pieces += 1
            self._text += len(text) if isinstance(text := piece.get("stringValue"), str) else 0
            if self._pieces > MOST_PIECES or self._text > MOST_TEXT:
                raise Unreadable("too many partial arguments")
            self._put(_steps(piece.get("jsonPath")), _value(piece))

    def whole(self) -> dict[str, Any]:
        """The arguments; only good once."""
        joined: dict[str, Any] = _joined(self._root)
        return joined

    def _put(self, steps: list[Step], value: Any) -> None:
        holder: Any = self._root
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            last = following is None
            fresh = value if last else [] if isinstance(following, int) else {}
            holder = _into(holder, step, fresh, last=last)


def _into(holder: Any, step: Step, fresh: Any, *, last: bool) -> Any:
    """What stands at `step`, `fresh` if nothing does. Lists grow by one at a time: an index costs no memory."""
    if isinstance(holder, list) and not isinstance(holder, _Words) and isinstance(step, int) and step <= len(holder):
        if step == len(holder):
            holder.append(fresh)
            return fresh
    elif isinstance(holder, dict) and isinstance(step, str):
        if step not in holder:
            holder[step] = fresh
            return fresh
    else:
        raise Unreadable("a partial argument does not fit what came before")
    there = holder[step]
    if last and isinstance(there, _Words) and isinstance(fresh, _Words):
        there += fresh
    elif last:
        holder[step] = fresh
    return there


def _steps(path: Any) -> list[Step]:
    if not isinstance(path, str) or not path.startswith("$") or len(path) > LONGEST_PATH:
        raise Unreadable("a partial argument has no path")
    steps: list[Step] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or len(steps) >= DEEPEST:
            raise Unreadable("a partial argument has a strange path")
        name, index, *quoted = found.groups()
        key = name if name is not None else next((text for text in quoted if text is not None), "")
        steps.append(int(index) if index is not None else key if name is not None else _ESCAPED.sub(r"\1", key))
        at = found.end()
    if not steps or isinstance(steps[0], int):
        raise Unreadable("arguments are an object")
    return steps


def _value(piece: Mapping[str, Any]) -> Any:
    if isinstance(text := piece.get("stringValue"), str):
        return _Words([text])
    number = piece.get("numberValue")
    if type(number) in (int, float):
        return int(number) if isinstance(number, float) and number.is_integer() and abs(number) < 2**53 else number
    flag = piece.get("boolValue")
    return flag if isinstance(flag, bool) else None


def _joined(value: Any) -> Any:
    if isinstance(value, _Words):
        return "".join(value)
    if isinstance(value, dict):
        return {key: _joined(inner) for key, inner in value.items()}
    return [_joined(inner) for inner in value] if isinstance(value, list) else value
