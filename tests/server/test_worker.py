"""A worker: how its stop ends, and what it says when it cannot start. Real processes, real signals."""

from __future__ import annotations

import http.client
import io
import os
import pickle
import select
import socket
import urllib.request

import msgspec
import pytest

from tornadogw.server.child import Child
from tornadogw.server.serving import Failed, Job, Report
from tornadogw.server.worker import work
from tornadogw.settings import load


def test_a_stop_cuts_what_takes_too_long(launch):
    gateway, client = launch(server__drain="0.3")
    with client.slow(300) as response:
        assert response.readline().startswith(b"data: {")
        gateway.process.terminate()
        with pytest.raises(http.client.IncompleteRead) as caught:
            response.read()
    assert b"[DONE]" not in caught.value.partial
    assert gateway.process.wait(20) == 0
    assert "1 answers are cut short" in gateway.log.read_text()


@pytest.fixture
def tried(tmp_path):
    """What a worker in this process reports and returns, with settings that no gateway can have."""

    def tried(orders: bytes, toml: str = "") -> tuple[int, Report | None]:
        (tmp_path / "settings.toml").write_text(toml)
        ours, theirs = os.pipe()
        listening = socket.create_server(("127.0.0.1", 0))
        job = Job(0, load(None, tmp_path, {}, {}), tmp_path, False, (listening.detach(),), theirs)
        code = work(pickle.dumps(job), io.BytesIO(orders))
        if not code or not orders:
            os.close(theirs)
        with os.fdopen(ours, "rb") as pipe:
            said = pipe.read()
        return code, msgspec.json.decode(said, type=Failed) if said else None

    return tried


def test_settings_that_no_gateway_can_have(tried):
    code, report = tried(
        pickle.dumps("mongodb://127.0.0.1:1"), "[[upstreams]]\nname = 'a'\nvendor = 'nobody'\nkeys = ['sk-x']\n"
    )
    assert code == 1
    assert "nobody" in report.why


def test_a_supervisor_that_has_gone_already(tried):
    assert tried(b"") == (1, None)


def test_what_nobody_expected(tried):
    code, report = tried(b"no pickle")
    assert code == 1
    assert report.why.startswith("This is a mistake in tornadogw: UnpicklingError")


def test_a_database_that_does_not_answer(tried, claim_log):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        code, report = tried(pickle.dumps(f"mongodb://127.0.0.1:{port}"), "[mongo]\ntimeout_ms = 100\n")
    assert code == 1
    assert "Is the address in `mongo.url` right" in report.why


def test_a_supervisor_that_does_not_hear_that_it_answers(mongod, mongo, tmp_path, capfd):
    words = {"TORNADOGW_MONGO__DATABASE": mongo.database.name}
    child = Child(0, load(None, tmp_path, words, {}), 0)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        child.start(tmp_path, (listening,), log_json=False)
        try:
            os.close(child.fileno())
            child._report = -1  # as after a kill -9 of the supervisor
            child.go(mongod.url)
            with urllib.request.urlopen(f"http://127.0.0.1:{listening.getsockname()[1]}/readyz", timeout=30) as answer:
                assert answer.status == 200
            child.stop(30)
            end = os.pidfd_open(child.pid)
            assert select.select([end], [], [], 30)[0]
            os.close(end)
            assert child.ended() == 0
        finally:
            child.close()
    said = capfd.readouterr().err
    assert "stopping: 0 answers are running" in said
    assert "Error" not in said
