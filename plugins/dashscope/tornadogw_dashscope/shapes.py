"""Plain JSON values out of hostile bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tornadogw import Unreadable

__all__ = ["count_of", "json_object", "list_of", "object_of", "text_of"]


def json_object(data: bytes) -> dict[str, Any]:
    """One JSON object. Raises Unreadable."""
    try:
        value = json.loads(data)
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no text
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unreadable("no JSON object")
    return value


def text_of(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def count_of(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    return value if type(value) is int and value >= 0 else 0


def object_of(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = said.get(name)
    return value if isinstance(value, Mapping) else {}


def list_of(said: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = said.get(name)
    return value if isinstance(value, list) else ()
