"""Cohere's chat API, version 2, as a vendor: tools, documents, images and thinking."""

from __future__ import annotations

from tornadogw import Register, hookimpl

from .vendor import Cohere

__all__ = ["Cohere", "gw_register_vendors"]


@hookimpl
def gw_register_vendors(register: Register) -> None:
    """The plugin's one vendor."""
    register(Cohere())
