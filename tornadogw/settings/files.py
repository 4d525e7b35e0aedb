"""One TOML file, or a folder of them, as a tree that knows file and line of every value."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from tornadogw.errors import SettingsError
from tornadogw.settings.layers import Tree, concatenated, grow

__all__ = ["line_numbers", "read"]


def read(path: Path) -> Tree:
    """The settings in the file, or in every `*.toml` of the folder in order of their names."""
    if not path.is_dir():
        return _file(path)
    files = sorted(entry for entry in path.glob("*.toml") if not entry.name.startswith("."))
    if not files:
        raise SettingsError(f"{path}: the folder holds no .toml file")
    return reduce(concatenated, map(_file, files))


def _file(path: Path) -> Tree:
    try:
        text = path.read_text("utf-8-sig")
        raw = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    lines = line_numbers(text)
    return grow(raw, lambda key: f"{path}:{lines[key]}" if key in lines else str(path))


def line_numbers(text: str) -> dict[str, int]:
    """The line of each full key in valid TOML. tomllib keeps none, so statements are read again one by one."""
    found: dict[str, int] = {}
    entries: dict[str, int] = {}
    prefix = statement = ""
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not statement:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if line.lstrip().startswith("["):
                prefix = _header(tomllib.loads(line), entries)
                continue
            start = number
        statement += line + "\n"
        try:
            values = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # the value goes on in the next line
        found.update(dict.fromkeys(_keys(values, prefix), start))
        statement = ""
    return found


def _header(node: Any, entries: dict[str, int]) -> str:
    """The full key that `[a.b]` or `[[a.b]]` opens; `entries` counts the entries of each list so far."""
    key = ""
    while node:
        ((name, node),) = node.items()
        key = f"{key}.{name}" if key else name
        if isinstance(node, list):
            entries[key] = entries.get(key, -1) + 1
            node = None
        if key in entries:
            key = f"{key}[{entries[key]}]"
    return key


def _keys(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, value in values.items():
        key = f"{prefix}.{name}" if prefix else name
        yield key
        if isinstance(value, Mapping):
            yield from _keys(value, key)
        elif isinstance(value, list):
            for index, entry in enumerate(value):
                if isinstance(entry, Mapping):
                    yield from _keys(entry, f"{key}[{index}]")
