"""Report cards of plugins: read from beside the module, whatever kind of plugin it is."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest

from tornadogw.plugin_card import Promise, report_card

CARD = """
[rules]
readme = "done"
images = "exempt: no eyes"
[suite]
splits = "done"
tools = "to do: calls at once"
"""
PROMISES = (
    Promise("rules", "readme", "done"),
    Promise("rules", "images", "exempt", "no eyes"),
    Promise("suite", "splits", "done"),
    Promise("suite", "tools", "open", "to do: calls at once"),
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """`package(text)` imports one with this card, or with none."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(card: str | bytes | None) -> ModuleType:
        folder = tmp_path / "carded"
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "inner.py").write_text("class Plugin:\n    pass\n")
        if card is not None:
            (folder / "quality.toml").write_bytes(card if isinstance(card, bytes) else card.encode())
        importlib.invalidate_caches()
        return importlib.import_module("carded")

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == "carded"]:
        del sys.modules[name]


def test_of_a_module_and_of_an_object(package):
    module = package(CARD)
    assert report_card(module) == PROMISES
    assert report_card(importlib.import_module("carded.inner").Plugin()) == PROMISES


def test_there_need_not_be_one(package):
    assert report_card(package(None)) == ()
    alone = ModuleType("tornadogw_plugin_alone")
    alone.__file__ = "/somewhere/alone.py"
    assert report_card(alone) == ()


@pytest.mark.parametrize(
    "text", ["[suite", "suite = 1", "[suite]\nsplits = true", b"\xff\xfe"], ids=["toml", "table", "string", "bytes"]
)
def test_another_file_is_told(package, text):
    with pytest.raises(ValueError):  # each library has its own words
        report_card(package(text))
