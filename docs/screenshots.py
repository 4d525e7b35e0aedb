"""Pictures of every page into docs/screenshots/, from a gateway with a month of made-up use: `tox -e screenshots`."""

from __future__ import annotations

import socket
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.browser.chromium import Browser, chromium
from tests.browser.demo import demo
from tests.browser.pages import PAGES, PHONE, files
from tests.browser.visits import Visits

FOLDER = Path(__file__).with_name("screenshots")
HIGHEST = 1600
"""Pixels of a picture; what is below repeats what is above."""
COLOURS = 128
"""Chosen so that rare ones stay: one red word tells what failed."""
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
ADDRESS = "https://gw.example.com"
"""Instead of the one on this machine, which is another each time."""

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
        here = [
            [f"{folder}/data", "/etc/tornadogw"],
            [socket.gethostname(), "gateway-1"],
            [site.url, ADDRESS],
            [site.url.rpartition(":")[2], "8080"],
            [str(site.mail.gateway.port), "25"],
            ["127.0.0.1", "192.0.2.17"],
            ["HeadlessChrome", "Chrome"],
        ]
        visits = Visits(browser, site)
        for page in wanted:
            visits.go(page, page.language)
            browser.run(ELSEWHERE, here)
            for theme in page.themes:
                browser.look(theme=theme)
                _picture(browser, f"{page.name}-{theme}.png")
            if page.phone:
                visits.go(page, page.language, PHONE)
                browser.run(ELSEWHERE, here)
                _picture(browser, f"{page.name}-phone.png")


def _picture(browser: Browser, name: str) -> None:
    file = FOLDER / name
    browser.picture(file)
    with Image.open(file) as whole:
        part = whole.convert("RGB").crop((0, 0, whole.width, min(whole.height, HIGHEST)))
    part.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1).save(file, optimize=True)
    print(f"{name}: {file.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main(sys.argv[1:])
