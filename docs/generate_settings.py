"""Writes docs/settings.md out of the typed tables: `python docs/generate_settings.py`. A test fails when it is due."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tornadogw.settings import STANDARD, Settings, pace_timeouts
from tornadogw.settings.schema import Field, describe, entry_table, fields, sub_table

PAGE = Path(__file__).with_name("settings.md")

INTRODUCTION = """# Settings

<!-- Written by docs/generate_settings.py out of tornadogw/settings/tables.py and tornadogw/data/timeouts.toml. -->

One TOML file, or a folder of them: `tornadogw --settings PATH`. Without that option it is `settings.toml` in the data
folder, if there is one. In a folder, tables of its `*.toml` files merge and lists of tables follow each other in order
of the file names; a value that stands in two files stops the start. `settings/` has annotated examples; `full.toml`
there has every key.

**What beats what:** defaults < database < file < environment < flags. `tornadogw settings --explain` lists every
setting with its value and where it came from, secrets masked.

**Environment:** `TORNADOGW_SECTION__KEY`, two underscores between section and key: `TORNADOGW_SERVER__PORT=8081`. Lists
are a TOML value or separated by commas: `TORNADOGW_SERVER__TRUSTED_PROXIES=10.0.0.0/8,192.168.0.0/16`. The lists of
tables are one TOML value each: `TORNADOGW_UPSTREAMS='[{name = "a", vendor = "deepseek"}]'`. A plugin's own keys:
`TORNADOGW_PLUGIN__NAME__KEY`.

**Secrets** (`server.secret`, `mongo.url`, `metrics.token`, an upstream's `keys`) may be references: `env:NAME` is an
environment variable, `file:/absolute/path` the text of a file. Keys of an upstream must be there as soon as a model
uses it.

**Mistakes stop the start** with a sentence: the place, the key, and the nearest known one or what would be right.
"""


def render() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for title, text, rows in _sections(Settings, ""):
        parts += [f"## {title}\n", f"{text}\n"]
        parts += ["| key | what | must be | default |\n|---|---|---|---|\n" + "".join(map(_row, rows))] if rows else []
    return "\n".join([*parts, _paces()])


def _sections(table: type[Any], prefix: str) -> Iterator[tuple[str, str, list[Field]]]:
    """Title, help and keys of every table inside `table`."""
    for field in fields(table).values():
        inner, entry = sub_table(field.type), entry_table(field.type)
        title = f"{prefix}{field.name}"
        if (of := inner or entry) is not None:
            yield f"`[[{title}]]`" if entry else f"`[{title}]`", field.help, list(fields(of).values())
            yield from _sections(of, f"{title}.")
        elif not prefix:
            yield f"`[{title}.NAME]`", field.help, []


def _row(field: Field) -> str:
    return f"| `{field.name}` | {field.help} | {describe(field.type)} | {_default(field)} |\n"


def _default(field: Field) -> str:
    if field.required:
        return "required"
    if field.default is None or sub_table(field.type):
        return ""
    return f"`{json.dumps(field.default, ensure_ascii=False)}`"


def _paces() -> str:
    """The built-in deadlines, which depend on the model."""
    paces = pace_timeouts()
    names = list(paces[STANDARD].__struct_fields__)
    text = "Where neither model, upstream nor `[timeouts]` sets a deadline, the model's pace decides, which the vendor"
    lines = [
        "## Deadlines by pace\n",
        f"{text}'s profile knows.\n",
        "| model | " + " | ".join(f"`{name}`" for name in names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for pace, timeouts in paces.items():
        seconds = (f"{getattr(timeouts, name):g}" for name in names)
        lines.append(f"| {pace or 'any other'} | " + " | ".join(seconds) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
