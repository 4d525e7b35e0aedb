"""What somebody gives of an upstream or a model, checked as far as one entry goes, and who may give it.

All raise `UsageError`. A base URL, a proxy, options and references (`env:`, `file:`) are an owner's: with them a key
could be sent anywhere, and the server's environment and files be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tornadogw.entries import hidden_place, key_place
from tornadogw.errors import NotAllowed, UsageError
from tornadogw.seals import Broken, Seal
from tornadogw.settings import mask
from tornadogw.settings.secrecy import MASK, is_reference
from tornadogw.store.ports import Role
from tornadogw.store.ports_supply import Stored, StoredKey

__all__ = [
    "MOST_KEYS",
    "check_role",
    "checked_fields",
    "checked_key",
    "checked_name",
    "opened",
    "with_fields",
    "with_keys",
]

_HIDDEN = ("options", "proxy")
"""Fields of an upstream that are sealed, as are others that are masked where they are shown: a URL with a password."""
MOST_KEYS = 100
_OWNERS = ("vendor", "base_url", "proxy", "options")
"""Fields of an upstream that decide where its keys go."""
_LONGEST_NAME, _LONGEST_KEY, _LARGEST = 100, 16_384, 65_536
_MOST = 2**63 - 1


def check_role(role: Role) -> None:
    """Whether somebody may edit at all."""
    if role not in ("operator", "owner"):
        raise NotAllowed(
            "only operators and owners change upstreams and models", zh="只有运营者和所有者可以更改上游和模型"
        )


def checked_name(name: str) -> str:
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or " " in name or "#" in name:
        raise UsageError(
            f"{name[:_LONGEST_NAME]!r} is no name: 1 to {_LONGEST_NAME} printable characters, no spaces and no #",
            zh=f"名称须为 1 到 {_LONGEST_NAME} 个可打印字符，不含空格和 #",
            field="name",
        )
    return name


def checked_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fields as plain JSON; None takes one away."""
    for name in ("name", "keys"):
        if name in fields:
            raise UsageError(f"{name} is no field that can be changed here", zh=f"{name} 不能在此更改", field=name)
    try:
        size = len(msgspec.json.encode(fields))
        _check_numbers(fields)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UsageError(f"the fields are no plain values: {error}", zh="字段不是普通的值") from None
    if size > _LARGEST:
        raise UsageError(f"the fields are longer than {_LARGEST} bytes", zh=f"字段总长超过 {_LARGEST} 字节")
    return fields


def _check_numbers(value: Any) -> None:
    """Raises OverflowError for one that the database cannot keep."""
    if isinstance(value, int) and abs(value) > _MOST:
        raise OverflowError(f"a whole number is at most {_MOST}")
    each = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    for inner in each:
        _check_numbers(inner)


def checked_key(text: str, role: Role) -> str:
    """A key or a reference to one; only owners give references."""
    text = text.strip()
    try:
        fits = 0 < len(text.encode()) <= _LONGEST_KEY
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise UsageError(
            f"a key has 1 to {_LONGEST_KEY} bytes", zh=f"密钥长度须为 1 到 {_LONGEST_KEY} 字节", field="keys"
        )
    if text.startswith(("env:", "file:")):
        if not is_reference(text):  # perhaps the key itself was pasted behind it: it is not repeated
            raise UsageError(
                "write env:NAME or file:/absolute/path, or the key itself",
                zh="请填写 env:名称、file:/绝对路径，或密钥本身",
                field="keys",
            )
        _owners("keys", role)
    return text


def opened(stored: Stored | None, seal: Seal) -> dict[str, Any]:
    """The fields that are sealed; those that cannot be opened are none."""
    if stored is None or not stored.hidden:
        return {}
    try:
        found = msgspec.json.decode(seal.open(stored.hidden, hidden_place(stored.name)))
    except (Broken, msgspec.DecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def with_fields(stored: Stored, given: Mapping[str, Any], seal: Seal, role: Role) -> Stored:
    """`stored` with these fields instead of its own; what is given masked, as it was shown, stays."""
    hidden, fields = opened(stored, seal), dict(stored.fields)
    if stored.hidden and not hidden and not given.keys() >= set(_HIDDEN):
        raise UsageError(
            "its options and proxy cannot be read with this gateway's secret: give them anew, or none",
            zh="其 options 和 proxy 无法用本网关的密钥读取：请重新填写，或留空",
            field="options",
        )
    old = {**fields, **hidden}
    new = {name: _unmasked(name, value, old.get(name)) for name, value in given.items()}
    if stored.kind == "upstream":
        for name in _OWNERS:
            if name in new and new[name] != old.get(name) and not (name == "vendor" and not stored.revision):
                _owners(name, role)
    for name, value in new.items():
        _ = fields.pop(name, None), hidden.pop(name, None)
        if value is not None:
            is_hidden = stored.kind == "upstream" and (name in _HIDDEN or mask(name, value) != value)
            (hidden if is_hidden else fields)[name] = value
    text = msgspec.json.encode(hidden).decode() if hidden else ""
    return msgspec.structs.replace(
        stored, fields=fields, hidden=seal.close(text, hidden_place(stored.name)) if text else b""
    )


def with_keys(stored: Stored, texts: Sequence[str | StoredKey], seal: Seal) -> Stored:
    """`stored` with these keys: those that it has, and new ones, each under a number that none had before."""
    keys, numbers = [], stored.numbers
    for text in texts:
        if isinstance(text, StoredKey):
            keys.append(text)
            continue
        numbers += 1
        if is_reference(text):
            keys.append(StoredKey(numbers, reference=text))
        else:
            keys.append(StoredKey(numbers, sealed=seal.close(text, key_place(stored.name, numbers))))
    if len(keys) > MOST_KEYS:
        raise UsageError(
            f"an upstream has {MOST_KEYS} keys at most", zh=f"一个上游最多有 {MOST_KEYS} 个密钥", field="keys"
        )
    return msgspec.structs.replace(stored, keys=tuple(keys), numbers=numbers)


def _owners(field: str, role: Role) -> None:
    if role != "owner":
        raise NotAllowed(
            f"only an owner changes {field}: it decides where keys go, or reads what the server can read",
            zh=f"只有所有者可以更改 {field}：它决定密钥发往何处，或读取服务器上的内容",
            field=field,
        )


def _unmasked(name: str, new: Any, old: Any) -> Any:
    """What was shown masked and came back as it was is what it was."""
    if old is not None and new != old and new == mask(name, old):
        return old
    if isinstance(new, Mapping):
        known = old if isinstance(old, Mapping) else {}
        return {key: _unmasked(str(key), value, known.get(key)) for key, value in new.items()}
    if isinstance(new, str) and MASK in new and new != old:
        raise UsageError(
            f"{name} is masked: give all of it, or leave it as it was shown",
            zh=f"{name} 已被遮盖：请填写完整的值，或保持原样",
            field=name,
        )
    return new
