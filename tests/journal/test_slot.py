"""A slot is one process's, and everybody's once that is gone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tornadogw.errors import UsageError
from tornadogw.journal.slot import leftovers, take_slot


def test_each_takes_the_first_that_is_free(tmp_path):
    first, second = take_slot(tmp_path / "journal"), take_slot(tmp_path / "journal")
    assert (first.folder.name, second.folder.name) == ("slot-0", "slot-1")
    first.release()
    third = take_slot(tmp_path / "journal")
    assert third.folder.name == "slot-0"
    second.release()
    third.release()


def test_only_what_nobody_holds_and_has_segments_is_left_over(tmp_path):
    slots = [take_slot(tmp_path) for _ in range(3)]
    for slot in slots[:2]:
        slot.new_path(1).touch()
    assert list(leftovers(tmp_path)) == []
    slots[1].release()
    slots[2].release()
    found = list(leftovers(tmp_path))
    assert [each.folder.name for each in found] == ["slot-1"]
    assert [each.name for each in found[0].segments()] == ["0000000000000001.segment"]
    assert list(leftovers(tmp_path)) == []
    found[0].release()
    slots[0].release()


def test_a_lock_ends_with_its_process(tmp_path):
    code = (
        "import sys, pathlib; from tornadogw.journal.slot import take_slot;"
        "slot = take_slot(pathlib.Path(sys.argv[1])); slot.new_path(1).touch();"
        "print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert list(leftovers(tmp_path)) == []
        child.kill()
        child.wait()
        [slot] = leftovers(tmp_path)
        slot.release()


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "journal").write_text("a file")
    with pytest.raises(UsageError, match=r"journal = \"mongo\""):
        take_slot(tmp_path / "journal")
