"""Pictures of every page into docs/screenshots/, from a gateway with a month of made-up use: `tox -e screenshots`."""

from __future__ import annotations

import socket
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.browser.chromium import PHONE, Browser, chromium
from tests.browser.demo import OWNER, USER, demo
from tests.browser.pages import PAGES, THEMES, Page, files

FOLDER = Path(__file__).with_name("screenshots")
HIGHEST = 1600
"""Pixels of a picture; what is below repeats what is above."""
COLOURS = 128
ELSEWHERE = """
const walk = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  for (const [name, instead] of arguments[0]) {
    const data = walk.currentNode.data.replaceAll(name, instead);
    if (data !== walk.currentNode.data) walk.currentNode.data = data;
  }
  walk.currentNode.data = walk.currentNode.data.replace(/mongodb:[^"]*[.]sock[^"]*/, 'mongodb://db1,db2,db3/?replicaSet=rs0');
}
"""
"""Names of the machine on which pictures are made stand in none."""
WHO = {"user": USER, "owner": OWNER}


INDEX = """# Pictures of the pages

Each page in both themes, some on a phone; made by `tox -e screenshots` from a gateway with a month of made-up use.

"""


def index() -> str:
    """The page that links them all."""
    lines = [f"- {page.name}: " + ", ".join(f"[{each}]({each})" for each in files(page)) for page in PAGES]
    return INDEX + "\n".join(lines) + "\n"


def main(names: list[str]) -> None:
    """Those of the named pages; none named: of all."""
    wanted = [page for page in PAGES if not names or page.name in names]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "README.md").write_text(index(), encoding="utf-8")
    with (
        tempfile.TemporaryDirectory() as folder,
        demo(Path(folder)) as site,
        chromium(site.url, Path(folder)) as browser,
    ):
        role = ""
        for page in sorted(wanted, key=lambda page: page.role):
            if page.role != role:
                browser.log_in(WHO[page.role])
                role = page.role
            browser.look()
            browser.go(f"{site.path(page.path)}?lang=en")
            browser.run(ELSEWHERE, [[f"{folder}/data", "/etc/tornadogw"], [socket.gethostname(), "gateway-1"]])
            _pictures(browser, page)


def _pictures(browser: Browser, page: Page) -> None:
    for theme in THEMES:
        browser.look(theme=theme)
        _picture(browser, f"{page.name}-{theme}.png")
    if page.phone:
        browser.look(width=PHONE)
        _picture(browser, f"{page.name}-phone.png")


def _picture(browser: Browser, name: str) -> None:
    file = FOLDER / name
    browser.picture(file)
    with Image.open(file) as whole:
        part = whole.convert("RGB").crop((0, 0, whole.width, min(whole.height, HIGHEST)))
    part.quantize(COLOURS).save(file, optimize=True)
    print(f"{name}: {file.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main(sys.argv[1:])
