"""JSON to bytes for anything that came in as JSON: orjson, and a slower way for nesting beyond its limit of 254."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["dumps"]

MOST_WALKED = 50_000
"""Containers and scalars beside containers that the slow way writes: a tenth of a second."""


def dumps(value: Any) -> bytes:
    """Compact UTF-8. A request may nest 1024 deep (contract.md), deeper than orjson writes.

    Raises TypeError for what is no JSON, and for deep values of more than `MOST_WALKED` containers: walking those would
    hold up everybody else.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return b"".join(_pieces(value))


def _pieces(value: Any) -> list[bytes]:
    """A walk with a stack of its own over what nests; everything flat goes through orjson whole."""
    out: list[bytes] = []
    todo: list[Any] = [value]
    walked = 0
    while todo:
        item = todo.pop()
        if isinstance(item, bytes):
            out.append(item)
            continue
        walked += 1
        if walked > MOST_WALKED:
            raise TypeError("nested too deeply for its size")
        if _is_flat(item):
            out.append(orjson.dumps(item))
        elif isinstance(item, dict):
            todo.append(b"}")
            for position, (key, inner) in reversed(list(enumerate(item.items()))):
                todo += [inner, (b"," if position else b"") + orjson.dumps(key) + b":"]
            todo.append(b"{")
        else:
            todo.append(b"]")
            for position, inner in reversed(list(enumerate(item))):
                todo += [inner, b"," if position else b""]
            todo.append(b"[")
    return out


def _is_flat(item: Any) -> bool:
    """No container in it: orjson writes it, or refuses what is no JSON."""
    inside = item.values() if isinstance(item, dict) else item if isinstance(item, list | tuple) else ()
    return not any(isinstance(inner, dict | list | tuple) for inner in inside)
