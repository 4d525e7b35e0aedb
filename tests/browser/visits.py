"""The way to what a page of the table is about: whose eyes, which language, what is put into its form."""

from __future__ import annotations

from typing import Any

from tests.browser.demo import NEW, OWNER, USER, Demo
from tests.browser.pages import DESKTOP, Page

__all__ = ["WHO", "Visits"]

WHO = {"user": USER, "owner": OWNER, "new": NEW}
"""The account of each role."""


class Visits:
    """Each role logs in once. `browser` is a `Browser`: selenium may be missing where pages are only counted."""

    def __init__(self, browser: Any, site: Demo) -> None:
        self._browser, self._site = browser, site
        self._cookies: dict[str, dict[str, str]] = {"": {}}

    def go(self, page: Page, language: str, width: int = DESKTOP) -> None:
        """What is looked at stands on the screen."""
        browser, place = self._browser, self._site.path(page.path)
        browser.forget()
        browser.remember({**self._of(page.role), "lang": language})
        browser.look(width=width)
        browser.go(place)
        if page.press:
            self._press(page)
        assert browser.path == (page.lands or place.partition("?")[0])

    def _press(self, page: Page) -> None:
        browser = self._browser
        browser.run("window.confirm = () => true")
        browser.fill(**{name: self._site.path(text) for name, text in page.fill.items()})
        if page.then:
            browser.find(page.press).click()
            browser.find(page.then)
            browser.until(lambda: browser.ready)
        else:
            browser.press(page.press)

    def _of(self, role: str) -> dict[str, str]:
        if role not in self._cookies:
            self._browser.log_in(WHO[role])
            self._cookies[role] = self._browser.cookies()
        return self._cookies[role]
