"""What the processes of one gateway tell each other, and what the gateway tells the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from tornadogw.accounts.first import Welcome
from tornadogw.plugins import PluginInfo
from tornadogw.settings import Loaded
from tornadogw.types import Value

__all__ = ["Failed", "Job", "Ready", "Report", "ServeOptions", "Serving"]


class Serving(Value, frozen=True):
    """What a running gateway says of itself."""

    url: str
    """Where it listens."""
    public_url: str
    prefix: str
    data: Path
    mongod: str
    plugins: tuple[PluginInfo, ...]
    models: tuple[str, ...]
    welcome: Welcome | None
    """Only at the very first start."""
    pages: bool
    """Whether there are pages for people."""
    metrics: tuple[str, ...]
    """Where each worker is asked for its figures."""
    started_in: float
    """Seconds."""


class ServeOptions(Value, frozen=True):
    """What the command line asks for. `report` is called once the gateway answers."""

    loaded: Loaded
    reload: Callable[[], Loaded]
    """Reads the settings again. Raises SettingsError."""
    data: Path
    report: Callable[[Serving], None]
    log_json: bool = False


class Job(Value, frozen=True):
    """What a worker is to do. Goes through a pipe: what it inherits, and what its supervisor has read already."""

    index: int
    """From 0; only for the log."""
    loaded: Loaded
    data: Path
    log_json: bool
    sockets: tuple[int, ...]
    """File descriptors to accept at."""
    report: int
    """File descriptor for the one report."""
    metrics: tuple[int, ...] = ()
    """File descriptors to accept scrapers at."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """A worker answers."""

    plugins: tuple[PluginInfo, ...]
    models: tuple[str, ...]
    welcome: Welcome | None


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A worker cannot start: the sentence says why."""

    why: str


Report = Ready | Failed
