"""Defaults < database < file < environment < flags, laid over each other into one typed, checked table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from typing_extensions import override

from tornadogw.errors import SettingsError
from tornadogw.settings.environment import from_environment, from_flags
from tornadogw.settings.explain import Line, explained
from tornadogw.settings.files import read
from tornadogw.settings.layers import Tree, grow, origins, overlay, under
from tornadogw.settings.rules import broken_rules
from tornadogw.settings.schema import did_you_mean
from tornadogw.settings.secrecy import resolve_secret
from tornadogw.settings.shape import build
from tornadogw.settings.tables import Settings

__all__ = ["Loaded", "check_plugin_names", "load", "plugin_table", "settings_path"]

T = TypeVar("T")


class Loaded(msgspec.Struct, frozen=True):
    """The settings, and where each of them came from."""

    settings: Settings
    """Secrets are resolved; keys of upstreams still are references."""
    folder: Path
    """Where things beside the settings stand, such as the folder of plugins."""
    path: Path | None
    """The file or folder that was read; None: there was none."""
    tree: Tree
    """What was written; may hold secrets, so it shows in no repr."""
    origins: Mapping[str, str]

    @override
    def __repr__(self) -> str:
        return f"Loaded({self.settings!r}, path={self.path})"

    @override
    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("settings", self.settings), ("path", self.path)]

    def origin(self, key: str) -> str:
        """Where `key` was set: `default`, `database`, `FILE:LINE`, `env NAME` or `flag --NAME`.

        For a table or a list it is the place of the first value in it.
        """
        return self.origins.get(key, "default")

    def explain(self) -> list[Line]:
        """Every setting with value, origin and help, secrets masked."""
        return explained(self.settings, self.tree, self.origins)


def settings_path(given: Path | None, data: Path) -> Path | None:
    """The file or folder to read: the given one, else `settings.toml` in the data folder, else none."""
    usual = data / "settings.toml"
    return given or (usual if usual.exists() else None)


def load(
    path: Path | None,
    data: Path,
    environ: Mapping[str, str],
    flags: Mapping[str, Any],
    database: Mapping[str, Any] | None = None,
) -> Loaded:
    """Read, merge and check all layers.

    `path` is what `--settings` said, `data` the data folder; `flags` maps keys such as `server.port` to values, None
    where a flag was not given; `database` is a tree of plain values. Raises `SettingsError` that names every problem.
    """
    path = settings_path(path, data)
    below = grow(database or {}, lambda _: "database")
    tree = under(read(path) if path else {}, below, ("upstreams", "models"))
    tree = reduce(overlay, (from_environment(environ), from_flags(flags)), tree)
    settings = build(Settings, tree)
    places = origins(tree)
    if problems := broken_rules(settings, places, environ):
        raise SettingsError("\n".join(problems))
    return Loaded(_resolved(settings, environ), _folder(path, data), path, tree, places)


def plugin_table(loaded: Loaded, name: str, table: type[T]) -> T:
    """The plugin's own table, a msgspec Struct or a dataclass, out of `[plugin.NAME]`.

    Raises `SettingsError` for unknown keys, missing keys and wrong types, as for the gateway's own tables.
    """
    tree: Tree = {}
    for written, inner in _plugin_trees(loaded).items():
        if _same(written, name):
            tree = overlay(tree, inner)
    return build(table, tree, f"plugin.{name}")


def check_plugin_names(loaded: Loaded, known: Iterable[str]) -> None:
    """Raises `SettingsError` for a `[plugin.NAME]` that belongs to no known plugin."""
    known = list(known)
    for written in _plugin_trees(loaded):
        if not any(_same(written, name) for name in known):
            place = loaded.origin(f"plugin.{written}")
            raise SettingsError(f"{place}: [plugin.{written}] belongs to no plugin; {did_you_mean(written, known)}")


def _plugin_trees(loaded: Loaded) -> dict[str, Tree]:
    plugins = loaded.tree.get("plugin", {})
    return {name: tree for name, tree in plugins.items() if isinstance(tree, dict)} if isinstance(plugins, dict) else {}


def _same(one: str, other: str) -> bool:
    """Names of environment variables know neither case nor hyphens."""
    return one.lower().replace("-", "_") == other.lower().replace("-", "_")


def _resolved(settings: Settings, environ: Mapping[str, str]) -> Settings:
    server, mongo, metrics, tracing = settings.server, settings.mongo, settings.metrics, settings.tracing
    mail = settings.mail
    if server.secret:
        server = msgspec.structs.replace(server, secret=resolve_secret(server.secret, environ))
    if mongo.url:
        mongo = msgspec.structs.replace(mongo, url=resolve_secret(mongo.url, environ))
    if metrics.token:
        metrics = msgspec.structs.replace(metrics, token=resolve_secret(metrics.token, environ))
    if tracing.authorization:
        tracing = msgspec.structs.replace(tracing, authorization=resolve_secret(tracing.authorization, environ))
    if mail.password:
        mail = msgspec.structs.replace(mail, password=resolve_secret(mail.password, environ))
    oidc = settings.oidc
    if oidc.client_secret:
        oidc = msgspec.structs.replace(oidc, client_secret=resolve_secret(oidc.client_secret, environ))
    return msgspec.structs.replace(
        settings, server=server, mail=mail, oidc=oidc, mongo=mongo, metrics=metrics, tracing=tracing
    )


def _folder(path: Path | None, data: Path) -> Path:
    if path is None:
        return data
    return path if path.is_dir() else path.parent
