"""`tornadogw settings` as a subprocess."""

from __future__ import annotations

import pytest


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[server]\nport = 8099\nsecret = "a-secret-nobody-may-read"\n')
    return path


def test_what_was_set(alone, file):
    done = alone("--settings", str(file), "settings", "--json", TORNADOGW_LIMITS__KEY_PER_MINUTE="5")
    assert done.json["path"] == str(file)
    rows = {row["key"]: row for row in done.json["settings"]}
    assert set(rows) == {"server.port", "server.secret", "limits.key_per_minute"}
    assert rows["server.port"]["value"] == 8099
    assert rows["server.port"]["origin"] == f"{file}:2"
    assert rows["limits.key_per_minute"]["origin"] == "env TORNADOGW_LIMITS__KEY_PER_MINUTE"
    assert "nobody-may-read" not in done.out


def test_explain_shows_everything(alone, file):
    rows = {
        row["key"]: row for row in alone("--settings", str(file), "settings", "--explain", "--json").json["settings"]
    }
    assert rows["server.host"]["origin"] == "default"
    assert rows["server.host"]["help"] == "Address to listen on."
    human = alone("--settings", str(file), "settings", "--explain").out
    assert f"server.port = 8099  # {file}:2\n" in human
    assert "# Address to listen on.\nserver.host = " in human
    assert "nobody-may-read" not in human


def test_nothing_was_set(alone):
    assert alone("settings").out == "# There is no settings file: everything is as by default.\n"
    assert alone("settings", "--json").json == {"path": None, "settings": []}


def test_an_unknown_key_names_the_nearest(alone, file):
    file.write_text("[server]\nprot = 1\n")
    done = alone("--settings", str(file), "settings")
    assert (done.code, done.out) == (1, "")
    assert "port" in done.err


def test_a_file_that_is_not_there(alone, tmp_path):
    done = alone("--settings", str(tmp_path / "gone.toml"), "settings")
    assert done.code == 1
    assert "gone.toml" in done.err
