"""Ollama's own chat API as a vendor: tools, images, thinking, and JSON lines instead of server-sent events."""

from __future__ import annotations

from tornadogw import Register, hookimpl

from .vendor import Ollama

__all__ = ["Ollama", "gw_register_vendors"]


@hookimpl
def gw_register_vendors(register: Register) -> None:
    """The plugin's one vendor."""
    register(Ollama())
