"""Each page that people see stands in the table, with small pictures, and docs/screenshots/README.md leads to them."""

from __future__ import annotations

from tests.browser.pages import PAGES, files
from tests.shared import ROOT
from tornadogw.app import Route, pages
from tornadogw.portal.page import PageHandler
from tornadogw.portal.supply import NEW, SupplyPage

FOLDER = ROOT / "docs/screenshots"
LARGEST = 250_000
NOTHING_TO_SEE = {
    "/login/oidc": "leads to the provider; what goes wrong looks as at /login/oidc/back",
    "/console/calls.csv": "a file",
    "/console/playground/": "JSON, for the script of the playground",
}


def seen(route: Route) -> bool:
    """Whether a browser is shown something there."""
    return issubclass(route.handler, PageHandler) and "GET" in route.handler.verbs


def below(path: str) -> set[str]:
    """Pages in the table under this path, without what they ask for."""
    return {each.path.partition("?")[0] for each in PAGES if each.path.startswith(path)} - {path}


def test_no_page_that_people_see_is_left_out() -> None:
    routes = [route for route in pages() if seen(route)]
    there = {each.lands or each.path.partition("?")[0] for each in PAGES}
    missing = {route.path for route in routes if not (below(route.path) if route.rest else route.path in there)}
    assert missing == set(NOTHING_TO_SEE)


def test_what_operators_edit_is_seen_new_and_as_it_is() -> None:
    edited = [route.path for route in pages() if issubclass(route.handler, SupplyPage)]
    assert len(edited) == 2
    for path in edited:
        assert f"{path}{NEW}" in below(path)
        assert len(below(path)) > 2, "one of the database, one of the file"


def test_every_page_has_its_pictures_and_no_picture_is_left_over() -> None:
    wanted = {name for page in PAGES for name in files(page)}
    assert {each.name for each in FOLDER.glob("*.png")} == wanted
    linked = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in wanted if f"]({name})" not in linked] == []
    assert [each.name for each in FOLDER.glob("*.png") if each.stat().st_size > LARGEST] == []
