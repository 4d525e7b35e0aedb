"""Where plugins come from: the gateway itself, packages, files in the drop-in folder. Finding imports nothing."""

from __future__ import annotations

import os
import stat
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Literal

from tornadogw.errors import SettingsError, UsageError
from tornadogw.plugin_card import Promise
from tornadogw.types import Value

__all__ = ["BUILT_IN", "GROUP", "Found", "PluginInfo", "Tier", "built_in", "drop_ins", "packages"]

GROUP = "tornadogw"
"""The entry point group of installed plugins."""

BUILT_IN = {"rows": "tornadogw.vendors.builtin:Rows", "echo": "tornadogw.vendors.builtin:BuiltInEcho"}
"""Plugins of the gateway itself, written as entry points: they come through the same door as everybody's."""

Tier = Literal["core", "verified", "community", "own"]
"""Who stands behind a plugin: the gateway, the gateway's promise (data/plugins.toml), its author, the operator."""


class PluginInfo(Value, frozen=True):
    """One line of `tornadogw plugins`."""

    name: str
    version: str
    origin: str
    """`built in`, `package NAME` or `file PATH`."""
    tier: Tier
    hooks: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    blocked: bool = False
    card: tuple[Promise, ...] = ()
    """Its report card; empty: it brings none."""


class Found(Value, frozen=True):
    """A plugin that is there. `load` imports it and gives its module, class or object."""

    info: PluginInfo
    load: Callable[[], object]

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def label(self) -> str:
        """How sentences call it."""
        return f"plugin {self.info.name} ({self.info.origin})"

    @property
    def is_file(self) -> bool:
        """A drop-in: its author is the operator, so a typing error warns where a package would stop the start."""
        return self.info.tier == "own"


def built_in() -> Iterator[Found]:
    for name, value in BUILT_IN.items():
        point = metadata.EntryPoint(name, value, GROUP)
        yield Found(PluginInfo(name, _gateway_version(), "built in", "core"), point.load)


def packages(points: Iterable[metadata.EntryPoint] | None = None) -> Iterator[Found]:
    """Plugins of installed distributions. `points` stands in for what is installed."""
    verified = _verified()
    for point in metadata.entry_points(group=GROUP) if points is None else points:
        distribution, version = (point.dist.name, point.dist.version) if point.dist else (point.module, "")
        tier: Tier = "verified" if distribution in verified else "community"
        yield Found(PluginInfo(point.name, version, f"package {distribution}", tier), point.load)


def drop_ins(folder: Path, *, required: bool) -> Iterator[Found]:
    """A plugin for each `.py` file of `folder`, but those that start with `_` or `.`.

    Raises UsageError if somebody else could write what we are about to run; SettingsError if a `required` folder is
    not there.
    """
    if not folder.is_dir():
        if required:
            raise SettingsError(f"plugins.folder = {str(folder)!r}: there is no such folder")
        return
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith(("_", ".")):
            info = PluginInfo(path.stem, "", f"file {path}", "own")
            yield Found(info, _Loader(path))


class _Loader:
    """Runs a file's source as a module. No cache of byte code: somebody else might have written that."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> ModuleType:
        source = read_trusted(self._path)
        module = ModuleType(f"tornadogw_plugin_{self._path.stem}")
        module.__file__ = str(self._path)
        code = compile(source, str(self._path), "exec", dont_inherit=True)
        sys.modules[module.__name__] = module  # typed tables look their annotations up here
        try:
            exec(code, module.__dict__)  # noqa: S102  # running the operator's own file is what a drop-in is
        except BaseException:
            del sys.modules[module.__name__]
            raise
        return module


def read_trusted(path: Path) -> bytes:
    """The bytes of a file that only we or root can have written; a link is judged by where it leads.

    What was judged is what is read: the same open file.
    """
    real = path.resolve()
    for folder in {path.parent, real.parent}:
        _trust(folder, folder.stat())
    with real.open("rb") as file:
        _trust(path, os.fstat(file.fileno()))
        return file.read()


def _trust(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise UsageError(f"{path} belongs to user {status.st_uid}: it must belong to us or root (chown it)")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(f"{path} can be written by others: run chmod go-w {path}")


def _verified() -> frozenset[str]:
    """Distributions that the gateway's own suite covers."""
    text = (Path(__file__).parent / "data" / "plugins.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)["verified"])


@cache
def _gateway_version() -> str:
    try:
        return metadata.version("tornadogw")
    except metadata.PackageNotFoundError:  # runs from a checkout
        return ""
