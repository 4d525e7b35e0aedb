"""A person's own account: password, address, language, time zone, and where it is logged in."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.errors import UsageError
from tornadogw.handlers.base import Access
from tornadogw.portal.agents import agent_name
from tornadogw.portal.moments import shown_moment
from tornadogw.portal.page import LANGUAGE
from tornadogw.portal.two_factor import HERE, TwoFactorForms
from tornadogw.types import Value

__all__ = ["AccountPage"]


class ShownLogin(Value, frozen=True):
    """A login as its owner sees it."""

    id: str
    browser: str
    agent: str
    """The header that `browser` is read from."""
    address: str
    since: str
    seen: str
    by: str
    """The operator who is logged in as the account; empty: nobody is."""
    this: bool


class AccountPage(TwoFactorForms):
    access: ClassVar[Access] = "login"
    template: ClassVar[str] = "console_account.html"
    acts: ClassVar[Mapping[str, str]] = {
        "password": "change_password",
        "email": "ask_for_email",
        "language": "set_language",
        "zone": "set_zone",
        "unlink": "unlink",
        "end": "end_login",
        "end_others": "end_others",
        **TwoFactorForms.acts,
    }

    @override
    async def values(self) -> dict[str, Any]:
        office, account = self.parts.office, self.visit.account
        standing = await office.subscriptions.of(account)
        return {
            **await self.factor(),
            "account": account,
            "provider": self._provider,
            "by_mail": office.addresses.by_mail,
            "linked": await office.identities.linked(account),
            "logins": await self._logins(standing.time_zone or self.parts.settings.money.time_zone),
            "zone": self.form.text("zone") or standing.time_zone,
            "usual_zone": self.parts.settings.money.time_zone,
            "zones": sorted(name for name in zoneinfo.available_timezones() if "/" in name),
        }

    @property
    def _provider(self) -> str:
        """What people call the OpenID provider; empty: there is none."""
        oidc = self.parts.settings.oidc
        return oidc.name if oidc.issuer else ""

    async def _logins(self, zone: str) -> Sequence[ShownLogin]:
        return [
            ShownLogin(
                id=each.id,
                browser=agent_name(each.agent),
                agent=each.agent,
                address=each.address,
                since=shown_moment(each.created, zone),
                seen=shown_moment(each.seen, zone),
                by=each.by,
                this=each.id == self.visit.login.id,
            )
            for each in await self.parts.office.logins.of(self.visit.account)
        ]

    async def change_password(self) -> None:
        form, visit = self.form, self.visit
        if form.raw("password") != form.raw("password_again"):
            raise UsageError("the two passwords differ", zh="两次输入的密码不一致", field="password_again")
        await self.parts.office.own.change_password(
            visit.account,
            form.raw("old_password"),
            form.raw("password"),
            login_id=visit.login.id,
            address=self.subject,
            by=visit.by,
        )
        self.go(HERE, self.say("Your password was changed. All other browsers were logged out."))

    async def ask_for_email(self) -> None:
        """Done when the link is opened that is sent to the new address."""
        new = await self.parts.office.addresses.ask(
            self.visit.account,
            self.form.raw("old_password"),
            self.form.text("email"),
            language=self.language,
            address=self.subject,
        )
        self.go(HERE, self.say("An e-mail is on its way to %s: open the link in it. It works for 30 minutes.", new))

    async def set_language(self) -> None:
        """For messages of the API, and for the pages; what was chosen in this browser before counts no more."""
        language = self.form.maybe("language")
        changed = await self.parts.office.accounts.set_language(self.visit.account.email, language, by=self.visit.by)
        if not self.visit.login.by:  # an operator goes on reading in their own
            self.clear_cookie(LANGUAGE)
            self.request.cookies.pop(LANGUAGE, None)
            self.speak(changed.language, days=self.parts.settings.portal.login_days)
        self.go(HERE, self.say("Your language was changed."))

    async def set_zone(self) -> None:
        await self.parts.office.subscriptions.set_zone(
            self.visit.account.email, self.form.text("zone"), by=self.visit.by
        )
        self.go(HERE, self.say("Your time zone was changed."))

    async def unlink(self) -> None:
        """Takes the password: it is what is left to log in with."""
        account = self.visit.account
        if account.has_password:
            await self.parts.office.own.prove(account, self.form.raw("old_password"), address=self.subject)
        await self.parts.office.identities.unlink(account, by=self.visit.by)
        self.go(HERE, self.say("The link was removed: log in with your password."))

    async def end_login(self) -> None:
        await self.parts.office.own.end_login(self.visit.account, self.form.text("id"), by=self.visit.by)
        self.go(HERE, self.say("That browser was logged out."))

    async def end_others(self) -> None:
        await self.parts.office.own.end_others(self.visit.account, self.visit.login.id, by=self.visit.by)
        self.go(HERE, self.say("All other browsers were logged out."))
