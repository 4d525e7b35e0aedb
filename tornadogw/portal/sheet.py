"""Tables as CSV, for spreadsheets: no cell is run by one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

__all__ = ["formula_safe", "line", "sheet"]

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
"""What makes a spreadsheet run a cell instead of showing it; where Chinese is written, the wide ones do, too."""


def formula_safe(cell: str | int) -> str | int:
    """A text that a spreadsheet would run gets a quote before it; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def line(cells: Iterable[str | int]) -> str:
    """One line, without its end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([formula_safe(cell) for cell in cells])
    return text.getvalue()


def sheet(rows: Iterable[Sequence[str | int]]) -> str:
    """All lines, each with its end."""
    return "".join(f"{line(row)}\r\n" for row in rows)
