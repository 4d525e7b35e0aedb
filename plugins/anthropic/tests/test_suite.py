"""The conformance suite on this vendor."""

from __future__ import annotations

from pathlib import Path

from tornadogw_anthropic import Anthropic

from tornadogw.testing import VendorSuite


class TestAnthropic(VendorSuite):
    vendor = Anthropic()
    model = "claude-sonnet-4-5"
    folders = ("anthropic",)
    quality = Path(__file__).parents[1] / "quality.toml"
