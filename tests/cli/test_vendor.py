"""`tornadogw vendor check` on a row, a package and a drop-in file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.shared import recordings_folder
from tornadogw.testing import RULES

ROOT = Path(__file__).parents[2]
TOY = (ROOT / "tests/testing/toy.py").read_text(encoding="utf-8")
HOOK = "\n\nfrom tornadogw import hookimpl\n\n\n@hookimpl\ndef gw_register_vendors(register):\n    register(Toy())\n"
SUITE = """
from tests.testing.toy import ToySuite


class TestToy(ToySuite):  # a VendorSuite
    pass
"""


@pytest.fixture
def recorded():
    return str(recordings_folder())


@pytest.fixture
def drop_in(tmp_path):
    """The toy vendor as an operator's file."""
    folder = tmp_path / "data/plugins.d"
    folder.mkdir(parents=True, mode=0o755)
    (folder / "toy.py").write_text(TOY + HOOK)
    (folder / "toy.py").chmod(0o644)
    return folder / "toy.py"


def states(done) -> dict[str, str]:
    return {line["rule"]: line["state"] for line in done.json["rules"]}


def test_a_row_with_recordings(alone, recorded):
    done = alone("vendor", "check", "deepseek", "--json", TORNADOGW_RECORDINGS=recorded)
    assert done.code == 0, done.err
    assert (done.json["vendor"], done.json["suite"], done.json["ok"]) == ("deepseek", "", True)
    assert states(done).keys() == RULES.keys()
    assert {rule for rule, state in states(done).items() if state == "exempt"} == {"requests", "extras"}


def test_a_row_without_recordings_says_what_it_could_not_look_at(alone, tmp_path):
    (tmp_path / "recorded/other").mkdir(parents=True)
    (tmp_path / "recorded/other/1.json").write_text("{}")
    out = alone("vendor", "check", "minimax", TORNADOGW_RECORDINGS=str(tmp_path)).out
    assert out.splitlines()[0].split() == ["RULE", "RESULT", "MEANING"]
    assert "exempt" in next(line for line in out.splitlines() if line.startswith("truncation"))
    assert "no recordings of minimax here" in out
    assert "passed" in next(line for line in out.splitlines() if line.startswith("never_silent"))


def test_a_drop_in_file_with_the_suite_that_is_named(alone, drop_in, tmp_path):
    suite = tmp_path / "test_toy.py"
    suite.write_text(SUITE)
    done = alone("vendor", "check", "toy", "--suite", str(suite), "--json", PYTHONPATH=str(ROOT))
    assert done.code == 0, done.err
    assert done.json["suite"] == str(suite)
    assert set(states(done).values()) == {"passed"}


def test_a_rule_that_fails_is_told_and_fails_the_command(alone, drop_in, tmp_path):
    drop_in.write_text(
        drop_in.read_text().replace("return [] if memo.done else [Failure(", "return [] if True else [Failure(")
    )
    suite = tmp_path / "test_toy.py"
    suite.write_text(SUITE)
    done = alone("vendor", "check", "toy", "--suite", str(suite), PYTHONPATH=str(ROOT))
    assert done.code == 1
    assert "FAILED" in next(line for line in done.out.splitlines() if line.startswith("truncation"))
    assert "taken for whole" in done.out
    assert "1 of 16 rules failed." in done.err


def test_a_package_brings_its_own_suite(alone, recorded, tmp_path):
    package = tmp_path / "anthropic"
    shutil.copytree(ROOT / "plugins/anthropic", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "tornadogw_anthropic.egg-info").mkdir()
    (package / "tornadogw_anthropic.egg-info/PKG-INFO").write_text(
        "Metadata-Version: 2.1\nName: tornadogw-anthropic\nVersion: 0.1.0\n"
    )
    (package / "tornadogw_anthropic.egg-info/entry_points.txt").write_text(
        "[tornadogw]\nanthropic = tornadogw_anthropic\n"
    )
    path = os.pathsep.join([str(package), str(ROOT)])
    done = alone("vendor", "check", "anthropic", "--json", PYTHONPATH=path, TORNADOGW_RECORDINGS=recorded)
    assert done.code == 0, done.err
    assert done.json["suite"] == str(package / "tests/test_suite.py")
    assert states(done)["truncation"] == "passed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("deepsek",), "did you mean"),
        (("deepseek", "--suite", str(ROOT / "tests/cli/conftest.py")), "holds no VendorSuite"),
    ],
)
def test_what_cannot_be_checked_is_a_sentence(words, said, alone):
    done = alone("vendor", "check", *words, "--json")
    assert done.code == 1
    assert said in done.json["error"]


def test_without_the_extra_it_says_what_is_missing(alone, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'hypothesis' else find(name, package)\n"
    )
    done = alone("vendor", "check", "deepseek", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert done.code == 1
    assert "needs hypothesis: pip install 'tornadogw[test]'" in done.err
