"""Pages that links in letters lead to, and the one that asks for such a letter.

The address of a link has a token. It goes into a cookie at once, and the page into an address without one, so that it
stands in no history, no log and no referrer. Looking at a page uses no link up: only its form does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.errors import UsageError
from tornadogw.handlers.base import Access
from tornadogw.portal.entry import EntryPage
from tornadogw.portal.form import FormPage
from tornadogw.portal.private import visit_of

__all__ = ["ConfirmPage", "EmailPage", "ForgotPage", "ResetPage"]

TOKEN = "token"  # noqa: S105 -- the name of an argument
_DAYS = 30 / 1440
"""That the cookie is believed, and the link works."""
_LONGEST = 100


class LinkPage(FormPage):
    """A page for who has a link. `cookie`: where its token is kept."""

    access: ClassVar[Access] = "public"
    cookie: ClassVar[str]

    @override
    async def get(self, *rest: str) -> None:
        token = self.get_query_argument(TOKEN, "")[:_LONGEST]
        if not token:
            await super().get(*rest)
            return
        self.set_signed_cookie(self.cookie, token, expires_days=None)
        self.fields["Referrer-Policy"] = "no-referrer"
        self.go(self.request.path)

    @property
    def token(self) -> str:
        """Empty: this browser came without a link."""
        found = self.get_signed_cookie(self.cookie, max_age_days=_DAYS)
        return "" if found is None else found.decode("utf-8", "replace")

    async def about(self, asked: Callable[[str], Awaitable[str]]) -> dict[str, Any]:
        """The address that the link is about; empty: it does not work."""
        try:
            return {"email": await asked(self.token)}
        except UsageError:
            return {"email": ""}


class ForgotPage(FormPage):
    access: ClassVar[Access] = "public"
    template: ClassVar[str] = "forgot.html"
    acts: ClassVar[Mapping[str, str]] = {"": "ask"}

    @override
    async def values(self) -> dict[str, Any]:
        return {"by_mail": self.parts.office.recovery.by_mail}

    async def ask(self) -> None:
        email = self.form.text("email")
        await self.parts.office.recovery.forgot(email, language=self.language, address=self.subject)
        self.show("mailed.html", email=email, what="reset")


class ResetPage(LinkPage):
    template: ClassVar[str] = "reset.html"
    acts: ClassVar[Mapping[str, str]] = {"": "reset"}
    cookie: ClassVar[str] = "reset"

    @override
    async def values(self) -> dict[str, Any]:
        return {"works": await self.parts.office.recovery.works(self.token)}

    async def reset(self) -> None:
        password = self.form.raw("password")
        if password != self.form.raw("password_again"):
            raise UsageError("the two passwords differ", zh="两次输入的密码不一致", field="password_again")
        await self.parts.office.recovery.reset(self.token, password)
        self.clear_cookie(self.cookie)
        self.go(
            "/login", self.say("Your password was changed, and all browsers were logged out. Log in with the new one.")
        )


class EmailPage(LinkPage):
    template: ClassVar[str] = "email.html"
    acts: ClassVar[Mapping[str, str]] = {"": "confirm"}
    cookie: ClassVar[str] = "email"

    @override
    async def values(self) -> dict[str, Any]:
        return await self.about(self.parts.office.addresses.asked)

    async def confirm(self) -> None:
        """Who is logged in here stays so."""
        visit = await visit_of(self)
        login_id = "" if visit is None else visit.login.id
        await self.parts.office.addresses.confirm(
            self.token, self.form.raw("old_password"), login_id=login_id, address=self.subject
        )
        self.clear_cookie(self.cookie)
        self.go("/console/account", self.say("Your e-mail address was changed. All other browsers were logged out."))


class ConfirmPage(LinkPage, EntryPage):
    template: ClassVar[str] = "confirm.html"
    acts: ClassVar[Mapping[str, str]] = {"": "confirm"}
    cookie: ClassVar[str] = "confirm"

    @override
    async def values(self) -> dict[str, Any]:
        return await self.about(self.parts.office.registration.asked)

    async def confirm(self) -> None:
        registration = self.parts.office.registration
        account = await registration.confirm(self.token, self.form.raw("password"), address=self.subject)
        self.clear_cookie(self.cookie)
        await self.enter(account, self.say("Welcome! Create an API key to get started."))
