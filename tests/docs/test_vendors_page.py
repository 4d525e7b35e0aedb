"""docs/vendors.md is what docs/generate_vendors.py writes, and docs/recorded.json what the recordings show."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from tests.shared import recordings_folder
from tornadogw.vendors import load_rows

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("generate_vendors", ROOT / "docs/generate_vendors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines(page: str) -> dict[str, list[str]]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_the_page_is_up_to_date(generator):
    recorded = json.loads(generator.INDEX.read_text())
    assert generator.PAGE.read_text() == generator.render(recorded), "run: python docs/generate_vendors.py"


def test_the_index_is_what_the_recordings_show(generator):
    recordings_folder()
    assert json.loads(generator.INDEX.read_text()) == generator.indexed(), "run: python docs/generate_vendors.py"


def test_every_vendor_has_its_line(generator):
    page = lines(generator.PAGE.read_text())
    packages = {path.parents[1].name for path in (ROOT / "plugins").glob("*/*/quality.toml")} - {"jsonlines"}
    assert page.keys() >= packages | {vendor.name for vendor in load_rows()}


def test_a_line_says_what_is_recorded_what_is_written_and_what_is_refused(generator):
    entry = {"answers": 2, "errors": 1, "shows": ["stream", "tools"], "usage": "every chunk"}
    page = lines(generator.render({"perplexity": entry, "deepseek": entry}))
    assert page["deepseek"] == ["●", "○", "●", "○", "○", "○", "–", "through chat", "every chunk", "2 + 1"]
    assert page["perplexity"][2:4] == ["–", "–"]
    assert page["qwen"][-1] == "none"


def test_a_package_is_told_by_its_quality(generator, tmp_path, monkeypatch):
    folder = tmp_path / "plugins/acme/tornadogw_acme"
    folder.mkdir(parents=True)
    (folder / "quality.toml").write_text(
        '[rules]\ntools = "done"\nimages = "exempt: no eyes"\n'
        '[suite]\nsplits = "done"\nextras = "exempt: it has none"\n'
    )
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    page = generator.render({"acme": {"answers": 1, "errors": 0, "shows": ["tools", "image"], "usage": ""}})
    assert lines(page)["acme"][:5] == ["○", "○", "●", "○", "–"]
    assert "- `acme`, extras: it has none." in page
