"""What the documents owe the code, as functions over a checkout: each gives the breaches it sees, one sentence each."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import click
import msgspec

from tornadogw import errors
from tornadogw.cli import top
from tornadogw.settings.tables import Settings, Table

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
READMES = {"README.md": ("Run it", "Test it"), "README.zh-CN.md": ("运行", "测试")}


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Each Markdown page that we write: its path and its text."""
    for folder in (".", "docs", "settings", "plugins", "bench", "tests"):
        found = (root / folder).glob("*.md") if folder == "." else (root / folder).rglob("*.md")
        for path in sorted(found):
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


# --- hooks, settings, errors ---------------------------------------------------------------------------------------


def hooks(root: Path) -> dict[str, str]:
    """Each hook's name and its signature as the document must show it."""
    tree = ast.parse((root / "tornadogw/hookspecs.py").read_text(encoding="utf-8"))
    found = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("gw_"):
            arguments = ", ".join(each.arg for each in node.args.args)
            found[node.name] = f"{'async ' if isinstance(node, ast.AsyncFunctionDef) else ''}{node.name}({arguments})"
    return found


def undocumented_hooks(root: Path) -> list[str]:
    """docs/hooks.md has a heading with each hook's exact arguments, and none of a hook that is not there."""
    text = (root / "docs/hooks.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^#+ `((?:async )?gw_\w+\([^)]*\))`", text, re.MULTILINE))
    specs = set(hooks(root).values())
    return [f"docs/hooks.md lacks `{each}`" for each in sorted(specs - headings)] + [
        f"docs/hooks.md has `{each}`, which is no hook" for each in sorted(headings - specs)
    ]


def untested_hooks(root: Path) -> list[str]:
    """Each hook has a test of its own: `test_hook_startup` for `gw_startup`."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (root / "tests").rglob("test_*.py"))
    return [
        f"no test_hook_{name.removeprefix('gw_')} for {name}"
        for name in hooks(root)
        if not re.search(rf"def test_hook_(gw_)?{name.removeprefix('gw_')}(_\w+)?\(", text)
    ]


def settings(table: type[Table] = Settings, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each setting: the heading of its table as TOML writes it, and its key."""
    for field in msgspec.structs.fields(table):
        hint = get_type_hints(table)[field.name]
        inner = next(
            (each for each in (hint, *get_args(hint)) if isinstance(each, type) and issubclass(each, Table)), None
        )
        many = repr(hint).startswith("list[")
        if inner is not None and (not prefix or many):
            place = f"{prefix}.{field.name}" if prefix else field.name
            yield from settings(inner, place)
        elif prefix:
            yield prefix, field.name


def undocumented_settings(root: Path) -> list[str]:
    """docs/settings.md has a heading for each table and below it a row for each key."""
    text = (root / "docs/settings.md").read_text(encoding="utf-8")
    sections = dict(_sections(text))
    found = []
    for table, key in settings():
        body = next((body for title, body in sections.items() if re.search(rf"\[{re.escape(table)}\]", title)), None)
        if body is None:
            found.append(f"docs/settings.md has no heading for [{table}]")
        elif not re.search(rf"^\|\s*`{key}`", body, re.MULTILINE):
            found.append(f"docs/settings.md lacks {table}.{key}")
    return sorted(set(found))


def error_rows() -> dict[str, str]:
    """Each error a client can get, and the row that docs/errors.md must have of it."""
    found = {}
    for name in errors.__all__:
        kind = getattr(errors, name)
        if issubclass(kind, errors.GatewayError) and kind is not errors.GatewayError:
            zh, en = kind.words
            found[name] = f"| {kind.code} | {kind.status} | `{kind.slug}` | `{kind.type}` | `{name}` | {zh} | {en} |"
    return found


def undocumented_errors(root: Path) -> list[str]:
    """docs/errors.md has each class with its code, status, slug and words, and says when it happens and what to do."""
    text = (root / "docs/errors.md").read_text(encoding="utf-8")
    rows = error_rows()
    found = [f"docs/errors.md lacks {row}" for row in rows.values() if row not in text]
    return found + [
        f"docs/errors.md does not say when `{name}` happens and what to do"
        for name in errors.__all__
        if name != "GatewayError" and not re.search(rf"^\| `{name}` \|[^|]+\|[^|]+\|$", text, re.MULTILINE)
    ]


def commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Each command with its arguments as its heading must show it: `account show EMAIL`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            arguments = [(each.name or "").upper() for each in command.params if isinstance(each, click.Argument)]
            yield " ".join([f"{prefix}{name}", *arguments]), command


def undocumented_commands(root: Path) -> list[str]:
    """docs/command-line.md has a heading for each command, names its options below, and has no other command."""
    sections = dict(_sections((root / "docs/command-line.md").read_text(encoding="utf-8")))
    headings = {title.strip("`").removeprefix("tornadogw "): body for title, body in sections.items() if "`" in title}
    found, wanted = [], dict(commands(top))
    for heading, command in wanted.items():
        options = {opt for each in command.params for opt in (*each.opts, *each.secondary_opts) if opt.startswith("--")}
        if heading not in headings:
            found.append(f"docs/command-line.md lacks `tornadogw {heading}`")
        else:
            missing = sorted(each for each in options - {"--json"} if f"`{each}" not in headings[heading])
            found += [f"docs/command-line.md: `tornadogw {heading}` lacks {each}" for each in missing]
    unknown = sorted(headings.keys() - wanted.keys())
    return found + [f"docs/command-line.md has `tornadogw {each}`, which is no command" for each in unknown]


def undocumented_dependencies(root: Path) -> list[str]:
    """docs/dependencies.md has a row for each package that an installation brings."""
    tree = ast.parse((root / "setup.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    (requires,) = [node.value for node in assigned if ast.unparse(node.targets[0]) == "REQUIRES"]
    text = (root / "docs/dependencies.md").read_text(encoding="utf-8")
    names = [re.split("[<>=]", requirement)[0] for requirement in ast.literal_eval(requires)]
    return [f"docs/dependencies.md lacks {name}" for name in names if f"\n| {name} | " not in text]


# --- pages ---------------------------------------------------------------------------------------------------------


def dead_links(root: Path) -> list[str]:
    """Every link inside the checkout leads to a file, and to a heading of it."""
    found = []
    for name, text in pages(root):
        for target in LINK.findall(FENCE.sub("", text)):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            path = (root / name).parent / file if file else root / name
            if not path.exists():
                found.append(f"{name}: {target} leads nowhere")
            elif anchor and path.suffix == ".md" and anchor not in _anchors(path.read_text(encoding="utf-8")):
                found.append(f"{name}: {target} has no such heading")
    return found


def bad_blocks(root: Path) -> list[str]:
    """Each code block says its language, and Python, TOML and JSON can be read."""
    readers = {
        "python": lambda text: compile(text, "block", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT),
        "toml": tomllib.loads,
    }
    readers["json"] = json.loads
    found = []
    for name, text in pages(root):
        for language, body in FENCE.findall(text):
            if not language:
                found.append(f"{name}: a code block without a language: {body.splitlines()[0] if body else ''}")
            try:
                readers.get(language, str)(body)
            except (SyntaxError, ValueError) as error:
                found.append(f"{name}: {language} block: {error}")
    return found


def readme_lines(root: Path) -> list[str]:
    """Run and test sections of both readmes hold one block of one line, the same; .ci/run ends with the latter."""
    found = []
    lines: dict[str, set[str]] = {"run": set(), "test": set()}
    for name, titles in READMES.items():
        sections = dict(_sections((root / name).read_text(encoding="utf-8")))
        for kind, title in zip(lines, titles, strict=True):
            blocks = FENCE.findall(sections.get(title, ""))
            if len(blocks) != 1 or len(blocks[0][1].strip().splitlines()) != 1:
                found.append(f"{name}: `## {title}` must have exactly one code block of one line")
            else:
                lines[kind].add(blocks[0][1].strip())
    found += [f"the readmes differ in their {kind} line" for kind, each in lines.items() if len(each) > 1]
    script = root / ".ci/run"
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    if lines["test"] != {commands[-1]}:
        found.append(".ci/run does not end with the test line of README.md")
    if not script.stat().st_mode & 0o100:
        found.append(".ci/run is not executable")
    return found


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Each `##` or `###` heading with what stands below it, code blocks included."""
    blanked = FENCE.sub(lambda match: re.sub(r"^#", " ", match.group(), flags=re.MULTILINE), text)
    starts = [
        (match.start(), match.end(), match.group(1).strip())
        for match in re.finditer(r"^##+ (.*)$", blanked, re.MULTILINE)
    ]
    for index, (_, end, title) in enumerate(starts):
        yield title, text[end : starts[index + 1][0] if index + 1 < len(starts) else len(text)]


def _anchors(text: str) -> set[str]:
    """The anchors that headings get: lower case, punctuation gone, blanks as dashes."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}
