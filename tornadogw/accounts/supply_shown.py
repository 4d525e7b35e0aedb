"""An upstream or a model as whoever may edit it reads it: where it is written, how it is, nothing of its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tornadogw.entries import Fault, Found
from tornadogw.settings import Upstream, mask
from tornadogw.settings.secrecy import is_reference
from tornadogw.store.ports_supply import Kind, Stored
from tornadogw.types import Value

__all__ = ["Shown", "ShownKey", "audited", "hint", "shown"]

_HINT, _ENOUGH = 4, 16
"""Characters that are shown of a key, and those that it must have for that."""


class ShownKey(Value, frozen=True):
    """One key of an upstream."""

    name: str
    """As in logs and marks of health: `UPSTREAM#NUMBER`."""
    number: int
    text: str
    """`env:NAME` and `file:/path` as they are; else dots and the last four characters at most."""


class Shown(Value, frozen=True):
    """An upstream or a model."""

    kind: Kind
    name: str
    origin: str
    """`FILE:LINE`, `env NAME`, `flag --NAME`, or `database`, which alone can be edited."""
    counts: bool
    """Whether it is used at all."""
    faults: tuple[Fault, ...]
    """Why it is not, or what of it is not."""
    fields: Mapping[str, Any]
    """Every field that has a value, as plain JSON in the words of the settings; secrets are masked."""
    keys: tuple[ShownKey, ...] = ()
    revision: int = 0
    """What an edit has to give back."""
    changed: float = 0.0
    """Unix seconds; 0: not known."""
    by: str = ""

    @property
    def editable(self) -> bool:
        return self.revision > 0


def shown(found: Found) -> Shown:
    stored, table = found.stored, found.table
    fields: dict[str, Any] = msgspec.to_builtins(table) if table is not None else {}
    if stored is not None and table is None:
        fields = dict(stored.fields)
    texts = fields.pop("keys", [])
    fields = {name: mask(name, value) for name, value in fields.items() if value is not None and name != "name"}
    return Shown(
        kind=found.kind,
        name=found.name,
        origin=found.origin,
        counts=found.counts,
        faults=found.faults,
        fields=fields,
        keys=_keys(found, texts if isinstance(table, Upstream) else []),
        revision=0 if stored is None else stored.revision,
        changed=0.0 if stored is None else stored.changed,
        by="" if stored is None else stored.by,
    )


def hint(text: str) -> str:
    """What may be shown of a key."""
    if is_reference(text):
        return text
    return f"…{text[-_HINT:]}" if len(text) >= _ENOUGH else "…"


def audited(stored: Stored | None, hidden: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit log has of an entry; `hidden`: those of its fields that may hold secrets, opened."""
    if stored is None:
        return {}
    plain = {name: mask(name, value) for name, value in stored.fields.items()}
    return plain | {name: msgspec.json.encode(mask(name, value)).decode() for name, value in hidden.items()}


def _keys(found: Found, texts: list[str]) -> tuple[ShownKey, ...]:
    """Keys that cannot be opened are shown all the same, to be removed."""
    if found.stored is None:
        return tuple(ShownKey(f"{found.name}#{at}", at, hint(text)) for at, text in enumerate(texts, 1))
    stored = found.stored.keys
    told = texts if len(texts) == len(stored) else [key.reference for key in stored]
    return tuple(
        ShownKey(f"{found.name}#{key.number}", key.number, hint(text)) for key, text in zip(stored, told, strict=True)
    )
