"""Settings from environment variables (`TORNADOGW_SERVER__PORT`) and from the command line's flags (`server.port`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import inspect

from tornadogw.errors import SettingsError
from tornadogw.settings.layers import Leaf, Node, Tree, node
from tornadogw.settings.schema import entry_table, fields, from_text, sub_table
from tornadogw.settings.tables import Settings

__all__ = ["from_environment", "from_flags", "variable"]

PREFIX = "TORNADOGW_"


def variable(key: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + key.upper().replace(".", "__").replace("-", "_")


def from_environment(environ: Mapping[str, str]) -> Tree:
    """Every variable with a section in its name. `TORNADOGW_DATA` and the like are not settings and left alone.

    Unknown keys stay in the tree: the check of shapes names them.
    """
    tree: Tree = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        rest = name[len(PREFIX) :].lower()
        path = rest.split("__")
        if len(path) == 1 and not _is_list(rest):
            _refuse_near_miss(name, rest)
        else:
            typed, known = _typed(path, environ[name])
            origin = f"env {name}"
            _plant(tree, path, _grown(typed, origin) if known else Leaf(typed, origin, text=True), name=name)
    return tree


def from_flags(flags: Mapping[str, Any]) -> Tree:
    """Flags that were given; None means that one was not."""
    tree: Tree = {}
    for key, value in flags.items():
        if value is not None:
            path = key.split(".")
            typed = _typed(path, value)[0] if isinstance(value, str) else value
            _plant(tree, path, _grown(typed, f"flag --{path[-1].replace('_', '-')}"), name=f"flag {key}")
    return tree


def _is_list(section: str) -> bool:
    field = fields(Settings).get(section)
    return field is not None and entry_table(field.type) is not None


def _refuse_near_miss(name: str, rest: str) -> None:
    """One underscore where two belong would otherwise be ignored without a word."""
    for section, field in fields(Settings).items():
        inner = sub_table(field.type)
        known = fields(inner) if inner else {}
        if rest == section:
            raise SettingsError(f"{name}: {section} is a table; set one of its keys, such as {variable(section)}__KEY")
        if rest.startswith(f"{section}_") and rest[len(section) + 1 :] in known:
            raise SettingsError(f"{name}: did you mean {variable(f'{section}.{rest[len(section) + 1 :]}')}?")


def _grown(value: Any, origin: str) -> Node:
    return node(value, lambda _: origin, "")


def _typed(path: Sequence[str], text: str) -> tuple[Any, bool]:
    """The value that `text` spells for the setting at `path`, and whether that setting has a type here."""
    table: type[Any] | None = Settings
    info: inspect.Type = inspect.AnyType()
    for name in path:
        field = fields(table).get(name) if table else None
        if field is None:  # a plugin's key, whose type the plugin knows, or an unknown one
            return text, False
        info, table = field.type, sub_table(field.type)
    return from_text(info, text), True


def _plant(tree: Tree, path: Sequence[str], value: Node, name: str) -> None:
    table = tree
    for part in path[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"{name}: {part} is set as one value and as a table")
        table = inner
    if path[-1] in table:
        raise SettingsError(f"{name}: {path[-1]} is set as one value and as a table")
    table[path[-1]] = value
