"""The built-in deadlines by the pace of a model, read from `tornadogw/data/timeouts.toml`."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import msgspec

from tornadogw.settings.tables import Timeouts

__all__ = ["STANDARD", "pace_timeouts"]

STANDARD = ""
"""The pace of a model that neither reasons nor is served by an engine of the operator's own."""


def pace_timeouts() -> dict[str, Timeouts]:
    """Complete deadlines for each pace that a vendor's traits may name."""
    tables = tomllib.loads(files("tornadogw").joinpath("data", "timeouts.toml").read_text("utf-8"))
    standard = tables.pop("standard")
    paces = {STANDARD: standard, **{pace: standard | table for pace, table in tables.items()}}
    return {pace: msgspec.convert(table, Timeouts) for pace, table in paces.items()}
