"""What is printed, and where."""

from __future__ import annotations

import json
import logging

import pytest

from tornadogw.cli.output import Output, logs_on_stderr


@pytest.mark.parametrize(("as_json", "printed"), [(False, "a 中\nb\n"), (True, None)])
def test_a_result(as_json, printed, capfdbinary):
    Output(as_json=as_json, language="en").give({"x": ["中", 1]}, lambda: ["a 中", "b"])
    out, err = capfdbinary.readouterr()
    assert err == b""
    if printed is None:
        assert json.loads(out) == {"x": ["中", 1]}
        assert "中" in out.decode()
    else:
        assert out.decode() == printed


def test_lines_are_not_made_for_programs():
    Output(as_json=True, language="en").give({}, lambda: pytest.fail("nobody reads them"))


def test_text_that_is_no_text_is_printed_all_the_same(capfdbinary):
    Output(as_json=False, language="en").give({}, lambda: ["a\udcff"])
    Output(as_json=True, language="en").give({"a": "\udcff"}, list)
    out, _ = capfdbinary.readouterr()
    assert out.startswith(b"a?\n")
    assert json.loads(out[3:]) == {"a": "?"}


@pytest.mark.parametrize(("language", "word"), [("zh", "错误: gone\n"), ("en", "Error: gone\n")])
def test_failure(language, word, capfdbinary):
    Output(as_json=False, language=language).fail("gone")
    Output(as_json=True, language=language).fail("gone")
    out, err = capfdbinary.readouterr()
    assert json.loads(out) == {"error": "gone"}
    assert err.decode() == word * 2


def test_columns_are_as_wide_as_they_need(capfdbinary):
    out = Output(as_json=False, language="zh")
    assert list(out.table([("名", "NAME"), ("数", "N")], [["甲乙", "1"], ["a", "22"]])) == [
        "名    数",
        "甲乙  1",
        "a     22",
    ]


def test_logs_go_to_stderr_without_secrets(capfdbinary):
    with logs_on_stderr():
        logging.getLogger("tornadogw.x").info("unheard")
        logging.getLogger("tornadogw.x").warning("key sk-abcdefgh12345678 is odd")
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert b"is odd" in err
    assert b"unheard" not in err
    assert b"abcdefgh" not in err
