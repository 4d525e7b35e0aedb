"""Every setting with its value, its origin and its help, secrets masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tornadogw.settings.layers import Tree, leaves
from tornadogw.settings.paces import STANDARD, pace_timeouts
from tornadogw.settings.schema import fields
from tornadogw.settings.secrecy import mask
from tornadogw.settings.tables import Settings, Table

__all__ = ["Line", "explained"]


class Line(msgspec.Struct, frozen=True):
    """One setting as anybody may read it."""

    key: str
    """`server.port`, `upstreams[0].name`, `plugin.NAME.key`."""
    value_masked: Any
    """Plain JSON values; secrets are masked, references to secrets are not."""
    origin: str
    """`default`, `database`, `FILE:LINE`, `env NAME` or `flag --NAME`."""
    help: str


def explained(settings: Settings, tree: Tree, origins: Mapping[str, str]) -> list[Line]:
    """A line for each setting; entries of lists leave out what is neither set nor has a default."""
    written = {key: leaf.value for key, leaf in leaves(tree)}
    standard = pace_timeouts()[STANDARD]
    lines = []
    for key, name, value, text in _walk(settings):
        shown = written.get(key, value)
        if key.startswith("timeouts.") and shown is None:
            shown = getattr(standard, name)
        lines.append(Line(key, _json(mask(name, shown)), origins.get(key, "default"), text))
    return lines


def _walk(table: Table, prefix: str = "") -> Iterator[tuple[str, str, Any, str]]:
    for name, field in fields(type(table)).items():
        value, key = getattr(table, name), f"{prefix}{name}"
        if isinstance(value, Table):
            yield from _walk(value, f"{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], Table):
            for index, entry in enumerate(value):
                yield from _walk(entry, f"{key}[{index}].")
        elif isinstance(value, dict):
            yield from _free(value, key, field.help)
        elif "[" not in key or value not in (None, "", []):
            yield key, name, value, field.help


def _free(table: dict[str, Any], key: str, text: str) -> Iterator[tuple[str, str, Any, str]]:
    """The keys of a table that somebody else types: a vendor's options, a plugin's own."""
    for name, value in table.items():
        if isinstance(value, dict) and value:
            yield from _free(value, f"{key}.{name}", text)
        else:
            yield f"{key}.{name}", name, value, text


def _json(value: Any) -> Any:
    return msgspec.to_builtins(value, str_keys=True)
