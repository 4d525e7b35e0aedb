from __future__ import annotations

import pytest

from tornadogw.portal.sheet import formula_safe, line, sheet


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠SUM(A1)"]
)
def test_no_cell_is_run_by_a_spreadsheet(cell) -> None:
    assert formula_safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", [-1, 0, "", "a=b", "1", " =1", "中"])
def test_numbers_and_harmless_texts_stay(cell) -> None:
    assert formula_safe(cell) == cell


def test_lines_have_ends_and_quotes() -> None:
    assert line(["a,b", 'c"', -1]) == '"a,b","c""",-1'
    assert sheet([["model", "cost"], ["=m", -5]]) == "model,cost\r\n'=m,-5\r\n"
