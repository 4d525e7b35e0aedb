"""What a command prints: one JSON document, or lines for people in their language; what failed goes to stderr."""

from __future__ import annotations

import json
import logging
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tornadogw.cli.language import Language
from tornadogw.observe import Log

__all__ = ["Output", "logs_on_stderr"]


@contextmanager
def logs_on_stderr() -> Iterator[None]:
    """What the gateway's rooms log while a command uses them, from WARNING up, without secrets."""
    log = Log(sys.stderr, batch=False)
    log.open(logging.WARNING)
    try:
        yield
    finally:
        log.close()


class Output:
    """Where a command's result goes. `as_json` and `language` may be set once they are known."""

    def __init__(self, *, as_json: bool, language: Language) -> None:
        self.as_json, self.language = as_json, language

    def say(self, zh: str, en: str) -> str:
        """The text in the reader's language."""
        return zh if self.language == "zh" else en

    def give(self, document: Any, lines: Callable[[], Iterable[str]]) -> None:
        """The result: the document for programs, or the lines for people. Flushed, so that a reader need not wait."""
        if self.as_json:
            _write(json.dumps(document, ensure_ascii=False, indent=2))
        else:
            for line in lines():
                _write(line)

    def fail(self, sentence: str) -> None:
        """The end of a command that could not do what was asked."""
        if self.as_json:
            _write(json.dumps({"error": sentence}, ensure_ascii=False, indent=2))
        self.tell(self.say("错误: ", "Error: ") + sentence)

    def tell(self, sentence: str) -> None:
        """Something to know beside the result, on stderr."""
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()

    def table(self, heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> Iterable[str]:
        """Columns under `(zh, en)` heads, as wide as they need to be; Chinese characters take two places."""
        lines = [[self.say(*head) for head in heads], *(list(row) for row in rows)]
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            padded = (f"{cell}{' ' * (width - _width(cell))}" for cell, width in zip(line, widths, strict=True))
            yield "  ".join(padded).rstrip()


def _write(text: str) -> None:
    """In UTF-8 whatever the locale: a document that cannot be printed would be no document."""
    sys.stdout.buffer.write(f"{text}\n".encode(errors="replace"))
    sys.stdout.buffer.flush()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
