"""A copy of the checkout to plant breaches in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("tornadogw", "plugins", "tests", "docs", "settings", "bench", ".ci")
IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "recorded", ".hypothesis")

Wall = Callable[[Path], list[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of the checkout that walls look at, copied once."""
    folder = tmp_path_factory.mktemp("workshop")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=IGNORED)
    for path in (*ROOT.glob("*.md"), ROOT / ".importlinter", ROOT / "setup.py"):
        shutil.copy2(path, folder)
    return folder


@pytest.fixture
def copy(workshop: Path) -> Iterator[Path]:
    """A copy of the checkout that a test may spoil; it is mended afterwards."""
    before = _state(workshop)
    yield workshop
    after = _state(workshop)
    for name in after.keys() - before.keys():
        (workshop / name).unlink()
    for name in before:
        if after.get(name) != before[name]:
            shutil.copy2(ROOT / name, workshop / name)


@pytest.fixture(scope="session")
def said(root: Path) -> dict[Wall, set[str]]:
    """What each wall says of the checkout."""
    return {}


@pytest.fixture
def new(root: Path, copy: Path, said: dict[Wall, set[str]]) -> Callable[[Wall], list[str]]:
    """What a wall says of the copy and not of the checkout: `new(walls.long_files)`."""

    def ask(wall: Wall) -> list[str]:
        if wall not in said:
            said[wall] = set(wall(root))
        return [breach for breach in wall(copy) if breach not in said[wall]]

    return ask


def _state(folder: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            status = path.stat()
            found[path.relative_to(folder).as_posix()] = (status.st_mtime_ns, status.st_size, status.st_mode)
    return found
