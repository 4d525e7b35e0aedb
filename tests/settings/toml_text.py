"""A small TOML writer for tests: tables, lists of tables and plain values."""

from __future__ import annotations

import json
from typing import Any


def dumps(table: dict[str, Any], prefix: str = "") -> str:
    """TOML that reads back as `table`, None left out."""
    lines, inner = [], []
    for name, value in table.items():
        key = f"{prefix}.{quoted(name)}" if prefix else quoted(name)
        if isinstance(value, dict):
            inner.append(f"[{key}]\n{dumps(value, key)}")
        elif isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
            inner += [f"[[{key}]]\n{dumps(entry, key)}" for entry in value]
        elif value is not None:
            lines.append(f"{quoted(name)} = {text(value)}\n")
    return "".join([*lines, *inner])


def text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(text, value))}]"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def quoted(word: str) -> str:
    return json.dumps(word, ensure_ascii=False).replace("\x7f", "\\u007F")
