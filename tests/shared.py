"""The folder `shared` beside the checkout, for tests that need what lies there: tools and the seed document."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from tornadogw.testing.recordings import (
    VARIABLE,
    MissingRecordings,
    Recording,
    find_recordings,
    load_recordings,
    skip_without,
)

ROOT = Path(__file__).parents[1]


def lacking(why: str) -> NoReturn:
    """One line that says what is not here; where CI needs it, a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why, allow_module_level=True)


def shared(name: str) -> Path:
    """A file of the folder, sought where recordings are: in the named folder, around it, beside the checkout."""
    named = os.environ.get(VARIABLE)
    folders = [*([Path(named), Path(named).parent] if named else []), ROOT.parent / "shared"]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    lacking(f"no {name} in {folders[-1]}; set {VARIABLE} to a folder that has it")


def recordings_folder() -> Path:
    """Where recordings are. Without any: one skip that says so; where CI needs them, a failure."""
    try:
        return find_recordings(ROOT, os.environ)
    except MissingRecordings as missing:
        skip_without(missing)


def recordings(*vendors: str) -> list[Recording]:
    """Those of these vendors, or of all."""
    return load_recordings(recordings_folder(), vendors)


def program(name: str) -> str:
    """The path of an installed program."""
    return shutil.which(name) or lacking(f"no {name} on the PATH")
