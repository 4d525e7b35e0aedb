"""JSON to bytes for anything that came in as JSON: orjson, and a slower way for nesting beyond its limit of 254."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["dumps"]


def dumps(value: Any) -> bytes:
    """Compact UTF-8. A request may nest 1024 deep (contract.md), deeper than orjson writes."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return b"".join(_pieces(value))


def _pieces(value: Any) -> list[bytes]:
    """A walk with a stack of its own; scalars go through orjson, which also refuses what is no JSON."""
    out: list[bytes] = []
    todo: list[Any] = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, bytes):
            out.append(item)
        elif isinstance(item, dict):
            todo.append(b"}")
            for position, (key, inner) in reversed(list(enumerate(item.items()))):
                todo += [inner, (b"," if position else b"") + orjson.dumps(key) + b":"]
            todo.append(b"{")
        elif isinstance(item, list | tuple):
            todo.append(b"]")
            for position, inner in reversed(list(enumerate(item))):
                todo += [inner, b"," if position else b""]
            todo.append(b"[")
        else:
            out.append(orjson.dumps(item))
    return out
