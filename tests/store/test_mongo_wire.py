from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tornadogw.store.mongo_embedded import PrivateMongod
from tornadogw.store.mongo_wire import command


@contextmanager
def server(path: Path, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """A server that reads one message and does `answer`."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def test_a_command_is_answered(mongod: PrivateMongod) -> None:
    assert command(mongod.socket, {"hello": 1})["isWritablePrimary"] is True


def test_a_long_question_and_answer_go_whole(mongod: PrivateMongod) -> None:
    answer = command(mongod.socket, {"noSuchCommand": "x" * 1_000_000})
    assert answer["code"] == 59
    assert len(command(mongod.socket, {"getParameter": "*"})) > 100


def test_a_refusal_is_an_answer(mongod: PrivateMongod) -> None:
    assert command(mongod.socket, {"noSuchCommand": 1})["codeName"] == "CommandNotFound"


def test_no_server_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        command(str(tmp_path / "none.sock"), {"hello": 1})


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path that fits into a socket's address."""
    path = tmp_path_factory.mktemp("w") / "s"
    assert len(os.fsencode(path)) < 100
    return path


def test_a_closed_connection_is_an_os_error(short: Path) -> None:
    with (
        server(short, lambda connection: connection.sendall(b"\x20\0\0\0")),
        pytest.raises(ConnectionError, match="closed"),
    ):
        command(str(short), {"hello": 1})


def test_another_opcode_is_an_os_error(short: Path) -> None:
    other = b"\x10\0\0\0" + b"\0" * 8 + b"\x01\0\0\0"
    with server(short, lambda connection: connection.sendall(other)), pytest.raises(ConnectionError, match="opcode 1"):
        command(str(short), {"hello": 1})


def test_a_silent_server_is_an_os_error(short: Path) -> None:
    done = threading.Event()
    with server(short, lambda _: done.wait(10)):
        with pytest.raises(TimeoutError):
            command(str(short), {"hello": 1}, timeout=0.05)
        done.set()
