"""A real browser: Debian's Chromium without a window, what it says on its console, and axe-core in its pages."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser.demo import PASSWORD
from tests.browser.pages import DESKTOP, PHONE
from tests.shared import lacking, program

__all__ = ["AXE", "Browser", "axe_script", "chromium"]

HEIGHT = 900
WAIT = 30.0
"""Seconds for which a condition is waited for: a slow machine is no defect of a page."""
AXE = "TORNADOGW_AXE"
"""The variable that names axe-core's script, or the folder of node_modules that has it."""
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
    "--no-default-browser-check",
    "--force-color-profile=srgb",
    "--lang=en-US",
)


def axe_script() -> str:
    """The text of axe-core, which `npm install axe-core` brings."""
    named = [Path(each) for name in (AXE, "NODE_PATH") for each in os.environ.get(name, "").split(os.pathsep) if each]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tornadogw-axe/node_modules"
    for place in (*named, cache):
        for file in (place, place / "axe-core/axe.min.js"):
            if file.is_file():
                return file.read_text(encoding="utf-8")
    return lacking(
        f"no axe-core: npm install axe-core, and set {AXE} to its axe.min.js or to the node_modules around it"
    )


class Browser:
    """One Chromium at one site. Whoever uses it ends with `check_console`."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver, self.url = driver, url
        self._axe = ""

    # --- going places --------------------------------------------------------------------------------------------

    def go(self, path: str) -> None:
        self.driver.get(self.url + path)

    @property
    def path(self) -> str:
        return urlsplit(self.driver.current_url).path

    def look(self, *, theme: str = "light", width: int = DESKTOP, height: int = HEIGHT) -> None:
        """What the page believes of its screen and of what its reader prefers."""
        features = [
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self._cdp("Emulation.setEmulatedMedia", features=features)
        self._cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width == PHONE
        )

    def forget(self) -> None:
        """Nobody is logged in and no language is chosen; the page that was there, which might renew itself, is left."""
        self.driver.get("about:blank")
        self._cdp("Network.clearBrowserCookies")

    def cookies(self) -> dict[str, str]:
        return {each["name"]: each["value"] for each in self.driver.get_cookies()}

    def remember(self, cookies: Mapping[str, str]) -> None:
        """These, from before."""
        for name, value in cookies.items():
            self._cdp("Network.setCookie", url=self.url, name=name, value=value)

    def log_in(self, email: str, password: str = PASSWORD) -> None:
        self.forget()
        self.go("/login?lang=en")
        self.fill(email=email, password=password)
        self.press("main form .button")
        self.until(lambda: self.path.startswith("/console"))

    # --- what a person does ---------------------------------------------------------------------------------------

    def find(self, selector: str) -> WebElement:
        """Once it is there."""
        return self.until(lambda: next(iter(self.all(selector)), None), selector)

    def all(self, selector: str) -> Sequence[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def fill(self, **fields: str) -> None:
        """By the fields' names, or as `#id`. A box is ticked."""
        for name, text in fields.items():
            field = self.find(name if name.startswith("#") else f'main [name="{name}"]')
            if field.tag_name == "select":
                field.find_element(By.CSS_SELECTOR, f'option[value="{text}"]').click()
            elif field.get_attribute("type") == "checkbox":
                field.click()
            else:
                field.clear()
                field.send_keys(text)

    def press(self, selector: str) -> None:
        """A button or link; the page that it leads to is there when this returns."""
        before = self.find("html")
        self.find(selector).click()
        self.until(lambda: self.find("html") != before and self.ready, selector)

    @property
    def ready(self) -> bool:
        return self.run("return document.readyState") == "complete"

    @property
    def text(self) -> str:
        """What can be read on the page, without the frame."""
        return self.find("main").text

    def says(self, *words: str) -> None:
        """The page has these words, soon."""
        for each in words:
            self.until(lambda each=each: each in self.text, f"{each!r} on {self.driver.current_url}")

    def until(self, true: Callable[[], Any], what: str = "") -> Any:
        return WebDriverWait(self.driver, WAIT, poll_frequency=0.05).until(lambda _: true(), what)

    # --- below what a person does ---------------------------------------------------------------------------------

    def run(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def wait_for(self, script: str, *values: Any) -> Any:
        """What the promise comes to that `script` returns."""
        done = "const [end, ...given] = [arguments[arguments.length - 1], ...arguments];"
        wrapped = f"{done} (async (...given) => {{ {script} }})(...given).then(end, (e) => end({{failed: String(e)}}));"
        return self.driver.execute_async_script(wrapped, *values)

    def axe(self) -> list[str]:
        """A line for each serious or critical violation of the page."""
        self._axe = self._axe or axe_script()
        if not self.run("return Boolean(window.axe)"):
            self._cdp("Runtime.evaluate", expression=self._axe + "; 0")
        found = self.wait_for("return (await axe.run(document, {resultTypes: ['violations']})).violations")
        assert isinstance(found, list), found
        return [
            f"{each['id']} ({each['impact']}): {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    def too_wide(self) -> list[str]:
        """What makes the page wider than its screen."""
        return self.run(
            """const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.querySelectorAll('body *')].filter((each) => each.getBoundingClientRect().right > width
              && !each.closest('.wide, pre, .menu')).map((each) => each.outerHTML.slice(0, 160));"""
        ) or (["the page"] if self.run("return document.documentElement.scrollWidth > innerWidth") else [])

    def clipboard(self) -> str:
        self._cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        return str(self.wait_for("return await navigator.clipboard.readText()"))

    def picture(self, file: Path) -> None:
        """The whole page, as high as it is."""
        shot = self._cdp("Page.captureScreenshot", format="png", captureBeyondViewport=True, optimizeForSpeed=False)
        file.write_bytes(base64.b64decode(shot["data"]))

    def console(self) -> list[str]:
        """Errors that its console got since it was asked last."""
        return [each["message"] for each in self.driver.get_log("browser") if each["level"] == "SEVERE"]

    def _cdp(self, command: str, **values: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, values)


@contextmanager
def chromium(url: str, folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in `folder`, gone afterwards. Nothing is downloaded."""
    options, profile = webdriver.ChromeOptions(), folder / "profile"
    options.binary_location = program("chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(program("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.set_script_timeout(WAIT)
        driver.set_page_load_timeout(WAIT)
        browser = Browser(driver, url)
        browser.look()
        yield browser
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
