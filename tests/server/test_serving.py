"""What the processes of one gateway tell each other."""

from __future__ import annotations

import pickle

import msgspec
import pytest

from tornadogw.accounts.first import Welcome
from tornadogw.server.serving import Failed, Job, Ready
from tornadogw.settings import load


def test_a_job_goes_through_a_pipe_with_all_settings(tmp_path):
    (tmp_path / "settings.toml").write_text("[server]\nport = 81\n[plugin.x]\nsince = 2026-01-02\n")
    job = Job(1, load(None, tmp_path, {}, {"server.host": "::1"}), tmp_path, True, (3, 4), 5)
    again = pickle.loads(pickle.dumps(job))
    assert again == job
    assert again.loaded.origin("server.host") == "flag --host"


@pytest.mark.parametrize("report", [Ready((), ("echo",), Welcome("a@b", "secret", "sk-1")), Failed("why")])
def test_a_report_goes_through_a_pipe(report):
    assert msgspec.json.decode(msgspec.json.encode(report), type=Ready | Failed) == report
    assert "sk-1" not in repr(report)
