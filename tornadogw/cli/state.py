"""What every command starts from: where the data and the settings are, how to print, how to serve."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import platformdirs

from tornadogw.accounts.first import Welcome
from tornadogw.cli.output import Output
from tornadogw.errors import UsageError
from tornadogw.plugins import PluginInfo
from tornadogw.settings import Loaded, load

__all__ = ["Serve", "Serving", "State"]


class Serving(Protocol):
    """What a gateway says of itself once it answers."""

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


class Serve(Protocol):
    """Runs the gateway until it is told to stop; gives the exit status."""

    def __call__(
        self,
        *,
        loaded: Loaded,
        reload: Callable[[], Loaded],
        data: Path,
        report: Callable[[Serving], None],
        log_json: bool,
    ) -> int: ...


class State:
    """The global options of one call, and what follows from them."""

    def __init__(self, out: Output, serve: Serve) -> None:
        """`serve` is given from above, because the command line does not know the server."""
        self.out, self.serve = out, serve
        self.data_option: Path | None = None
        self.settings_option: Path | None = None

    @cached_property
    def data(self) -> Path:
        """The data folder, made if it is missing; nobody else can enter it. Raises UsageError."""
        folder = (self.data_option or platformdirs.user_data_path("tornadogw", appauthor=False)).absolute()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"The data folder {folder} cannot be made: {error.strerror}.") from error
        return folder

    def load(self, flags: Mapping[str, Any] | None = None) -> Loaded:
        """The settings. From here on the language is theirs, if they name one. Raises SettingsError."""
        loaded = load(self.settings_option, self.data, os.environ, flags or {})
        if loaded.origin("server.language") != "default":
            self.out.language = loaded.settings.server.language
        return loaded
