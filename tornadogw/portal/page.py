"""What every page shares: its language, its frame, and headers that let nothing in from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.dialects.chat_negotiate import prefers
from tornadogw.errors import UnknownPath
from tornadogw.handlers.base import Access, BaseHandler, Parts
from tornadogw.portal.pages import Language, Pages

__all__ = ["AssetHandler", "PageHandler"]

LANGUAGE = "lang"
"""The cookie, and the argument that sets it."""
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
        """Chosen here, chosen before, or as the browser prefers."""
        preferred = prefers(self.request.headers.get("Accept-Language", ""), self.parts.settings.server.language)
        return self._chosen or _KNOWN.get(self.get_cookie(LANGUAGE) or "") or preferred

    def values(self) -> dict[str, Any]:
        """What the template shows beside the frame."""
        return {}

    @override
    def get(self) -> None:
        if self._chosen is not None:
            self.set_cookie(LANGUAGE, self.language, expires_days=REMEMBERED, httponly=True, samesite="Lax")
        self.show(self.template, **self.values())

    @override
    def head(self) -> None:
        self.get()

    def show(self, template: str, **values: Any) -> None:
        """Answer with a page."""
        locale = self.pages.locale(self.language)
        text = self.pages.templates.load(template).generate(
            _=locale.translate,
            language=self.language,
            title=self.parts.settings.portal.title,
            path=self.request.path,
            asset=self.pages.address,
            base=self.base_url,
            api=f"{self.base_url}{self.parts.settings.server.prefix}",
            **values,
        )
        self.fields["Content-Type"] = "text/html; charset=utf-8"
        self.fields["Cache-Control"] = "no-store"
        self.fields["Vary"] = "Accept-Language, Cookie"
        _ = self.finish(text)

    @property
    def base_url(self) -> str:
        """Where this deployment is reached: as the settings say, else as this request was sent, for samples only."""
        if public := self.parts.settings.server.public_url:
            return public.rstrip("/")
        host = self.request.host or ""
        scheme = "https" if self.request.protocol == "https" else "http"
        return f"{scheme}://{host}" if _HOST.fullmatch(host) else "http://localhost"


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
