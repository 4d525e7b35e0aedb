"""One record as one line. What is not listed here is not written, so that a new field has to be looked at first."""

from __future__ import annotations

import json
from typing import Any

from tornadogw import Record

__all__ = ["line"]

FIELDS = (
    "id",
    "started",
    "account_id",
    "key_id",
    "mode",
    "asked",
    "model",
    "shown",
    "upstream",
    "stream",
    "finish",
    "code",
    "source",
    "cost",
    "dropped",
    "broken_events",
    "first_event_ms",
    "ms",
)
USAGE = ("prompt", "completion", "cached", "cache_write", "reasoning")
PRICE = ("input", "output", "cached_input", "cache_write", "reasoning")
ATTEMPT = ("upstream", "model", "outcome", "reason", "ms")


def line(record: Record) -> bytes:
    """UTF-8, ends with a line feed and holds no other."""
    said = _pick(record, FIELDS)
    said["usage"] = _pick(record.usage, USAGE)
    said["price"] = _pick(record.price, PRICE)
    said["attempts"] = [_pick(attempt, ATTEMPT) for attempt in record.attempts]
    return json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _pick(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}
