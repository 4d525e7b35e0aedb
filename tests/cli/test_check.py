"""`tornadogw check` as a subprocess."""

from __future__ import annotations


def test_all_is_well(cli):
    done = cli("check", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["ok"] is True
    assert [each["check"] for each in done.json["findings"]] == ["settings", "plugins", "models", "database"]
    assert cli("check", "--upstreams").out.splitlines()[-1] == "ok    upstream echo: echo answers"


def test_wrong_settings_end_it(inside, tmp_path):
    (tmp_path / "own.toml").write_text("[server]\nprot = 1\n")
    done = inside("--settings", str(tmp_path / "own.toml"), "check", "--json")
    assert done.code == 1
    assert done.json["ok"] is False
    assert [each["check"] for each in done.json["findings"]] == ["settings"]
    assert done.err == "1 of 1 checks failed.\n"


def test_what_is_independent_is_still_looked_at(inside, tmp_path):
    (tmp_path / "own.toml").write_text('[[upstreams]]\nname = "a"\nvendor = "nobody"\n')
    done = inside("--settings", str(tmp_path / "own.toml"), "check")
    assert done.code == 1
    looks = [line.split(":")[0].split() for line in done.out.splitlines()]
    assert looks == [["ok", "settings"], ["ok", "plugins"], ["FAIL", "models"], ["ok", "database"]]


def test_a_database_that_is_away(alone):
    done = alone("check", "--json", TORNADOGW_MONGO__URL="mongodb://127.0.0.1:1", TORNADOGW_MONGO__TIMEOUT_MS="300")
    assert done.code == 1
    (bad,) = [each for each in done.json["findings"] if not each["ok"]]
    assert bad["check"] == "database"
    assert "mongo.url" in bad["text"]
