"""What vendors take out of an upstream's JSON and headers: plain values of the right kind, whatever came. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from tornadogw.errors import Unreadable

__all__ = ["count_of", "json_object", "list_of", "object_of", "text_of", "wait_of"]

DEEPEST = 100
"""Levels of nesting: what is deeper cannot be compared or written out again without care."""
LONGEST = 86400.0
"""Seconds that a vendor can ask to be left alone."""
_SECONDS = re.compile(r"\d{1,18}(?:\.\d{1,9})?", re.ASCII)


def json_object(data: bytes) -> dict[str, Any]:
    """One JSON object. Raises Unreadable for anything else, lone surrogates and NaN among it."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unreadable("no JSON object")
    if data.count(b"[") + data.count(b"{") > DEEPEST and _is_deep(value):
        raise Unreadable("nested too deeply")
    return value


def text_of(said: Mapping[str, Any], name: str) -> str:
    """The text of that name; empty if there is none."""
    value = said.get(name)
    return value if isinstance(value, str) else ""


def count_of(said: Mapping[str, Any], name: str) -> int:
    """The count of that name; 0 if there is none, or one below zero."""
    value = said.get(name)
    return value if type(value) is int and value >= 0 else 0


def object_of(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of that name; empty if there is none."""
    value = said.get(name)
    return value if isinstance(value, Mapping) else {}


def list_of(said: Mapping[str, Any], name: str) -> Sequence[Any]:
    """The list of that name; empty if there is none."""
    value = said.get(name)
    return value if isinstance(value, list) else ()


def wait_of(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that `retry-after-ms`, else `retry-after` (a number or a date) asks for, at most a day; None: neither.

    For answers with an error status only: some vendors send it on success. `headers` have lower-case names, `now` is in
    Unix seconds.
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        if _SECONDS.fullmatch(text := headers.get(name, "").strip()):
            return min(float(text) / unit, LONGEST)
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, OverflowError):  # a year or a zone of twenty digits
        return None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    return min(max(0.0, seconds), LONGEST)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        containers = [each for each in level if isinstance(each, dict | list)]
        level = [inner for each in containers for inner in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return False
    return True
