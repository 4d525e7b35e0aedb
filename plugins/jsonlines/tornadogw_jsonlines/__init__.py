"""Finished calls as lines of JSON: who asked, who answered, what it cost. Never a prompt, an answer or a secret."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from tornadogw import Record, hookimpl

from .lines import line
from .writer import Writer

__all__ = ["JsonLines", "Settings"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """`[plugin.jsonlines]`."""

    path: str = ""
    """The file, with `~` for the home folder. Empty: nothing is written."""
    buffer: int = 10_000
    """Lines that wait while the disk does not take them; more are dropped and counted."""


class JsonLines:
    """The plugin. One object a gateway, and a writer between its start and its end."""

    def __init__(self) -> None:
        self._writer: Writer | None = None

    @hookimpl
    def gw_settings(self) -> type[Settings]:
        return Settings

    @hookimpl
    async def gw_startup(self, settings: Settings) -> None:
        if not settings.path:
            log.info("finished calls are not written: plugin.jsonlines.path is empty")
            return
        self._writer = Writer(settings.path, settings.buffer)
        await self._writer.start()

    @hookimpl
    async def gw_call_finished(self, record: Record) -> None:
        if self._writer is not None:
            self._writer.put(line(record))

    @hookimpl
    async def gw_shutdown(self) -> None:
        if self._writer is not None:
            await self._writer.stop()
            self._writer = None
