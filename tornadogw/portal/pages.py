"""What pages are made of: templates, words in two languages, and files with names that change with what is in them."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

from tornado.locale import CSVLocale, Locale
from tornado.template import DictLoader

from tornadogw.types import Value

__all__ = ["Asset", "Language", "Pages", "loaded", "words"]

Language = Literal["zh", "en"]
LANGUAGES: Mapping[Language, str] = {"zh": "zh_CN", "en": "en_US"}
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_DIGITS = 16


class Asset(Value, frozen=True):
    """One file that pages refer to."""

    path: str
    """Changes when the file does, so that it may be kept for ever."""
    type: str
    body: bytes


class Pages:
    """What all pages share."""

    def __init__(self) -> None:
        self.templates = DictLoader(
            {each.name: each.read_text("utf-8") for each in _folder("templates")}, whitespace="all"
        )
        for name in self.templates.dict:
            self.templates.load(name)  # compiled now: while somebody is served it would hold up everybody
        assets = {each.name: _asset(each.name, each.read_bytes()) for each in _folder("static")}
        self._assets = assets
        self._by_path = {each.path: each for each in assets.values()}
        self._locales: Mapping[Language, Locale] = {
            language: CSVLocale(code, {"unknown": words() if language == "zh" else {}})
            for language, code in LANGUAGES.items()
        }

    def locale(self, language: Language) -> Locale:
        """Translates what templates say; English is as they say it."""
        return self._locales[language]

    def address(self, name: str) -> str:
        """Where a file of `static/` is served."""
        return self._assets[name].path

    def asset(self, path: str) -> Asset | None:
        """The file that is served there."""
        return self._by_path.get(path)


@cache
def loaded() -> Pages:
    """Those of the installed package, which nothing changes: read and compiled once a process."""
    return Pages()


def words() -> dict[str, str]:
    """Chinese for English, as in the files of `locale/`: each has the words of some pages."""
    texts = [each.read_text("utf-8") for each in _folder("locale")]
    return {row[0]: row[1] for text in texts for row in csv.reader(text.splitlines()) if row}


def _folder(name: str) -> Iterator[Traversable]:
    """The files of a folder beside this room."""
    return (each for each in files(__package__).joinpath(name).iterdir() if each.is_file())


def _asset(name: str, body: bytes) -> Asset:
    stem, _, ending = name.rpartition(".")
    digest = hashlib.sha256(body).hexdigest()[:_DIGITS]
    return Asset(f"/static/{stem}.{digest}.{ending}", _TYPES[ending], body)
