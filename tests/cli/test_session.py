"""The database of a command: its own for the moment, that of a running `serve`, or the operator's."""

from __future__ import annotations

import os
import signal

EMPTY = {"PATH": "/nowhere", "TORNADOGW_MONGOD": ""}


def test_without_a_serve(alone, tmp_path):
    assert alone("account", "create", "a@example.com").code == 0
    assert [each["email"] for each in alone("account", "list", "--json").json["accounts"]] == ["a@example.com"]
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "data" / "mongod.json").exists()


def test_beside_a_running_serve(alone, start):
    gateway = start()
    gateway.read_until("ready in")
    assert alone("account", "create", "a@example.com").code == 0
    assert len(alone("account", "list", "--json").json["accounts"]) == 2
    assert gateway.stop() == 0
    assert len(alone("account", "list", "--json").json["accounts"]) == 2


def test_another_secret_is_refused(cli):
    assert cli("account", "list", TORNADOGW_SERVER__SECRET="first secret of the house").code == 0
    done = cli("account", "list", TORNADOGW_SERVER__SECRET="second secret of the house")
    assert done.code == 1
    assert "belongs to gateways with another secret" in done.err
    assert "second secret" not in done.err


def test_a_database_that_is_away(alone):
    done = alone("account", "list", TORNADOGW_MONGO__URL="mongodb://127.0.0.1:1", TORNADOGW_MONGO__TIMEOUT_MS="300")
    assert (done.code, done.out) == (1, "")
    assert "MongoDB is away" in done.err


def test_a_killed_serve_leaves_the_data_usable(alone, start):
    gateway = start()
    gateway.read_until("ready in")
    assert alone("account", "create", "a@example.com").code == 0
    os.kill(gateway.process.pid, signal.SIGKILL)
    gateway.process.wait(10)
    gateway.process.stdout.close()
    assert len(alone("account", "list", "--json").json["accounts"]) == 2
