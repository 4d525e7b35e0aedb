"""Typed settings: one TOML file or a folder of them, the environment and flags; each value knows where it came from."""

from __future__ import annotations

from tornadogw.settings.explain import Line
from tornadogw.settings.loading import Loaded, check_plugin_names, load, plugin_table, settings_path
from tornadogw.settings.paces import STANDARD, pace_timeouts
from tornadogw.settings.rules import AUTO
from tornadogw.settings.schema import did_you_mean, nearest
from tornadogw.settings.secrecy import mask, resolve_secret
from tornadogw.settings.tables import CostRow, Model, PriceRow, Route, Settings, Timeouts, Upstream

__all__ = [
    "AUTO",
    "STANDARD",
    "CostRow",
    "Line",
    "Loaded",
    "Model",
    "PriceRow",
    "Route",
    "Settings",
    "Timeouts",
    "Upstream",
    "check_plugin_names",
    "did_you_mean",
    "load",
    "mask",
    "nearest",
    "pace_timeouts",
    "plugin_table",
    "resolve_secret",
    "settings_path",
]
