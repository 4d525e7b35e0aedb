"""What a typed table says of itself: its keys, their types in words, their help.

Works for the tables of this package and for a plugin's own, a msgspec Struct or a dataclass.
"""

from __future__ import annotations

import difflib
import tomllib
import typing
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, cast

import msgspec
from msgspec import inspect

__all__ = ["Field", "describe", "did_you_mean", "entry_table", "fields", "from_text", "keys", "nearest", "sub_table"]


_MOST = 30
"""Names that one sentence lists."""

_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Field(msgspec.Struct, frozen=True):
    """One key of a table."""

    name: str
    annotation: Any
    """What msgspec converts to, constraints included."""
    type: inspect.Type
    """The type without `| None` and annotations."""
    help: str
    required: bool
    default: Any = None


def fields(table: type[Any]) -> Mapping[str, Field]:
    """The keys of `table`, in order. Found once: a class does not change, and looking takes milliseconds."""
    return _fields(cast("Hashable", table))


@cache
def _fields(table: Any) -> Mapping[str, Field]:
    info = inspect.type_info(table)
    if not isinstance(info, inspect.StructType | inspect.DataclassType):
        raise TypeError(f"{table!r} is neither a msgspec Struct nor a dataclass")
    hints = typing.get_type_hints(table, include_extras=True)
    return MappingProxyType({field.name: _field(field, hints[field.name]) for field in info.fields})


def _field(field: inspect.Field, annotation: Any) -> Field:
    notes = field.type.extra_json_schema if isinstance(field.type, inspect.Metadata) else None
    text = (notes or {}).get("description", "")
    default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return Field(field.name, annotation, _core(field.type), text, field.required, default)


def _core(info: inspect.Type) -> inspect.Type:
    if isinstance(info, inspect.Metadata):
        return _core(info.type)
    if isinstance(info, inspect.UnionType):
        given = [part for part in info.types if not isinstance(part, inspect.NoneType)]
        return _core(given[0]) if len(given) == 1 else info
    return info


def sub_table(info: inspect.Type) -> type[Any] | None:
    """The class, if the type is a table of its own."""
    return info.cls if isinstance(info, inspect.StructType | inspect.DataclassType) else None


def entry_table(info: inspect.Type) -> type[Any] | None:
    """The class of the entries, if the type is a list of tables."""
    return sub_table(_core(info.item_type)) if isinstance(info, inspect.ListType) else None


def keys(table: type[Any], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every single setting with its full key: `server.port`, `models[].routes[].upstream`."""
    for field in fields(table).values():
        key, inner, entry = f"{prefix}{field.name}", sub_table(field.type), entry_table(field.type)
        if inner is not None:
            yield from keys(inner, f"{key}.")
        elif entry is not None:
            yield from keys(entry, f"{key}[].")
        else:
            yield key, field


def describe(info: inspect.Type) -> str:
    """The type in words, to stand after `must be`."""
    info = _core(info)
    match info:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            return ("a whole number" if isinstance(info, inspect.IntType) else "a number") + _range(info)
        case inspect.StrType():
            return "text in quotes"
        case inspect.LiteralType():
            return "one of " + ", ".join(f'"{value}"' for value in info.values)
        case inspect.ListType():
            return f"a list, each item {describe(info.item_type)}"
        case inspect.DictType() | inspect.StructType() | inspect.DataclassType():
            return "a table"
        case inspect.UnionType():
            return " or ".join(describe(part) for part in info.types if not isinstance(part, inspect.NoneType))
    return "another kind of value"


def _range(info: inspect.IntType | inspect.FloatType) -> str:
    low = f"at least {info.ge:g}" if info.ge is not None else f"above {info.gt:g}" if info.gt is not None else ""
    high = f"at most {info.le:g}" if info.le is not None else f"below {info.lt:g}" if info.lt is not None else ""
    words = " and ".join(filter(None, (low, high)))
    return f", {words}" if words else ""


def from_text(info: inspect.Type, text: str) -> Any:
    """The value that `text` (an environment variable, a flag) spells for the type.

    Text that spells none comes back as it is, so that the check of types tells what would be right.
    """
    info = _core(info)
    match info:
        case inspect.StrType() | inspect.LiteralType():
            return text
        case inspect.BoolType():
            return _BOOLEANS.get(text.strip().lower(), text)
        case inspect.IntType() | inspect.FloatType():
            return _number(info, text)
        case inspect.ListType() if not text.lstrip().startswith("["):
            return [from_text(info.item_type, item.strip()) for item in text.split(",") if item.strip()]
    return _toml(text)


def _number(info: inspect.IntType | inspect.FloatType, text: str) -> Any:
    try:
        return int(text) if isinstance(info, inspect.IntType) else float(text)
    except ValueError:
        return text


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`; empty if none is near."""
    return next(iter(difflib.get_close_matches(word, list(known), 1)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The second half of a sentence about a word that nobody knows."""
    known = sorted(known)
    if best := nearest(word, known):
        return f'did you mean "{best}"?'
    if not known:
        return "there are none"
    return f"known: {', '.join(known[:_MOST])}" + (", ..." if len(known) > _MOST else "")
