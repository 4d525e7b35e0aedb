"""The hooks: the door through which plugins come in. Arguments go by name: an implementation may take fewer.

Each hook is sync or async as written here, checked at registration. docs/hooks.md describes every one with its exact
arguments; a test keeps the two in step.
"""

from __future__ import annotations

from typing import Any

import pluggy

from tornadogw.types import Record
from tornadogw.vendor import Register

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "tornadogw"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def gw_settings() -> type[Any] | None:
    """The plugin's own typed table, a dataclass or msgspec Struct, found under `[plugin.NAME]` of the settings.

    :return: the class; its fields need defaults, so that a start without settings works.
    """


@hookspec
def gw_register_vendors(register: Register, settings: Any) -> None:
    """Register the plugin's vendors.

    :param register: call it once for each vendor object.
    :param settings: an instance of what `gw_settings` returned, or None.
    """


@hookspec
async def gw_startup(settings: Any) -> None:
    """The gateway is about to accept requests. An exception stops the start.

    :param settings: an instance of what `gw_settings` returned, or None.
    """


@hookspec
async def gw_shutdown(settings: Any) -> None:
    """The last request has been settled. Called for every plugin whose `gw_startup` was.

    :param settings: an instance of what `gw_settings` returned, or None.
    """


@hookspec
async def gw_call_finished(record: Record) -> None:
    """A call has been settled. Runs after the answer, contained: an exception is logged and hurts nobody.

    :param record: what was asked, who answered, what it cost; no prompt, no answer, no secret.
    """
