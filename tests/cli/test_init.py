"""The top of the command line: options, exit status, sentences instead of stack traces."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tornadogw import cli as room
from tornadogw.__main__ import serve


def run(capfdbinary, *words):
    code = room.main(serve, words)
    out, err = capfdbinary.readouterr()
    return code, out.decode(), err.decode()


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


def test_help_names_every_command(capfdbinary):
    code, out, _ = run(capfdbinary, "--help")
    assert code == 0
    for name in ("serve", "check", "settings", "plugins", "account", "key", "usage"):
        assert f"\n  {name} " in out


def test_help_in_chinese(capfdbinary, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "启动网关" in run(capfdbinary, "--help")[1]
    assert "充值" in run(capfdbinary, "account", "--help")[1]


def test_no_command_is_no_success(capfdbinary):
    code, out, err = run(capfdbinary)
    assert (code, out) == (1, "")
    assert "Usage: tornadogw" in err


def test_version(capfdbinary):
    code, out, _ = run(capfdbinary, "--version")
    assert code == 0
    assert out.startswith("tornadogw ")
    assert json.loads(run(capfdbinary, "--json", "--version")[1])["version"] in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["frob"], "No such command 'frob'. `tornadogw --help`"),
        (["account", "show"], "Missing argument 'EMAIL'. `tornadogw account show --help`"),
        (["serve", "--port", "70000"], "Invalid value for '--port'"),
        (["key", "create", "a@b.co", "--rpm", "x"], "Invalid value for '--rpm'"),
        (["account", "role", "a@b.co", "king"], "'king' is not one of"),
        (["--frob"], "No such option '--frob'"),
    ],
)
def test_a_mistake_is_a_sentence_and_status_1(words, sentence, capfdbinary):
    code, out, err = run(capfdbinary, *words)
    assert (code, out) == (1, "")
    assert err.startswith("Error: ")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["--json", "frob"], ["frob", "--json"], ["account", "--json", "show"]])
def test_a_mistake_as_json_is_one_document(words, capfdbinary):
    code, out, err = run(capfdbinary, *words)
    assert code == 1
    assert json.loads(out)["error"] in err


def test_a_bug_is_a_sentence(capfdbinary, monkeypatch, tmp_path):
    def broken(*_):
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr("tornadogw.cli.state.load", broken)
    code, out, err = run(capfdbinary, "--data", str(tmp_path), "settings")
    assert (code, out) == (1, "")
    assert "This is a mistake in tornadogw: ZeroDivisionError: by nought (test_init.py:" in err


def test_ctrl_c_is_a_sentence(capfdbinary, monkeypatch, tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tornadogw.cli.state.load", interrupted)
    assert run(capfdbinary, "--data", str(tmp_path), "settings") == (130, "", "\nInterrupted.\n")


def test_a_reader_that_leaves_is_no_bug(tmp_path):
    """A pipe whose other end is closed before the first byte."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "tornadogw", "--data", str(tmp_path), "settings", "--explain"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_data_folder_can_come_from_the_environment(capfdbinary, monkeypatch, tmp_path):
    monkeypatch.setenv("TORNADOGW_DATA", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("TORNADOGW_SETTINGS", str(tmp_path / "own.toml"))
    (tmp_path / "own.toml").write_text("[server]\nport = 8081\n")
    code, out, _ = run(capfdbinary, "settings", "--json")
    assert code == 0
    assert json.loads(out)["path"] == str(tmp_path / "own.toml")
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o700
