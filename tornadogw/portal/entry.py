"""The way in and out: log in, register, log out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from typing_extensions import override

from tornadogw.accounts.accounts import normal_email
from tornadogw.errors import UsageError
from tornadogw.handlers.base import Access
from tornadogw.portal.form import FormPage
from tornadogw.portal.page import LOGIN, OWN
from tornadogw.portal.private import PrivatePage
from tornadogw.store.ports import Account

__all__ = ["HALF", "HALF_DAYS", "EntryPage", "LoginPage", "LogoutPage", "RegisterPage", "inside"]

HOME = "/console"
HALF = "half"
"""The signed cookie of who has given the password and not yet the code: it opens nothing else."""
HALF_DAYS = 5 / 1440
_INSIDE = re.compile(r"/(?![/\\]|(logout|back)$)[A-Za-z0-9_.~/%-]{0,500}", re.ASCII)


def inside(path: str) -> str:
    """`path` if it is one of this site that can be looked at, else where everybody begins: a link to the log-in leads
    nowhere else.
    """
    return path if _INSIDE.fullmatch(path) else HOME


class EntryPage(FormPage):
    """Lets an account in."""

    @override
    def further(self, **changes: str | float | None) -> str:
        """A way that leads elsewhere is not passed on."""
        there = self.request.query_arguments.get("next", [b""])[-1].decode("utf-8", "replace")
        return super().further(**changes, next=there if inside(there) == there else None)

    async def enter(self, account: Account, notice: str = "") -> None:
        """From now on this browser is logged in."""
        logins, days = self.parts.office.logins, self.parts.settings.portal.login_days
        new = await logins.begin(account, address=self.address, agent=self.request.headers.get("User-Agent", ""))
        self.set_signed_cookie(LOGIN, new.token, expires_days=days)
        self.speak(account.language, days=days)
        self.clear_cookie("_xsrf")  # a new one for who is somebody now
        self.go(inside(self.form.text("next")), notice)

    async def ask_or_enter(self, account: Account) -> None:
        """The first step is done: on to the second one, if the account has one."""
        office = self.parts.office
        if await office.two_factor.on(account):
            self.set_signed_cookie(HALF, f"{account.id} {await office.accounts.mark(account.id)}", expires_days=None)
            self.go(f"/login/code?next={quote(inside(self.form.text('next')))}")
            return
        await self.enter(account)


class LoginPage(EntryPage):
    template: ClassVar[str] = "login.html"
    acts: ClassVar[Mapping[str, str]] = {"": "log_in"}

    @override
    async def values(self) -> dict[str, Any]:
        oidc = self.parts.settings.oidc
        return {
            "next": inside(self.get_query_argument("next", self.form.text("next"))),
            "provider": oidc.name if oidc.issuer else "",
        }

    async def log_in(self) -> None:
        office, email = self.parts.office, self.form.text("email").lower()
        await office.tries.allow("login", email, self.subject)
        account = await office.accounts.log_in(email, self.form.raw("password"))
        if account is None:
            raise UsageError(
                "wrong e-mail address or password, or the account is disabled",
                zh="邮箱与密码不符，或者账户已停用",
                field="password",
            )
        await office.tries.forgive("login", email, self.subject)
        await self.ask_or_enter(account)


class RegisterPage(EntryPage):
    template: ClassVar[str] = "register.html"
    acts: ClassVar[Mapping[str, str]] = {"": "register"}

    @override
    async def values(self) -> dict[str, Any]:
        return {"invitation": (self.form.text("invitation") or self.get_query_argument("invitation", ""))[:100]}

    async def register(self) -> None:
        password = self.form.raw("password")
        email = normal_email(self.form.text("email"))
        if password != self.form.raw("password_again"):
            raise UsageError("the two passwords differ", zh="两次输入的密码不一致", field="password_again")
        registration, invitation = self.parts.office.registration, self.form.raw("invitation")
        if registration.confirms:
            await registration.ask(email, password, invitation=invitation, language=self.language, address=self.subject)
            self.show("mailed.html", email=email, what="register")
            return
        account = await registration.register(
            email, password, invitation=invitation, language=self.language, address=self.subject
        )
        await self.enter(account, self.say("Welcome! Create an API key to get started."))


class LogoutPage(PrivatePage):
    """Nothing to see: a form of every page leads here."""

    access: ClassVar[Access] = "login"
    verbs: ClassVar[tuple[str, ...]] = ("POST",)
    acts: ClassVar[Mapping[str, str]] = {"": "log_out"}

    async def log_out(self) -> None:
        logins, days = self.parts.office.logins, self.parts.settings.portal.login_days
        await logins.end(self.visit.account, self.visit.login.id)
        own = self.get_signed_cookie(OWN, max_age_days=days)
        if own and (found := await logins.find(own.decode("ascii", "replace"))) is not None:
            await logins.end(found[1], found[0].id)  # who leaves as somebody else leaves as oneself, too
        self.clear_cookie(OWN)
        self.clear_cookie(LOGIN)
        self.speak(None)
        self.go("/", self.say("You are logged out."))
