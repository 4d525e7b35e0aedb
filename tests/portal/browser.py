"""A visitor of the pages: cookies, forms with their hidden fields, no JavaScript."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Self

import aiohttp

from tests.running import Running

PASSWORD = "correct horse"


class Visitor:
    """One browser. `text` and `status` are the last page's."""

    def __init__(self, gateway: Running, language: str = "en") -> None:
        self.url = gateway.url
        self.session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # of an address, not a name
            headers={"Accept-Language": language, "User-Agent": "Visitor/1"},
            timeout=aiohttp.ClientTimeout(total=30),
        )
        self.text, self.status, self.headers, self.path = "", 0, {}, ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.session.close()

    async def get(self, path: str, **options: Any) -> str:
        return await self._ask("GET", path, **options)

    async def send(self, path: str, act: str = "", /, *, follow: bool = True, **fields: Any) -> str:
        """Fill in the form with this act on the page `path`, and send it."""
        await self.get(path)
        assert self.status == 200, (path, self.status, self.text)
        return await self.post(path, {"_xsrf": self.xsrf, "act": act, **fields}, follow=follow)

    async def post(self, path: str, fields: dict[str, Any], *, follow: bool = True, **options: Any) -> str:
        pairs = [
            (name, str(each))
            for name, value in fields.items()
            for each in (value if isinstance(value, list) else [value])
        ]
        return await self._ask("POST", path, data=pairs, allow_redirects=follow, **options)

    async def log_in(self, email: str, password: str = PASSWORD) -> str:
        return await self.send("/login", email=email, password=password)

    async def _ask(self, method: str, path: str, **options: Any) -> str:
        async with self.session.request(method, self.url + path, **options) as response:
            self.text, self.status = (await response.read()).decode(), response.status
            self.headers, self.path = response.headers, response.url.path
            self.location = response.headers.get("Location", "")
        return self.text

    @property
    def xsrf(self) -> str:
        """The token of the last page's forms."""
        return unescape(re.findall(r'name="_xsrf" value="([^"]+)"', self.text)[0])

    @property
    def wrong(self) -> str:
        """What the last page says is wrong."""
        found = re.search(r'class="wrong"[^>]*>([^<]+)<', self.text)
        return unescape(found[1]) if found else ""

    @property
    def notice(self) -> str:
        """What the last page says was done."""
        found = re.search(r'class="notice" role="status">([^<]+)<', self.text)
        return unescape(found[1]) if found else ""
