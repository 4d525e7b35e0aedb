"""Log-in by an OpenID provider: the way there, and the way back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import ClassVar

from typing_extensions import override

from tornadogw.accounts.tries import TooMany
from tornadogw.errors import UnknownPath, UsageError
from tornadogw.handlers.base import Access
from tornadogw.oidc import Journey, NoSignIn, Provider
from tornadogw.portal.entry import EntryPage, inside
from tornadogw.portal.form import Fields, sentence
from tornadogw.portal.private import visit_of

__all__ = ["COOKIE", "OidcBackPage", "OidcPage"]

log = logging.getLogger(__name__)

COOKIE = "oidc"
"""The signed cookie of a browser that is on its way: its seed, and where it wants to go afterwards."""
PATH = "/login/oidc"
DAYS = 10 / 1440
"""That the way may take."""


class ProviderPage(EntryPage):
    """Shown only where something went wrong."""

    access: ClassVar[Access] = "public"
    verbs: ClassVar[tuple[str, ...]] = ("GET",)
    template: ClassVar[str] = "oidc.html"

    @property
    def provider(self) -> Provider:
        """Raises UnknownPath: there is none."""
        found = self.parts.oidc
        if found is None:
            raise UnknownPath(zh=self.request.path, en=self.request.path)
        return found

    @override
    async def get(self, *_rest: str) -> None:
        provider = self.provider
        self.fields["Referrer-Policy"] = "no-referrer"
        try:
            await self.walk(provider)
        except NoSignIn as error:
            log.warning("log-in by %s did not work: %s", self.parts.settings.oidc.issuer, error)
            self._apologise(502, self.say("The log-in failed: try again in a moment."))
        except UsageError as error:
            self._apologise(429 if isinstance(error, TooMany) else 422, sentence(error.message(self.language)))

    async def walk(self, provider: Provider) -> None:
        """Raises NoSignIn; UsageError, which people read."""
        raise NotImplementedError

    def _apologise(self, status: int, said: str) -> None:
        self.set_status(status)
        self.show(self.template, said=said, provider=self.parts.settings.oidc.name)


class OidcPage(ProviderPage):
    """Sends the browser to the provider."""

    @override
    async def walk(self, provider: Provider) -> None:
        journey = Journey.new()
        place = await provider.begin(journey)
        there = inside(self.get_query_argument("next", ""))
        self.set_signed_cookie(COOKIE, f"{journey.seed} {there}", expires_days=None, path=PATH)
        self.go(place)


class OidcBackPage(ProviderPage):
    """Where the provider sends the browser back to."""

    @override
    async def walk(self, provider: Provider) -> None:
        office = self.parts.office
        found = self.get_signed_cookie(COOKIE, max_age_days=DAYS)
        if found is None:
            raise UsageError(
                "this took more than ten minutes, or began in another browser: try again",
                zh="登录已超过十分钟，或是在另一个浏览器中开始的：请重试",
            )
        self.clear_cookie(COOKIE, path=PATH)
        await office.tries.allow("oidc", self.subject, self.subject)
        seed, _, there = found.decode("ascii", "replace").partition(" ")
        identity = await provider.finish(Journey(seed), self._answer())
        visit = await visit_of(self)
        mine = visit.account if visit is not None and not visit.login.by else None
        account = await office.identities.account(identity, language=self.language, mine=mine)
        await office.tries.forgive("oidc", self.subject, self.subject)
        self.form = Fields([("next", there)])
        await self.ask_or_enter(account)

    def _answer(self) -> Mapping[str, str]:
        """The arguments that the provider has given the browser."""
        return {name: value for name in ("state", "code", "error", "iss") if (value := self._argument(name))}

    def _argument(self, name: str) -> str:
        given = self.request.query_arguments.get(name, [b""])
        return given[-1].decode("utf-8", "replace")
