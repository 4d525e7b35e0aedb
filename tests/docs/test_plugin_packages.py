"""Each folder of plugins/ is a whole package: found by its entry point, documented, honest about what it leaves out."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from setuptools import Distribution

from tornadogw.testing import RULES, VendorSuite

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "plugins").glob("*/setup.py"))
VERIFIED = tomllib.loads((ROOT / "tornadogw/data/plugins.toml").read_text())["verified"]


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request):
    return request.param


def metadata_of(folder, monkeypatch):
    """What `setup.py` tells setuptools, without building anything."""
    told: dict = {}
    monkeypatch.setattr("setuptools.setup", lambda **arguments: told.update(arguments))
    path = folder / "setup.py"
    exec(compile(path.read_text(), str(path), "exec"), {"__file__": str(path), "__name__": "__main__"})
    assert Distribution(told).get_name() == told["name"]
    return told


def test_there_are_some():
    assert {folder.name for folder in FOLDERS} >= {"anthropic", "dashscope", "jsonlines"}


def test_the_package_is_a_plugin(folder, monkeypatch):
    told = metadata_of(folder, monkeypatch)
    assert told["name"] == f"tornadogw-{folder.name}"
    assert told["name"] in VERIFIED
    assert told["install_requires"][0] == "tornadogw>=0.1"
    (point,) = told["entry_points"]["tornadogw"]
    assert point.split(" = ")[0] == folder.name
    assert (folder / told["packages"][0] / "py.typed").exists()


def test_every_promise_is_kept_or_explained(folder):
    rules = tomllib.loads((folder / f"tornadogw_{folder.name}/quality.toml").read_text())["rules"]
    assert {"readme", "typed"} <= rules.keys()
    for rule, state in rules.items():
        assert state == "done" or state.startswith("exempt: "), rule


def test_what_is_promised_of_the_suite_is_shown_by_it(folder):
    """`done` is a test that runs, `exempt` is none; a package that promises runs the suite with its own promises."""
    promises = tomllib.loads((folder / f"tornadogw_{folder.name}/quality.toml").read_text()).get("suite")
    if promises is None:
        return
    assert promises.keys() == RULES.keys()
    suites = [path for path in folder.glob("tests/test_*.py") if "VendorSuite" in path.read_text()]
    assert any(
        f'quality = Path(tornadogw_{folder.name}.__file__).with_name("quality.toml")' in path.read_text()
        for path in suites
    )
    quality = {"quality": folder / f"tornadogw_{folder.name}/quality.toml"}
    kind = type("Promised", (VendorSuite,), quality)
    for rule, state in promises.items():
        assert (getattr(kind, f"test_{rule}") is None) == state.startswith("exempt: "), rule


def test_it_is_documented_and_tested(folder):
    assert f"# tornadogw-{folder.name}" in (folder / "README.md").read_text()
    assert f"({folder.name}/README.md)" in (ROOT / "plugins/README.md").read_text()
    assert list(folder.glob("tests/test_*.py"))
