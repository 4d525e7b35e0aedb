"""`tornadogw` and `python -m tornadogw`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tornadogw import __main__ as room


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "tornadogw", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("tornadogw ")


def test_the_exit_status_is_the_commands(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tornadogw", "frob"])
    with pytest.raises(SystemExit) as caught:
        room.main()
    assert caught.value.code == 1


def test_only_serve_needs_the_server():
    code = "import sys, tornadogw.__main__; sys.exit('tornadogw.server' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
