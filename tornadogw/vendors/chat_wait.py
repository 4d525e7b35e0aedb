"""How long a refused upstream asks to be left alone: headers and words to seconds. Pure.

Only for answers with an error status: some vendors send `retry-after` on success.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["duration", "wait_told"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_DURATION = re.compile(rf"(?:{_PIECE.pattern})+", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}(?:\.\d{1,9})?", re.ASCII)
_WORDS = re.compile(rf"(?:try again|retry) (?:in|after) ((?:{_PIECE.pattern})+)", re.ASCII | re.IGNORECASE)
_LONGEST = 86400.0
_CLOCK = 1e9
"""A number this large is a point in time, in seconds or, a thousand times larger, in milliseconds."""


def wait_told(headers: Mapping[str, str], message: str, resets: Sequence[str], now: float) -> float:
    """Seconds to wait, at most a day; 0: nobody said.

    `retry-after-ms` before `retry-after` before words before the `resets` headers. `headers` have lower-case names.
    """
    told = (
        _number(headers.get("retry-after-ms")) / 1000
        or _retry_after(headers.get("retry-after"), now)
        or _in_words(message)
        or _reset(headers, resets, now)
    )
    return min(told, _LONGEST)


def duration(text: str) -> float:
    """Seconds in `8.64s`, `6m0s`, `12ms` or a plain number; 0 for anything else."""
    text = text.strip()
    if _DURATION.fullmatch(text):
        return sum(float(count) * _UNITS[unit] for count, unit in _PIECE.findall(text))
    return _number(text)


def _retry_after(value: str | None, now: float) -> float:
    seconds = duration(value or "")
    if seconds or not value:
        return seconds
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - now)


def _in_words(message: str) -> float:
    found = _WORDS.search(message)
    return duration(found[1]) if found else 0.0


def _reset(headers: Mapping[str, str], resets: Sequence[str], now: float) -> float:
    """The limits that are used up decide; if none says so, the longest wait does."""
    told = {name: _until(headers[name], now) for name in resets if name in headers}
    used_up = [seconds for name, seconds in told.items() if headers.get(name.replace("-reset", "-remaining")) == "0"]
    return max(used_up or told.values(), default=0.0)


def _until(value: str, now: float) -> float:
    seconds = duration(value)
    if seconds >= _CLOCK * 1000:
        seconds /= 1000
    return max(0.0, seconds - now) if seconds >= _CLOCK else seconds


def _number(value: str | None) -> float:
    return float(value) if value and _NUMBER.fullmatch(value.strip()) else 0.0
