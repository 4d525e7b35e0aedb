"""Each page of the table has its pictures, small ones, and docs/screenshots/README.md leads to them."""

from __future__ import annotations

from tests.browser.pages import PAGES, files
from tests.shared import ROOT

FOLDER = ROOT / "docs/screenshots"
LARGEST = 250_000


def test_every_page_has_its_pictures_and_no_picture_is_left_over() -> None:
    wanted = {name for page in PAGES for name in files(page)}
    assert {each.name for each in FOLDER.glob("*.png")} == wanted
    linked = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in wanted if f"]({name})" not in linked] == []
    assert [each.name for each in FOLDER.glob("*.png") if each.stat().st_size > LARGEST] == []
