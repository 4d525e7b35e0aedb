"""A vendor's usage object to a `Usage`. Pure, and believes nothing: the meter judges what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tornadogw.types import Usage
from tornadogw.vendors.rows import Profile

__all__ = ["Path", "UsageReader", "at", "split"]

Path = tuple[str, ...]


def split(paths: Sequence[str]) -> tuple[Path, ...]:
    """Dotted paths, ready for `at`."""
    return tuple(tuple(path.split(".")) for path in paths)


def at(body: Any, path: Path) -> Any:
    """What stands at a path; None where it breaks off."""
    for key in path:
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body


class UsageReader:
    """Reads usage where a profile says it is."""

    def __init__(self, profile: Profile) -> None:
        counts = profile.counts
        self._places = split(profile.usage)
        self._prompt, self._completion = split(counts.prompt), split(counts.completion)
        self._cached, self._cache_write = split(counts.cached), split(counts.cache_write)
        self._reasoning, self._total = split(counts.reasoning), split(counts.total)
        self._apart = profile.reasoning_apart

    def find(self, body: Mapping[str, Any]) -> Usage | None:
        """The usage in a chunk or body; None: it has none."""
        found = None
        for place in self._places:
            raw = body.get(place[0]) if len(place) == 1 else at(body, place)
            if raw is not None:
                found = self.read(raw) or found
        return found

    def read(self, raw: Any) -> Usage | None:
        """The counts of a usage object; None: it has none. What is no count reads as -1, which no meter believes."""
        if not isinstance(raw, dict):
            return None
        prompt, completion = _first(raw, self._prompt), _first(raw, self._completion)
        if prompt is None and completion is None:
            return None
        prompt, completion = prompt or 0, completion or 0
        reasoning = max(0, _first(raw, self._reasoning) or 0)
        if self._apart and reasoning and _first(raw, self._total) == prompt + completion + reasoning:
            completion += reasoning
        cached = _part(_first(raw, self._cached), prompt)
        return Usage(
            prompt=prompt,
            completion=completion,
            cached=cached,
            cache_write=_part(_first(raw, self._cache_write), prompt - cached),
            reasoning=_part(reasoning, completion),
        )


def _part(count: int | None, whole: int) -> int:
    """A part is never more than its whole, nor less than nothing."""
    return max(0, min(count or 0, whole))


def _first(raw: Mapping[str, Any], paths: tuple[Path, ...]) -> int | None:
    for path in paths:
        value = raw.get(path[0]) if len(path) == 1 else at(raw, path)
        if value is not None:
            return _count(value)
    return None


def _count(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
