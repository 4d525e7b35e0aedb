"""Writes docs/vendors.md: `python docs/generate_vendors.py`. A test fails when it is due.

What recordings show stands in docs/recorded.json, so that the page can be written without them; where recordings are
(`TORNADOGW_RECORDINGS`, or beside the checkout) that file is written first.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tornadogw.testing import MissingRecordings, Recording, find_recordings, load_recordings
from tornadogw.vendors.rows import Profile, load

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("vendors.md")
INDEX = Path(__file__).with_name("recorded.json")

FOLDERS = {"dashscope": ["dashscope-native"], "openai": ["openai", "openai-completions"]}
"""Folders of recordings where they have another name than the vendor."""
ALSO = {"gemini": ["vertex"]}
"""Further vendors that a package registers."""
TAGS = ("stream", "json", "tools", "parallel", "image", "reasoning", "schema")
"""Columns that recordings can show, by their tag."""
HEADS = ("streams", "JSON", "tools", "parallel tools", "images", "reasoning", "JSON schema")
PROMISES = {"tools": "tools", "parallel": "tools", "image": "images", "reasoning": "reasoning", "schema": "json_schema"}
"""Rules of `quality.toml` that say whether a package has what a tag means; without the rule: only if it is recorded."""
RECORDED, WRITTEN, REFUSED = "●", "○", "–"

INTRODUCTION = f"""# Vendors

<!-- Written by docs/generate_vendors.py out of quality.toml, tornadogw/data/vendors.toml and docs/recorded.json. -->

What each vendor supports, and how it is known: {RECORDED} shown by recorded traffic of the vendor, {WRITTEN} written
after its documentation, without a recording, {REFUSED} refused by name or left out and told. *Recordings*: how many
answers, and how many errors, are read in the tests. *Completion*: whether `/completions` has an endpoint of its own at
the vendor, or goes through chat. *Usage*: where a stream tells it.

`tornadogw vendor check NAME` shows the rules that a vendor keeps. How to write one:
[writing-a-vendor.md](writing-a-vendor.md).
"""


# --- what recordings show --------------------------------------------------------------------------------------------


def index(recordings: Iterable[Recording]) -> dict[str, dict[str, Any]]:
    """By folder: how many answers and errors, the tags of answers, and where streams tell usage."""
    found: dict[str, dict[str, Any]] = {}
    for each in recordings:
        entry = found.setdefault(each.vendor, {"answers": 0, "errors": 0, "shows": [], "usage": ""})
        if each.status >= 300:  # noqa: PLR2004  # no 2xx
            entry["errors"] += 1
            continue
        entry["answers"] += 1
        entry["shows"] = sorted({*entry["shows"], *(each.tags & set(TAGS))})
        entry["usage"] = entry["usage"] or _usage_place(each)
    return dict(sorted(found.items()))


def _usage_place(recording: Recording) -> str:
    """Where a stream of the chat dialect tells its usage; empty for all else."""
    chunks = [line[5:] for line in recording.body.splitlines() if line.startswith(b"data:") and b"{" in line]
    try:
        read = [json.loads(chunk) for chunk in chunks]
    except ValueError:
        return ""
    if len(read) < 2 or not all(isinstance(chunk, dict) and "choices" in chunk for chunk in read):  # noqa: PLR2004
        return ""
    telling = [chunk for chunk in read if chunk.get("usage")]
    if len(telling) > 2:  # noqa: PLR2004  # more than the end
        return "every chunk"
    return ("last chunk" if telling[-1]["choices"] else "chunk of its own") if telling else ""


# --- the page --------------------------------------------------------------------------------------------------------


def render(recorded: Mapping[str, Mapping[str, Any]]) -> str:
    """The whole page."""
    packages, rows = list(_packages(recorded)), [_row(row.name, row.profile, recorded) for row in load()]
    parts = [INTRODUCTION]
    for title, lines in (("Packages", packages), ("Rows", rows)):
        heads = ("vendor", *HEADS, "completion", "usage", "recordings")
        parts.append(f"## {title}\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n{''.join(lines)}")
    return "\n".join([*parts, _rules()])


def _packages(recorded: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, quality in _qualities():
        rules = quality.get("rules", {})
        for vendor in (name, *ALSO.get(name, ())):
            shown = _recorded(vendor, recorded)
            cells = [_promised(tag, rules, shown["shows"]) for tag in TAGS]
            completion = "native" if rules.get("completion") == "done" else "through chat"
            yield _line(vendor, cells, completion, "own format", shown)


def _qualities() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each package that is a vendor: its name and its promises."""
    for path in sorted((ROOT / "plugins").glob("*/tornadogw_*/quality.toml")):
        quality = tomllib.loads(path.read_text(encoding="utf-8"))
        if quality.get("rules", {}).get("recordings") != "exempt: no vendor":
            yield path.parents[1].name, quality


def _promised(tag: str, rules: Mapping[str, str], shows: Iterable[str]) -> str:
    promise = rules.get(PROMISES.get(tag, ""), rules.get("reasoning_effort", "") if tag == "reasoning" else "")
    if promise.startswith("exempt") and tag != "reasoning":
        return REFUSED
    if tag in shows:
        return RECORDED
    return WRITTEN if promise == "done" or tag in ("stream", "json") else REFUSED


def _row(name: str, profile: Profile, recorded: Mapping[str, Mapping[str, Any]]) -> str:
    shown = _recorded(name, recorded)
    refused = {
        "tools": "tools" in profile.refuse,
        "parallel": "tools" in profile.refuse,
        "schema": "json_schema" in profile.refuse_values.get("response_format", ()),
    }
    cells = [REFUSED if refused.get(tag) else RECORDED if tag in shown["shows"] else WRITTEN for tag in TAGS]
    completion = "through chat" if profile.completion == "chat" else "native"
    if name == "openai":
        completion = "native for base models"
    usage = shown["usage"] or ("chunk of its own" if profile.stream_usage else "last chunk")
    return _line(name, cells, completion, usage, shown)


def _recorded(name: str, recorded: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    entries = [recorded[folder] for folder in FOLDERS.get(name, [name]) if folder in recorded]
    return {
        "answers": sum(entry["answers"] for entry in entries),
        "errors": sum(entry["errors"] for entry in entries),
        "shows": sorted({tag for entry in entries for tag in entry["shows"]}),
        "usage": next((entry["usage"] for entry in entries if entry["usage"]), ""),
    }


def _line(name: str, cells: list[str], completion: str, usage: str, shown: Mapping[str, Any]) -> str:
    count = f"{shown['answers']} + {shown['errors']}" if shown["answers"] or shown["errors"] else "none"
    return f"| {' | '.join([f'`{name}`', *cells, completion, usage, count])} |\n"


def _rules() -> str:
    """What packages promise of the conformance suite, and what they are exempt from."""
    lines = ["## Exempt from rules of the suite\n"]
    for name, quality in _qualities():
        suite = quality.get("suite")
        exempt = {rule: said for rule, said in (suite or {}).items() if said != "done"}
        if suite is None:
            lines.append(f"- `{name}`: has not declared them.")
        elif not exempt:
            lines.append(f"- `{name}`: from none.")
        lines += [f"- `{name}`, {rule}: {said.removeprefix('exempt: ')}." for rule, said in exempt.items()]
    return "\n".join(lines) + "\n"


def indexed() -> dict[str, dict[str, Any]]:
    """What the recordings show that are here. Raises MissingRecordings."""
    return index(load_recordings(find_recordings(ROOT, os.environ)))


if __name__ == "__main__":
    try:
        INDEX.write_text(json.dumps(indexed(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except MissingRecordings as missing:
        print(f"{INDEX.name} stays as it is: {missing}")
    PAGE.write_text(render(json.loads(INDEX.read_text(encoding="utf-8"))), encoding="utf-8")
