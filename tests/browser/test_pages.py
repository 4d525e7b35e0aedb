"""Every page, in both languages and themes, on a desk and on a phone: clean for axe-core, not wider than its screen."""

from __future__ import annotations

import pytest

from tests.browser.pages import DESKTOP, PAGES, PHONE, THEMES
from tests.browser.visits import Visits

LANGUAGES = {"en": "en", "zh": "zh-CN"}


@pytest.fixture(scope="module")
def visits(started, site) -> Visits:
    return Visits(started, site)


@pytest.mark.parametrize("page", [page for page in PAGES if page.language == "en"], ids=lambda page: page.name)
def test_page(page, visits, browser) -> None:
    wrong = []
    for language, code in LANGUAGES.items():
        visits.go(page, language)
        assert browser.run("return document.documentElement.lang") == code
        for width in (DESKTOP, PHONE):
            for theme in THEMES:
                browser.look(theme=theme, width=width)
                place = f"{language} {theme} {width}: "
                wrong += [place + each for each in browser.axe()]
            wrong += [f"{place}too wide: {each}" for each in browser.too_wide()]
        if page.status != 200:
            told = browser.console()
            assert [each for each in told if f"status of {page.status} " not in each] == []
            assert told
    assert wrong == []
