"""DashScope's own generation API as a vendor: text and multimodal models, tools, thinking, several choices."""

from __future__ import annotations

from tornadogw import Register, hookimpl

from .vendor import DashScope

__all__ = ["DashScope", "gw_register_vendors"]


@hookimpl
def gw_register_vendors(register: Register) -> None:
    """The plugin's one vendor."""
    register(DashScope())
