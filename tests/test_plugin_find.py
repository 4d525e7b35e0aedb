"""Where plugins come from, and whose files are run."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import msgspec
import pytest

from tornadogw.errors import SettingsError, UsageError
from tornadogw.plugin_find import Found, PluginInfo, built_in, drop_ins, packages, read_trusted


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "plugins.d"
    made.mkdir(mode=0o755)
    yield made
    for name in [name for name in sys.modules if name.startswith("tornadogw_plugin_")]:
        del sys.modules[name]


def drop(folder, name, text):
    path = folder / name
    path.write_text(text)
    path.chmod(0o644)
    return path


def test_the_gateways_own_come_through_the_same_door():
    found = {plugin.name: plugin for plugin in built_in()}
    assert set(found) == {"rows", "echo"}
    assert all(plugin.info.tier == "core" and plugin.info.origin == "built in" for plugin in found.values())
    assert all(isinstance(plugin.load(), type) for plugin in found.values())


@dataclass
class Distribution:
    name: str
    version: str = "1.2"


def point(name, distribution, value="no_such_module:Thing"):
    made = EntryPoint(name, value, "tornadogw")
    vars(made).update(dist=Distribution(distribution))
    return made


def test_packages_are_found_without_being_imported():
    (found,) = packages([point("acme", "acme-for-gateways")])
    assert found.info == PluginInfo("acme", "1.2", "package acme-for-gateways", "community")
    with pytest.raises(ModuleNotFoundError):
        found.load()


def test_packages_that_our_suite_covers_are_verified():
    (found,) = packages([point("jsonlines", "tornadogw-jsonlines")])
    assert found.info.tier == "verified"


def test_installed_packages_are_asked_for_by_default():
    assert all(isinstance(found, Found) for found in packages())


def test_files_are_found_in_order_and_run_when_loaded(folder):
    drop(folder, "b.py", "VALUE = __name__\n")
    drop(folder, "a-1.py", "raise AssertionError('not now')\n")
    drop(folder, "_helper.py", "")
    drop(folder, ".hidden.py", "")
    drop(folder, "notes.txt", "")
    first, second = drop_ins(folder, required=True)
    assert (first.name, second.name) == ("a-1", "b")
    assert second.info.origin == f"file {folder / 'b.py'}"
    assert second.is_file
    module = second.load()
    assert module.VALUE == "tornadogw_plugin_b"
    assert module.__file__ == str(folder / "b.py")


def test_annotations_of_a_file_can_be_looked_up(folder):
    drop(
        folder,
        "typed.py",
        "from __future__ import annotations\nimport msgspec\nclass Inner(msgspec.Struct):\n    n: int = 1\n"
        "class Table(msgspec.Struct):\n    inner: Inner = msgspec.field(default_factory=Inner)\n",
    )
    (found,) = drop_ins(folder, required=True)
    assert msgspec.convert({"inner": {"n": 2}}, found.load().Table).inner.n == 2


def test_a_file_that_fails_leaves_no_module(folder):
    drop(folder, "bad.py", "1/0\n")
    (found,) = drop_ins(folder, required=True)
    with pytest.raises(ZeroDivisionError):
        found.load()
    assert "tornadogw_plugin_bad" not in sys.modules


def test_no_byte_code_is_kept(folder):
    drop(folder, "a.py", "")
    (found,) = drop_ins(folder, required=True)
    found.load()
    assert [path.name for path in folder.iterdir()] == ["a.py"]


def test_a_folder_that_is_not_there(tmp_path):
    assert list(drop_ins(tmp_path / "none", required=False)) == []
    with pytest.raises(SettingsError, match=r"plugins\.folder = .*none'"):
        list(drop_ins(tmp_path / "none", required=True))


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646])
def test_a_file_that_others_can_write_is_not_run(mode, folder):
    path = drop(folder, "a.py", "raise AssertionError('run')")
    path.chmod(mode)
    (found,) = drop_ins(folder, required=True)
    with pytest.raises(UsageError, match=f"{path} can be written by others: run chmod go-w {path}"):
        found.load()


def test_a_folder_that_others_can_write_holds_nothing_that_is_run(folder):
    drop(folder, "a.py", "raise AssertionError('run')")
    folder.chmod(0o777)
    (found,) = drop_ins(folder, required=True)
    with pytest.raises(UsageError, match=f"{folder} can be written by others"):
        found.load()


def test_a_link_is_judged_by_where_it_leads(folder, tmp_path):
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    drop(open_to_all, "target.py", "raise AssertionError('run')")
    open_to_all.chmod(0o777)
    (folder / "a.py").symlink_to(open_to_all / "target.py")
    with pytest.raises(UsageError, match=f"{open_to_all} can be written by others"):
        read_trusted(folder / "a.py")


@pytest.mark.parametrize("owned", ["file", "folder"])
def test_only_our_files_and_those_of_root_are_run(owned, folder, monkeypatch):
    """Seen from another user: what is ours now belongs to a stranger; run as root, the file is given away instead."""
    path = drop(folder, "a.py", "")
    if os.geteuid() == 0:
        os.chown(path if owned == "file" else folder, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(UsageError, match="must belong to us or root"):
        read_trusted(path)
