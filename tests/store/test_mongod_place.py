from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tornadogw.errors import UsageError
from tornadogw.store import mongod_place
from tornadogw.store.mongod_place import data_folder, log_since, rotate_log, runtime_folder

SOCKET = "mongodb-27017.sock"


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("r")


# --- runtime folder --------------------------------------------------------------------------------------------------


def test_the_users_runtime_folder_comes_first(short: Path) -> None:
    found = runtime_folder(Path("/data"), SOCKET, {"XDG_RUNTIME_DIR": str(short), "TMPDIR": "/nowhere"})
    assert found.parent == short / "tornadogw"
    assert stat.S_IMODE(found.stat().st_mode) == 0o700
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("runtime", ["", "/no/such/folder"])
def test_else_a_folder_of_the_user_in_the_temporary_folder(short: Path, runtime: str) -> None:
    found = runtime_folder(Path("/data"), SOCKET, {"XDG_RUNTIME_DIR": runtime, "TMPDIR": str(short)})
    assert found.parent == short / f"tornadogw-{os.getuid()}"


def test_the_name_is_eight_digits_of_the_data_path(short: Path) -> None:
    names = {runtime_folder(Path(each), SOCKET, {"TMPDIR": str(short)}).name for each in ("/a", "/a", "/b")}
    assert len(names) == 2
    assert all(len(name) == 8 and int(name, 16) >= 0 for name in names)


def test_a_path_too_long_for_a_socket_is_left_for_the_next(short: Path) -> None:
    deep = short / ("d" * 100)
    deep.mkdir()
    found = runtime_folder(Path("/data"), SOCKET, {"XDG_RUNTIME_DIR": str(deep), "TMPDIR": str(short)})
    assert found.parent.parent == short


def test_without_a_short_path_the_sentence_says_what_to_set(short: Path) -> None:
    deep = short / ("d" * 100)
    deep.mkdir()
    with pytest.raises(UsageError, match="XDG_RUNTIME_DIR or TMPDIR"):
        runtime_folder(Path("/data"), SOCKET, {"TMPDIR": str(deep)})


def test_a_folder_that_others_may_enter_is_refused(short: Path) -> None:
    parent = short / f"tornadogw-{os.getuid()}"
    parent.mkdir()
    parent.chmod(0o755)
    with pytest.raises(UsageError, match="chmod 700"):
        runtime_folder(Path("/data"), SOCKET, {"TMPDIR": str(short)})


def test_a_link_that_somebody_left_there_is_refused(short: Path) -> None:
    elsewhere = short / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (short / f"tornadogw-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="nobody else can enter"):
        runtime_folder(Path("/data"), SOCKET, {"TMPDIR": str(short)})


def test_a_folder_of_somebody_else_is_refused(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime_folder(Path("/data"), SOCKET, {"XDG_RUNTIME_DIR": str(short)})
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(UsageError, match="user 12345"):
        runtime_folder(Path("/data"), SOCKET, {"XDG_RUNTIME_DIR": str(short)})


# --- data folder -----------------------------------------------------------------------------------------------------


def test_the_data_folder_is_made_for_us_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = data_folder(Path("a/b"))
    assert made == tmp_path / "a" / "b"
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert data_folder(made) == made


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be made"):
        data_folder(tmp_path / "file" / "data")


def test_a_data_folder_of_somebody_else_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(UsageError, match="must belong to user 12345"):
        data_folder(tmp_path)


# --- log -------------------------------------------------------------------------------------------------------------


def test_a_large_log_is_put_aside_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongod_place, "LOG_BYTES", 10)
    log = tmp_path / "mongod.log"
    rotate_log(log)
    log.write_text("x" * 10)
    rotate_log(log)
    assert log.exists()
    log.write_text("y" * 11)
    rotate_log(log)
    assert [each.name for each in tmp_path.iterdir()] == ["mongod.log.1"]


def line(severity: str, message: str, **attributes: str) -> str:
    return json.dumps({"s": severity, "msg": message, "attr": attributes}) + "\n"


def test_the_reason_is_in_the_last_errors(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(line("E", "of another start"))
    seen = log.stat().st_size
    with log.open("a") as file:
        file.write(
            "".join((line("E", "a"), line("E", "b", error="why"), line("F", "c"), line("I", "bye"), line("E", "d")))
        )
    assert log_since(log, seen) == "b why; c; d"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it said nothing"),
        ("plain words\n\n", "plain words"),
        ("[1]\n{\n", "{"),
        (line("I", "bye"), line("I", "bye").strip()),
    ],
)
def test_without_errors_it_is_the_last_line(tmp_path: Path, text: str, reason: str) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    assert log_since(log, 0) == reason


def test_a_log_that_is_not_there_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert log_since(tmp_path / "log", 0) == "its log cannot be read"
