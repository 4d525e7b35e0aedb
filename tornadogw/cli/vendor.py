"""`tornadogw vendor`: a new vendor package to begin with, and the report card of one that is there."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from types import ModuleType

import click
import msgspec

from tornadogw.cli.commands import Group, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output, logs_on_stderr
from tornadogw.cli.state import State
from tornadogw.cli.vendor_new import write_package
from tornadogw.errors import UsageError
from tornadogw.plugin_card import FILE
from tornadogw.plugins import load_plugins
from tornadogw.settings import did_you_mean
from tornadogw.testing import Line, MissingRecordings, VendorSuite, find_recordings
from tornadogw.vendor import Vendor
from tornadogw.vendors.chat_engine import ChatEngine

__all__ = ["vendor"]

NEEDED = ("pytest", "hypothesis")
OF_ANSWERS = ("splits", "form", "one_stop", "usage", "truncation", "json", "pure")
"""Rules that need answers to look at."""
OF_CASES = ("requests", "extras")
"""Rules that need cases of the vendor's own suite."""
STATES = {"passed": ("通过", "passed"), "failed": ("失败", "FAILED"), "exempt": ("豁免", "exempt")}
SHOWN = 3
BUILDS = ("setup.py", "pyproject.toml")
"""Beside a package that is a checkout, and not an installed one."""


@click.group(cls=Group, help=both("编写和检查供应商插件。", "Write and check vendor plugins."))
def vendor() -> None:
    """Commands for authors of vendors."""


@vendor.command(help=both("对已安装的供应商运行一致性检查。", "Run the conformance suite on an installed vendor."))
@argument("name")
@option(
    "--suite",
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help=both("测试文件或目录。", "Test file, or folder of them, with the vendor's VendorSuite."),
)
@pass_state
def check(state: State, name: str, suite: Path | None) -> int:
    missing = [each for each in NEEDED if importlib.util.find_spec(each) is None]
    if missing:
        raise UsageError(f"`vendor check` needs {' and '.join(missing)}: pip install 'tornadogw[test]'")
    with logs_on_stderr():
        vendors = load_plugins(state.load(), os.environ).register_vendors()
    if name not in vendors:
        raise UsageError(f"There is no vendor {name}; {did_you_mean(name, vendors)}. `tornadogw plugins` lists them.")
    kind, where = _suite_of(vendors[name], suite)
    try:
        card = kind().card()
    except MissingRecordings as error:
        raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
    failed = [line for line in card if line.state == "failed"]
    document = {"vendor": name, "suite": where, "ok": not failed, "rules": msgspec.to_builtins(card)}
    state.out.give(document, lambda: _lines(card, state.out))
    if failed:
        count = len(failed)
        state.out.tell(state.out.say(f"{count} 条规则未通过。", f"{count} of {len(card)} rules failed."))
    return 1 if failed else 0


@vendor.command(help=both("生成一个新的供应商插件包。", "Write a package for a new vendor."))
@argument("name")
@option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help=both("在哪个目录下生成(默认当前目录)。", "Folder to write it in (default: here)."),
)
@pass_state
def new(state: State, name: str, into: Path) -> None:
    folder, files = write_package(name, into)
    document = {"folder": str(folder), "files": files}
    state.out.give(document, lambda: [str(folder / file) for file in files])
    following = f"pip install -e '{folder}[test]' && tornadogw vendor check {name}"
    state.out.tell(state.out.say(f"下一步: {following}", f"Next: {following}"))


def _lines(card: Sequence[Line], out: Output) -> Iterator[str]:
    rows = [[line.rule, out.say(*STATES[line.state]), line.meaning] for line in card]
    table = iter(out.table([("规则", "RULE"), ("结果", "RESULT"), ("含义", "MEANING")], rows))
    yield next(table)
    for text, line in zip(table, card, strict=True):
        yield text
        yield from (f"    {reason}" for reason in line.reasons[:SHOWN])


# --- which suite -----------------------------------------------------------------------------------------------------


def _suite_of(found: Vendor, suite: Path | None) -> tuple[type[VendorSuite], str]:
    """The vendor's own suite and its file: the one named, or the one beside its source; else a plain one."""
    for file in _test_files(suite or _beside(found)):
        for kind in vars(_imported(file)).values():
            if inspect.isclass(kind) and issubclass(kind, VendorSuite) and kind is not VendorSuite:
                theirs = getattr(kind, "vendor", None)
                if theirs is not None and theirs.name == found.name:
                    return type(kind.__name__, (kind,), {"vendor": found, "__module__": kind.__module__}), str(file)
    if suite is not None:
        raise UsageError(f"{suite} holds no VendorSuite for {found.name}.")
    return _plain_suite(found), ""


def _beside(found: Vendor) -> Path | None:
    """The folder `tests` of the project that the vendor's class comes from, if it is a checkout."""
    source = getattr(sys.modules.get(type(found).__module__), "__file__", None)
    folders = Path(source).resolve().parents[:3] if source else ()
    for package in folders:
        if (package / FILE).is_file() and any((package.parent / each).is_file() for each in BUILDS):
            return package.parent / "tests"
    return None


def _test_files(place: Path | None) -> Sequence[Path]:
    if place is None:
        return ()
    files = sorted(place.glob("test_*.py")) if place.is_dir() else [place]
    return [file for file in files if "VendorSuite" in file.read_text(encoding="utf-8")]


def _imported(file: Path) -> ModuleType:
    """A test file as a module under a name that nobody else has."""
    name = f"tornadogw_suite_{blake2b(str(file.resolve()).encode(), digest_size=6).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is no Python file.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{file} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _plain_suite(found: Vendor) -> type[VendorSuite]:
    """What can be looked at without cases of the vendor's own: its recordings, if there are any, and all the rest."""
    folders = [found.name] if _is_recorded(found.name) else []
    exempt = dict.fromkeys(OF_CASES, "needs cases of the vendor's own: write a suite (docs/writing-a-vendor.md)")
    if not folders:
        exempt |= dict.fromkeys(OF_ANSWERS, f"no recordings of {found.name} here, and no suite beside its source")
    own = {"vendor": found, "folders": folders, "exempt": exempt, "chat_dialect": isinstance(found, ChatEngine)}
    return type("Installed", (VendorSuite,), {**own, "__module__": __name__})


def _is_recorded(name: str) -> bool:
    for root in (*Path(__file__).resolve().parents, Path.cwd() / "x"):
        try:
            return name in {each.name for each in find_recordings(root, os.environ).iterdir()}
        except MissingRecordings:
            continue
    return False
