"""The one door for plugins: load them, check them, leave out the blocked ones, and call their hooks one by one.

A plugin is a module, or a class that is made once a gateway, so that its state dies with the gateway.
pluggy keeps the registry and the order; it knows no `await`, so every hook is called here, through one typed method.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from typing import Any

import msgspec
import pluggy

from tornadogw import hookspecs
from tornadogw.errors import UsageError
from tornadogw.hookspecs import PROJECT
from tornadogw.plugin_card import FILE, Promise, report_card
from tornadogw.plugin_check import check
from tornadogw.plugin_find import Found, PluginInfo, built_in, drop_ins, packages
from tornadogw.settings import Loaded, check_plugin_names, did_you_mean, plugin_table
from tornadogw.settings.tables import Plugins as PluginSettings
from tornadogw.types import Record
from tornadogw.vendor import Vendor

__all__ = ["PluginInfo", "Plugins", "load_plugins"]

log = logging.getLogger(__name__)

STARTUP_SECONDS = 30.0
SHUTDOWN_SECONDS = 10.0
FINISHED_SECONDS = 5.0
"""What one implementation may take: a plugin that hangs stops a start, but neither a stop nor the calls after it."""

VENDOR_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


class NoSettings(msgspec.Struct, frozen=True):
    """The table of a plugin that asks for none: any key in it is one too many."""


def load_plugins(loaded: Loaded, environ: Mapping[str, str], *, points: Iterable[EntryPoint] | None = None) -> Plugins:
    """Every plugin that is not blocked, checked and with its own settings read.

    `points` stands in for the installed entry points. Raises UsageError with a sentence that names the plugin.
    """
    settings = loaded.settings.plugins
    folder = loaded.folder / settings.folder
    required = settings.folder != PluginSettings().folder
    found = _distinct([*built_in(), *packages(points), *drop_ins(folder, required=required)])
    blocked = {*settings.block, *environ.get("TORNADOGW_BLOCK_PLUGINS", "").split(",")}
    blocked = {name.strip() for name in blocked if name.strip()}
    for name in sorted(blocked - found.keys()):
        log.warning("plugin %s is blocked, but there is none of that name; %s", name, did_you_mean(name, found))
    check_plugin_names(loaded, found)
    plugins = Plugins(tuple(plugin.info for plugin in found.values() if plugin.name in blocked))
    for plugin in found.values():
        if plugin.name not in blocked:
            plugins.add(plugin, loaded)
    return plugins


class Plugins:
    """The plugins of one gateway, with one method for each hook.

    The plugin that was added last is called first (files, then packages, then the gateway's own), unless an
    implementation asks for `tryfirst` or `trylast`.
    """

    def __init__(self, blocked: tuple[PluginInfo, ...] = ()) -> None:
        self.has_call_finished = False
        """Whether anybody wants finished calls; asked once, so that a gateway without listeners pays nothing."""
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._blocked = blocked
        self._found: dict[str, Found] = {}
        self._tables: dict[str, Any] = {}
        self._vendors: dict[str, Vendor] | None = None
        self._owner: dict[str, Found] = {}
        self._started: list[str] = []
        self._finished: list[_HookCall] = []

    def add(self, plugin: Found, loaded: Loaded) -> None:
        """Load, check and register one plugin, and read its settings. Raises UsageError."""
        body = _load(plugin)
        for complaint in check(body, self._manager.parse_hookimpl_opts):
            if not (plugin.is_file and complaint.unknown):
                raise UsageError(f"{plugin.label}: {complaint.text}")
            log.warning("%s: %s", plugin.label, complaint.text)
        self._manager.register(body, plugin.name)
        self._found[plugin.name] = plugin
        self._read_settings(plugin, loaded)
        self._finished = list(self._calls("gw_call_finished"))
        self.has_call_finished = bool(self._finished)

    def list(self) -> tuple[PluginInfo, ...]:
        """What is there, the blocked ones last. Registers the vendors, to name them."""
        self.register_vendors()
        return (*map(self._describe, self._found.values()), *(_with(info, blocked=True) for info in self._blocked))

    def table(self, name: str) -> Any:
        """The typed settings of plugin `name`, what its `gw_settings` asked for; None if it asked for nothing."""
        return self._tables.get(name)

    def register_vendors(self) -> dict[str, Vendor]:
        """All vendors by name. Raises UsageError for one that is broken or there twice, naming the plugins."""
        if self._vendors is None:
            vendors: dict[str, Vendor] = {}
            for call in self._calls("gw_register_vendors"):
                with call.blamed():
                    call(register=self._registrar(call.plugin, vendors), settings=self.table(call.plugin.name))
            self._vendors = vendors
        return dict(self._vendors)

    async def startup(self) -> None:
        """Start every plugin. If one fails, those before it are shut down again; raises UsageError."""
        calls = list(self._calls("gw_startup"))
        self._started = [name for name in self._found if name not in {call.plugin.name for call in calls}]
        try:
            for call in calls:
                with call.blamed():
                    await call.awaited(STARTUP_SECONDS, settings=self.table(call.plugin.name))
                self._started.append(call.plugin.name)
        except BaseException:
            await self.shutdown()
            raise

    async def shutdown(self) -> None:
        """Shut down what was started, last first. Errors are logged: the others' turn comes all the same."""
        calls = {call.plugin.name: call for call in self._calls("gw_shutdown")}
        while self._started:
            if call := calls.get(name := self._started.pop()):
                await call.contained(SHUTDOWN_SECONDS, settings=self.table(name))

    async def call_finished(self, record: Record) -> None:
        """Tell everybody who wants to know, one after the other. Whatever a plugin raises is logged, never raised."""
        for call in self._finished:
            await call.contained(FINISHED_SECONDS, record=record)

    def _read_settings(self, plugin: Found, loaded: Loaded) -> None:
        kind: Any = None
        for call in self._calls("gw_settings", only=plugin.name):
            with call.blamed():
                kind = call()
            if kind is not None and not inspect.isclass(kind):
                raise UsageError(f"{plugin.label}: gw_settings must return a class, not {kind!r}")
        try:
            table = plugin_table(loaded, plugin.name, NoSettings if kind is None else kind)
        except TypeError as error:  # neither a msgspec Struct nor a dataclass
            raise _blame(plugin, "gw_settings failed", error) from error
        self._tables[plugin.name] = None if kind is None else table

    def _registrar(self, plugin: Found, vendors: dict[str, Vendor]) -> Callable[[Vendor], None]:
        def register(vendor: Vendor) -> None:
            if not isinstance(vendor, Vendor):
                raise UsageError(f"{vendor!r} is no Vendor")
            if not VENDOR_NAME.fullmatch(vendor.name):
                raise UsageError(f"{vendor.name!r} is no name for a vendor: small letters, digits and . _ - please")
            if vendor.name in vendors:
                raise UsageError(f"vendor {vendor.name} is also in {self._owner[vendor.name].label}: block one of them")
            vendors[vendor.name] = vendor
            self._owner[vendor.name] = plugin

        return register

    def _calls(self, hook: str, only: str = "") -> Iterator[_HookCall]:
        """The implementations of `hook`, of all plugins or one, in pluggy's order: the last of its list first."""
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            if only in ("", implementation.plugin_name):
                yield _HookCall(hook, self._found[implementation.plugin_name], implementation)

    def _describe(self, plugin: Found) -> PluginInfo:
        body = self._manager.get_plugin(plugin.name)
        callers = self._manager.get_hookcallers(body) or []
        hooks = tuple(sorted(caller.name for caller in callers if caller.has_spec()))
        vendors = tuple(sorted(name for name, owner in self._owner.items() if owner is plugin))
        return _with(plugin.info, hooks=hooks, vendors=vendors, card=_card(plugin, body))


class _HookCall:
    """One implementation of one hook, ready to be called with the arguments it asked for."""

    def __init__(self, hook: str, plugin: Found, implementation: pluggy.HookImpl) -> None:
        self.plugin = plugin
        self._hook = hook
        self._function: Callable[..., Any] = implementation.function
        self._wants = implementation.argnames

    def __call__(self, **given: Any) -> Any:
        return self._function(*[given[name] for name in self._wants])

    async def awaited(self, seconds: float, **given: Any) -> None:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                await self(**given)
        except TimeoutError as error:
            if limit.expired():
                raise TimeoutError(f"took longer than {seconds:g} s") from error
            raise

    async def contained(self, seconds: float, **given: Any) -> None:
        try:
            await self.awaited(seconds, **given)
        except Exception:  # a plugin's bug must not hurt anybody else
            log.exception("%s: %s failed", self.plugin.label, self._hook)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Whatever the plugin raises becomes a sentence that names it."""
        try:
            yield
        except Exception as error:
            raise _blame(self.plugin, f"{self._hook} failed", error) from error


def _load(plugin: Found) -> object:
    try:
        body = plugin.load()
        return body() if inspect.isclass(body) else body
    except Exception as error:
        raise _blame(plugin, "cannot be loaded", error) from error


def _card(plugin: Found, body: object) -> tuple[Promise, ...]:
    try:
        return report_card(body)
    except (OSError, ValueError) as error:  # no reason to stop a start
        log.warning("%s: its %s cannot be read: %s", plugin.label, FILE, error)
        return ()


def _blame(plugin: Found, what: str, error: Exception) -> UsageError:
    if isinstance(error, UsageError):  # a sentence already
        return UsageError(f"{plugin.label}: {error}")
    return UsageError(f"{plugin.label}: {what}: {type(error).__name__}: {error}")


def _distinct(found: Iterable[Found]) -> dict[str, Found]:
    by_name: dict[str, Found] = {}
    for plugin in found:
        if (first := by_name.setdefault(plugin.name, plugin)) is not plugin:
            raise UsageError(f"{first.label} and {plugin.label} have the same name: rename or remove one of them")
    return by_name


def _with(info: PluginInfo, **changed: Any) -> PluginInfo:
    return msgspec.structs.replace(info, **changed)
