"""`tornadogw serve` as a subprocess, warnings being errors, on a free port with a private MongoDB of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LANGUAGE = ("LC_ALL", "LC_MESSAGES", "LANG")


def environment(**extra: str) -> dict[str, str]:
    """Ours, without what the developer's own gateway may have set, in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TORNADOGW_", *LANGUAGE))}
    return {**kept, "LANG": "en_US.UTF-8", **extra}


class Gateway:
    """A running `serve`."""

    def __init__(self, data: Path, words: tuple[str, ...], extra: dict[str, str]) -> None:
        self.log = data.with_suffix(".log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tornadogw", "--data", str(data), "serve", "--port", "0", *words],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=environment(**extra),
            )

    def read_until(self, end: str) -> str:
        """What it says up to the line that starts with `end`, which it flushes while it runs on."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith(end):
                return "".join(lines)
        raise AssertionError(f"it ended early: {''.join(lines)} {self.log.read_text()}")

    def stop(self) -> int:
        assert self.process.stdout is not None
        self.process.terminate()
        code = self.process.wait(30)
        self.process.stdout.close()
        return code
