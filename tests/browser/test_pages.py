"""Every page, in both languages and themes, on a desk and on a phone: clean for axe-core, not wider than its screen."""

from __future__ import annotations

import pytest

from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.demo import OWNER, USER
from tests.browser.pages import PAGES, THEMES

WHO = {"user": USER, "owner": OWNER}


@pytest.fixture(scope="module")
def cookies(started):
    """Of each role's login."""
    found = {"": []}
    for role, email in WHO.items():
        started.log_in(email)
        found[role] = started.driver.get_cookies()
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page, site, cookies, browser) -> None:
    for cookie in cookies[page.role]:
        browser.driver.add_cookie(cookie)
    wrong = []
    for language in ("en", "zh"):
        browser.go(f"{site.path(page.path)}?lang={language}")
        assert browser.path == site.path(page.path)
        assert browser.run("return document.documentElement.lang") == {"en": "en", "zh": "zh-CN"}[language]
        for width in (DESKTOP, PHONE):
            for theme in THEMES:
                browser.look(theme=theme, width=width)
                place = f"{language} {theme} {width}: "
                wrong += [place + each for each in browser.axe()]
            wrong += [f"{place}too wide: {each}" for each in browser.too_wide()]
    assert wrong == []
