"""AWS Bedrock's Converse API as a vendor."""

from __future__ import annotations

from tornadogw import Register, hookimpl

from .vendor import Bedrock

__all__ = ["Bedrock", "gw_register_vendors"]


@hookimpl
def gw_register_vendors(register: Register) -> None:
    """The plugin's one vendor."""
    register(Bedrock())
