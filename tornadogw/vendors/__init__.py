"""The vendors that come with the gateway: those that speak the chat dialect, as rows of data, and the echo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tornadogw.vendor import Vendor
from tornadogw.vendors.chat_engine import ChatEngine
from tornadogw.vendors.rows import builtin_rows, load

__all__ = ["builtin_rows", "load_rows"]


def load_rows(extra: Mapping[str, Mapping[str, Any]] | None = None) -> list[Vendor]:
    """A vendor for each built-in row and each of the operator's own, `extra`: name to row.

    :raises SettingsError: a row is wrong.
    """
    return [ChatEngine(row) for row in load(extra)]
