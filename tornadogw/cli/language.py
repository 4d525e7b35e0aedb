"""Two languages: which one the reader gets, and help texts that hold both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

__all__ = ["Language", "both", "environment_language", "pick"]

Language = Literal["zh", "en"]

_BORDER = "\n--- English:\n"


def environment_language(environ: Mapping[str, str]) -> Language:
    """What the locale's variables ask for; English when they ask for neither."""
    spoken = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "zh" if spoken.lower().startswith("zh") else "en"


def both(zh: str, en: str) -> str:
    """One help text for readers of either language; `pick` takes it apart again."""
    return f"{zh}{_BORDER}{en}"


def pick(text: str | None) -> str | None:
    """The part of a help text that the locale asks for."""
    if text is None or _BORDER not in text:
        return text
    zh, _, en = text.partition(_BORDER)
    return zh if environment_language(os.environ) == "zh" else en
