"""`tornadogw vendor new`: what it writes is a plugin, and its suite fails only where the author has work to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tornadogw.cli.vendor_new import write_package
from tornadogw.errors import UsageError

ROOT = Path(__file__).parents[2]


def python(*arguments, cwd, **environ):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_its_suite_fails_exactly_where_there_is_work(alone, tmp_path):
    folder = Path(alone("vendor", "new", "acme-cloud", "--into", str(tmp_path), "--json").json["folder"])
    path = os.pathsep.join([str(folder), str(ROOT)])
    options = ("-q", "-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider", "-W", "error", "-rf")
    done = python("-m", "pytest", *options, "tests", cwd=folder, PYTHONPATH=path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    to_do = re.findall(
        r"^(\w+) = .*# to do: ", (folder / "tornadogw_acme_cloud/quality.toml").read_text(), re.MULTILINE
    )
    assert len(to_do) == 9
    assert sorted(re.findall(r"^FAILED \S+::test_(\w+)", done.stdout, re.MULTILINE)) == sorted(to_do), done.stdout
    assert "8 passed" in done.stdout


def test_it_builds_and_is_found_and_checked(alone, tmp_path):
    folder = Path(alone("vendor", "new", "acme", "--into", str(tmp_path), "--json").json["folder"])
    target = tmp_path / "site"
    target.mkdir()
    built = ("build", "--build-base", str(tmp_path / "build"), "--build-lib", str(target))
    done = python("setup.py", "-q", *built, "egg_info", "--egg-base", str(target), cwd=folder)
    assert done.returncode == 0, done.stderr
    (distribution,) = [each for each in metadata.distributions(path=[str(target)]) if each.name == "tornadogw-acme"]
    assert [point.value for point in distribution.entry_points.select(group="tornadogw")] == ["tornadogw_acme"]
    assert (target / "tornadogw_acme/py.typed").exists()
    path = os.pathsep.join([str(target), str(ROOT)])
    (plugin,) = [each for each in alone("plugins", "--json", PYTHONPATH=path).json["plugins"] if each["name"] == "acme"]
    assert plugin["vendors"] == ["acme"]
    checked = alone("vendor", "check", "acme", "--suite", str(folder / "tests"), "--json", PYTHONPATH=path)
    assert checked.code == 1
    assert {line["rule"] for line in checked.json["rules"] if line["state"] == "failed"} >= {"requests", "truncation"}


def test_it_is_typed_and_tidy(tmp_path):
    folder, files = write_package("acme", tmp_path)
    assert "tests/test_suite.py" in files
    done = python("-m", "mypy", "--strict", "--no-incremental", "tornadogw_acme", cwd=folder, MYPYPATH=str(ROOT))
    assert done.returncode == 0, done.stdout
    for file in files:
        assert not re.search(r"@\w+@", (folder / file).read_text()), file


@pytest.mark.parametrize(
    "name", ["", "Acme", "acme cloud", "-acme", "acme-", "../acme", "1acme", "a" * 41, "acme_x", "true"]
)
def test_a_name_that_cannot_be(name, tmp_path):
    with pytest.raises(UsageError, match="name"):
        write_package(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(alone, tmp_path):
    (tmp_path / "tornadogw-acme").mkdir()
    done = alone("vendor", "new", "acme", "--into", str(tmp_path))
    assert done.code == 1
    assert "nothing is overwritten" in done.err
    assert list((tmp_path / "tornadogw-acme").iterdir()) == []
