"""The gateway's own plugins: they come through the same door as everybody's, and can be blocked like any other."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from tornadogw.hookspecs import hookimpl
from tornadogw.vendor import Register
from tornadogw.vendors import load_rows
from tornadogw.vendors.echo import Echo

__all__ = ["BuiltInEcho", "Rows", "RowsSettings"]


class RowsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugin.rows]`."""

    vendors: Annotated[
        dict[str, dict[str, Any]],
        msgspec.Meta(description="Vendors of the operator's own, and changes to built-in ones: name to row."),
    ] = {}


class Rows:
    """The plugin `rows`: vendors that are data."""

    @hookimpl
    def gw_settings(self) -> type[RowsSettings]:
        return RowsSettings

    @hookimpl
    def gw_register_vendors(self, register: Register, settings: RowsSettings) -> None:
        for vendor in load_rows(settings.vendors):
            register(vendor)


class BuiltInEcho:
    """The plugin `echo`: the vendor that needs no network."""

    @hookimpl
    def gw_register_vendors(self, register: Register) -> None:
        register(Echo())
