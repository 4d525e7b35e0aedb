"""The package for Google's models as if it were installed, settings that lead to it, and what the vendor says."""

from __future__ import annotations

import json
from functools import partial
from importlib.metadata import EntryPoint

import pytest

from tests.shared import ROOT
from tornadogw.plugins import load_plugins
from tornadogw.testing import Answer

SPOKEN = {
    "candidates": [{"content": {"parts": [{"text": "Rain."}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11},
}


def sse(said):
    return Answer(body=b"data: %b\r\n\r\n" % json.dumps(said).encode())


@pytest.fixture
def google(monkeypatch):
    """The package as if it were installed."""
    monkeypatch.syspath_prepend(str(ROOT / "plugins/gemini"))
    points = [EntryPoint("gemini", "tornadogw_gemini", "tornadogw")]
    monkeypatch.setattr("tests.running.load_plugins", partial(load_plugins, points=points))


def settings(url, *, vendor="gemini", key="AIza-test", model="gemini-3-flash-preview"):
    options = 'options = { project = "p", location = "europe-west4" }' if vendor == "vertex" else ""
    return f"""
[[upstreams]]
name = "up"
vendor = "{vendor}"
base_url = "{url}"
keys = ['{key}']
{options}

[[models]]
name = "m"
price = {{ input = "1", output = "2" }}
routes = [{{ upstream = "up", model = "{model}" }}]
"""
