"""From a tree to a typed table: unknown keys, missing keys and wrong types, each told in a sentence with its place."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar, cast

import msgspec

from tornadogw.errors import SettingsError
from tornadogw.settings.environment import variable
from tornadogw.settings.layers import Leaf, Node, Tree, leaves, plain
from tornadogw.settings.schema import Field, describe, did_you_mean, entry_table, fields, from_text, nearest, sub_table
from tornadogw.settings.secrecy import mask
from tornadogw.settings.tables import Settings

__all__ = ["build"]

T = TypeVar("T")
_INDEX = re.compile(r"\[\d+\]")


def build(table: type[T], tree: Tree, key: str = "") -> T:
    """The table that the tree describes; `key` is where the tree stands, such as `plugin.NAME`.

    Raises `SettingsError` with a line for each problem; its `field` is the key of the first.
    """
    builder = _Builder()
    made = builder.made(table, tree, key)
    if builder.problems:
        raise SettingsError("\n".join(builder.problems), field=builder.first)
    return cast("T", made)


class _Builder:
    """Walks a tree beside its table and collects what does not fit."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.first = ""

    def found(self, key: str, problem: str) -> None:
        self.first = self.first or key
        self.problems.append(problem)

    def table(self, table: type[Any], tree: Tree, key: str) -> dict[str, Any]:
        known = fields(table)
        for name in tree:
            if name not in known:
                self.found(_join(key, name), _unknown(name, tree[name], key, list(known)))
        absent = [name for name, field in known.items() if field.required and name not in tree]
        if absent:
            self.found(_join(key, absent[0]), f"{_place(tree)}{_called(tree, key)} has no {' and no '.join(absent)}")
        return {name: self.value(field, tree[name], _join(key, name)) for name, field in known.items() if name in tree}

    def value(self, field: Field, node: Node, key: str) -> Any:
        inner, entry = sub_table(field.type), entry_table(field.type)
        if inner is not None and isinstance(node, dict):
            return self.made(inner, node, key)
        if entry is not None and isinstance(node, list):
            return [self.made(entry, tree, f"{key}[{index}]") for index, tree in enumerate(node)]
        if entry is not None and isinstance(node, dict):
            self.found(key, f"{_place(node)}{key} is a list of tables: {_as_list(_place(node), key)}")
            return None
        value = plain(node)
        if isinstance(node, Leaf) and node.text:
            value = from_text(field.type, value)
        try:
            return msgspec.convert(value, field.annotation)
        except msgspec.ValidationError:
            self.found(key, f"{_place(node)}{key} must be {describe(field.type)}, not {_shown(field.name, value)}")
            return None

    def made(self, table: type[Any], tree: Tree, key: str) -> Any:
        values = self.table(table, tree, key)
        if self.problems:
            return None
        try:
            return table(**values)
        except (TypeError, ValueError) as error:  # what a plugin's table checks by itself
            self.found(key, f"{_place(tree)}{key}: {error}")
            return None


def _unknown(name: str, node: Node, key: str, known: list[str]) -> str:
    """Says where the unknown key stands and which one it may have meant, here or in another table."""
    full = _join(key, name)
    elsewhere = [
        _join(section, name)
        for section, field in fields(Settings).items()
        if (inner := sub_table(field.type)) and name in fields(inner)
    ]
    near = nearest(name, known) if key or not elsewhere else ""  # outside of all tables: a table was forgotten
    best = _join(key, near) if near else next(iter(elsewhere), "")
    place = _place(node)
    if best:
        return f"{place}{full} is no setting; did you mean {variable(best) if place.startswith('env ') else best}?"
    return f"{place}{full} is no setting; {did_you_mean(name, known)}"


def _as_list(place: str, key: str) -> str:
    return f"set {variable(key)} to all of it" if place.startswith("env ") else f"write [[{_INDEX.sub('', key)}]]"


def _called(tree: Tree, key: str) -> str:
    name = tree.get("name")
    return f'{key} "{name.value}"' if isinstance(name, Leaf) else key


def _place(node: Node) -> str:
    origin = next((leaf.origin for _, leaf in leaves(node)), "")
    return f"{origin}: " if origin else ""


def _shown(name: str, value: Any) -> str:
    return json.dumps(mask(name, value), ensure_ascii=False, default=str)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
