"""The front door: what it exports, and that it costs nothing to pass."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tornadogw
from tornadogw import errors, hookspecs, shapes, types, vendor

ROOMS = (types, errors, vendor, hookspecs, shapes)


def test_every_name_is_there():
    for name in tornadogw.__all__:
        assert getattr(tornadogw, name) is not None


def test_names_are_the_rooms_own():
    for name in set(tornadogw.__all__) - {"__version__"}:
        (room,) = [room for room in ROOMS if name in room.__all__]
        assert getattr(tornadogw, name) is getattr(room, name)


def test_all_values_and_the_vendor_contract_are_exported():
    assert (set(types.__all__) - {"Value"}) | set(vendor.__all__) | set(shapes.__all__) <= set(tornadogw.__all__)
    assert {"Cannot", "Refused", "Unreadable", "UsageError", "hookimpl"} <= set(tornadogw.__all__)


def test_names_are_sorted_and_the_same_for_type_checkers():
    tree = ast.parse(Path(tornadogw.__file__).read_text())
    (guarded,) = [node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name)]
    seen = [alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted([*seen, "__version__"]) == sorted(tornadogw.__all__)
    assert tornadogw.__all__ == sorted(tornadogw.__all__)
    assert set(tornadogw.__all__) <= set(dir(tornadogw))


def test_an_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = tornadogw.Nonsense
    with pytest.raises(AttributeError):
        _ = tornadogw.SettingsError  # a room's, but not for plugins


def test_the_version_is_that_of_the_distribution():
    setup = (Path(__file__).parents[1] / "setup.py").read_text()
    assert f'version="{tornadogw.__version__}"' in setup


def test_passing_the_door_imports_no_room():
    code = "import sys, tornadogw; print([name for name in sys.modules if name.startswith(('tornadogw.', 'pluggy'))])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.strip() == "[]"
