"""Google's Gemini models as two vendors: `gemini` (AI Studio) and `vertex` (Vertex AI)."""

from __future__ import annotations

from tornadogw import Register, hookimpl

from .vendor import Gemini, Vertex

__all__ = ["Gemini", "Vertex", "gw_register_vendors"]


@hookimpl
def gw_register_vendors(register: Register) -> None:
    """The plugin's two vendors."""
    register(Gemini())
    register(Vertex())
