"""The step between a new interpreter and the gateway's own code."""

from __future__ import annotations

import pickle
import subprocess
import sys

from tornadogw.server import worker_exec


def test_code_is_looked_for_where_the_supervisor_does_and_nowhere_else(tmp_path):
    """The current folder may hold anything."""
    package = tmp_path / "code" / "tornadogw" / "server"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    (package / "worker.py").write_text("def work(job, orders):\n    print(job, orders.read())\n    return 7\n")
    (tmp_path / "pickle.py").write_text("raise SystemExit('found in the current folder')")
    orders = pickle.dumps(([str(tmp_path / "code"), *sys.path], b"job")) + b"more"
    done = subprocess.run(
        [sys.executable, "-P", worker_exec.__file__], input=orders, capture_output=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stdout) == (7, b"b'job' b'more'\n"), done.stderr
