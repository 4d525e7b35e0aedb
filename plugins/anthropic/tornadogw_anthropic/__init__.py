"""Anthropic's Messages API as a vendor: text in, text and reasoning out."""

from __future__ import annotations

from tornadogw import Register, hookimpl

from .vendor import Anthropic

__all__ = ["Anthropic", "gw_register_vendors"]


@hookimpl
def gw_register_vendors(register: Register) -> None:
    """The plugin's one vendor."""
    register(Anthropic())
