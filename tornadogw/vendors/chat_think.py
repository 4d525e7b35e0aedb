"""Reasoning inside the text, in `<think>` tags at its beginning, taken apart while the text streams in. Pure."""

from __future__ import annotations

__all__ = ["Part", "ThinkSplitter"]

Part = tuple[bool, str]
"""Whether it is reasoning, and the text."""

_OPEN, _CLOSE = "<think>", "</think>"
_PATIENCE = 64
"""Blanks that may stand before the tag."""


class ThinkSplitter:
    """Fed with the text of one choice. `plain` is true once the rest is ordinary text and needs no splitting.

    Blanks that follow a tag belong to neither side. A tag cut anywhere is still seen: what may be a part of it waits.
    """

    def __init__(self) -> None:
        self.plain = False
        self._held = ""
        self._thinking = False
        self._trim = False  # a tag has just ended

    def feed(self, text: str) -> list[Part]:
        """The parts that are certain now."""
        if self.plain:
            return [(False, text)] if text else []
        text = self._held + text
        self._held = ""
        if self._thinking:
            return self._think(text)
        return self._after(text) if self._trim else self._begin(text)

    def end(self) -> list[Part]:
        """What was held back."""
        held, self._held = self._held, ""
        return [(self._thinking, held)] if held else []

    def _begin(self, text: str) -> list[Part]:
        start = text.lstrip()
        if len(text) - len(start) <= _PATIENCE:
            if start.startswith(_OPEN):
                self._thinking = self._trim = True
                return self._think(start[len(_OPEN) :])
            if _OPEN.startswith(start):
                self._held = text
                return []
        self.plain = True
        return [(False, text)]

    def _think(self, text: str) -> list[Part]:
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        at = text.find(_CLOSE)
        if at < 0:
            border = len(text) - _overlap(text)
            text, self._held = text[:border], text[border:]
            return [(True, text)] if text else []
        self._thinking, self._trim = False, True
        parts = [(True, text[:at])] if at else []
        return parts + self._after(text[at + len(_CLOSE) :])

    def _after(self, text: str) -> list[Part]:
        text = text.lstrip()
        if not text:
            return []
        self.plain = True
        return [(False, text)]


def _overlap(text: str) -> int:
    """Characters at the end of `text` that may begin the closing tag."""
    longest = min(len(_CLOSE) - 1, len(text))
    return next((size for size in range(longest, 0, -1) if text.endswith(_CLOSE[:size])), 0)
