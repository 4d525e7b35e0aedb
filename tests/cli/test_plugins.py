"""`tornadogw plugins` as a subprocess."""

from __future__ import annotations


def test_the_built_in_ones(alone):
    found = {each["name"]: each for each in alone("plugins", "--json").json["plugins"]}
    assert found["echo"]["vendors"] == ["echo"]
    assert found["echo"]["tier"] == "core"
    assert "gw_register_vendors" in found["echo"]["hooks"]
    assert "deepseek" in found["rows"]["vendors"]


def test_for_people(alone):
    out = alone("plugins", TORNADOGW_PLUGINS__BLOCK="rows").out
    assert out.split()[:6] == ["NAME", "VERSION", "ORIGIN", "TIER", "HOOKS", "VENDORS"]
    assert [line.split()[0] for line in out.splitlines() if "blocked" in line] == ["rows"]


def test_a_broken_plugin_is_a_sentence(alone, tmp_path):
    folder = tmp_path / "data" / "plugins.d"
    folder.mkdir(parents=True)
    (folder / "bad.py").write_text("raise ValueError('no')\n")
    done = alone("plugins", "--json")
    assert done.code == 1
    assert "plugin bad" in done.json["error"]
