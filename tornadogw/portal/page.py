"""What every page shares: its language, its frame, its errors, and headers that let nothing in from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from typing_extensions import override

from tornadogw.dialects.chat_negotiate import prefers
from tornadogw.errors import GatewayError, Unavailable, UnknownPath
from tornadogw.handlers.base import Access, BaseHandler, Parts
from tornadogw.limits.addresses import client_address, real_address
from tornadogw.portal.pages import Language, Pages
from tornadogw.store.ports import StoreUnavailable

__all__ = ["LANGUAGE", "LOGIN", "OWN", "AssetHandler", "PageHandler"]

LANGUAGE = "lang"
"""The cookie, and the argument that sets it."""
ACCOUNTS = "own_lang"
"""The cookie with the language of the account that has logged in here, for pages that look no account up."""
LOGIN = "login"
"""The signed cookie with the token of a login."""
OWN = "own"
"""The signed cookie with an operator's own token, while they are logged in as somebody else."""
NOTICE = "notice"
"""The signed cookie with what the next page says was done."""
_KNOWN: Mapping[str, Language] = {"zh": "zh", "en": "en"}
REMEMBERED = 365
"""Days for which a chosen language is kept."""
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NO_NAME = "./\\"
"""What stands before the name at the beginning of a path, however often."""
FOREVER = "public, max-age=31536000, immutable"
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


class PageHandler(BaseHandler):
    """Base of all pages. `template` is what `get` shows, with `values()`."""

    access: ClassVar[Access] = "public"
    verbs: ClassVar[tuple[str, ...]] = ("GET", "HEAD")
    template: ClassVar[str] = ""

    @override
    def initialize(self, parts: Parts, under_prefix: bool = False) -> None:
        super().initialize(parts, under_prefix)
        for name, value in HEADERS.items():
            self.fields[name] = value
        self.language = self._language()

    @property
    def pages(self) -> Pages:
        """The application's."""
        found: Pages = self.application.settings["pages"]
        return found

    @property
    def _chosen(self) -> Language | None:
        """What this request chooses, if it is a language."""
        return _KNOWN.get(self.request.query_arguments.get(LANGUAGE, [b""])[-1].decode("latin-1"))

    def _language(self) -> Language:
        """Chosen here, chosen in this browser before, the account's, or as the browser prefers."""
        known = (_KNOWN.get(self.get_cookie(name) or "") for name in (LANGUAGE, ACCOUNTS))
        return self._chosen or next(filter(None, known), None) or self._preferred

    @property
    def _preferred(self) -> Language:
        return prefers(self.request.headers.get("Accept-Language", ""), self.parts.settings.server.language)

    def speak(self, language: str | None, *, days: float = 0) -> None:
        """From now on the account's language, unless another one is chosen in this browser; None: it has none."""
        known = _KNOWN.get(language or "")
        if known is None:
            self.clear_cookie(ACCOUNTS)
        else:
            self.set_cookie(ACCOUNTS, known, expires_days=days)
        self.language = _KNOWN.get(self.get_cookie(LANGUAGE) or "") or known or self._preferred

    def say(self, text: str, *values: Any) -> str:
        """`text` in the reader's language, with the values put in."""
        found = self.pages.locale(self._spoken).translate(text)
        return found % values if values else found

    async def values(self) -> dict[str, Any]:
        """What the template shows beside the frame."""
        return {}

    @override
    async def get(self, *_rest: str) -> None:
        if self._chosen is not None:
            self.set_cookie(LANGUAGE, self._spoken, expires_days=REMEMBERED)
        self.show(self.template, **await self.values())

    @override
    async def head(self, *rest: str) -> None:
        await self.get(*rest)

    @property
    def _spoken(self) -> Language:
        """The page's language."""
        return _KNOWN[self.language]

    def frame(self) -> dict[str, Any]:
        """What the frame of every page shows."""
        notice = self.get_signed_cookie(NOTICE, max_age_days=1)
        if notice is not None:
            self.clear_cookie(NOTICE)
        return {
            "notice": None if notice is None else notice.decode(),
            "visit": None,
            "visitor": self.get_signed_cookie(LOGIN) is not None,
            "registration": self.parts.office.registration.mode,
        }

    def show(self, template: str, **values: Any) -> None:
        """Answer with a page."""
        text = self.page(template, **values)
        self.fields["Content-Type"] = "text/html; charset=utf-8"
        _ = self.finish(text)

    def page(self, template: str, **values: Any) -> bytes:
        """The whole page."""
        locale = self.pages.locale(self._spoken)
        self.fields["Cache-Control"] = "no-store"
        self.fields["Vary"] = "Accept-Language, Cookie"
        return self.pages.templates.load(template).generate(
            _=locale.translate,
            language=self.language,
            title=self.parts.settings.portal.title,
            path=self.request.path,
            other_language=self.further(lang="en" if self._spoken == "zh" else "zh"),
            asset=self.pages.address,
            base=self.base_url,
            api=f"{self.base_url}{self.parts.settings.server.prefix}",
            **{**self.frame(), **values},
        )

    def further(self, **changes: str | float | None) -> str:
        """This page with other arguments; None takes one away, a moment is in seconds. Whatever was asked for, it is an
        address here: what begins with two slashes is another site's.
        """
        given: dict[str, str] = {}
        for name, value in changes.items():
            if isinstance(value, str) and value:
                given[name] = value
            elif isinstance(value, float):
                given[name] = str(round(value * 1000))
        for name, values in self.request.query_arguments.items():
            if name not in changes:
                given[name] = values[-1].decode("utf-8", "replace")
        path = f"/{self.request.path.lstrip(NO_NAME)}"
        return f"{path}?{urlencode(given)}" if given else path

    def go(self, path: str, notice: str = "") -> None:
        """On to another page of ours, which says `notice`."""
        if notice:
            self.set_signed_cookie(NOTICE, notice, expires_days=None)
        self.fields["Cache-Control"] = "no-store"
        self.redirect(path, status=303)

    @override
    def refusal(self, error: GatewayError) -> tuple[bytes, str]:
        """As a page for people."""
        return self.page("error.html", status=error.status, message=error.message(self.language)), "text/html"

    @override
    def failed(self, error: Exception) -> None:
        """People are told to come back when the database is away."""
        super().failed(Unavailable(retry_after=1) if isinstance(error, StoreUnavailable) else error)

    @override
    def set_cookie(self, name: str, value: str | bytes, *args: Any, **kwargs: Any) -> None:
        """Every cookie: for this site's own requests, out of a script's reach, and by TLS where there is any."""
        super().set_cookie(name, value, *args, **{"httponly": True, "samesite": "Lax", "secure": self.secure, **kwargs})

    @property
    def secure(self) -> bool:
        """Whether people reach the pages by TLS."""
        return self.base_url.startswith("https://")

    @property
    def base_url(self) -> str:
        """Where this deployment is reached: as the settings say, else as this request was sent, for samples only."""
        if public := self.parts.settings.server.public_url:
            return public.rstrip("/")
        host = self.request.host or ""
        scheme = "https" if self.request.protocol == "https" else "http"
        return f"{scheme}://{host}" if _HOST.fullmatch(host) else "http://localhost"

    @property
    def address(self) -> str:
        """The visitor's, for people to read."""
        return real_address(self.request.remote_ip or "", self._forwarded, self.parts.trusted)

    @property
    def subject(self) -> str:
        """What tries from the visitor's address are counted for: of IPv6 a /64."""
        return client_address(self.request.remote_ip or "", self._forwarded, self.parts.trusted)

    @property
    def _forwarded(self) -> str | None:
        return ",".join(self.request.headers.get_list("X-Forwarded-For")) or None


class AssetHandler(BaseHandler):
    """A file of the pages, kept by browsers for ever."""

    access: ClassVar[Access] = "public"
    verbs: ClassVar[tuple[str, ...]] = ("GET", "HEAD")

    @override
    def get(self, *_rest: str) -> None:
        pages: Pages = self.application.settings["pages"]
        found = pages.asset(self.request.path)
        if found is None:
            path = self.request.path[:200]
            raise UnknownPath(zh=path, en=path)
        for name, value in HEADERS.items():
            self.fields[name] = value
        self.fields["Content-Type"] = found.type
        self.fields["Cache-Control"] = FOREVER
        _ = self.finish(found.body)

    @override
    def head(self, *_rest: str) -> None:
        self.get()
