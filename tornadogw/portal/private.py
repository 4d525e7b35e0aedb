"""Pages for those who have logged in, and for those who have a role."""

from __future__ import annotations

import time
from typing import Any, ClassVar
from urllib.parse import quote

from typing_extensions import override

from tornadogw.accounts.logins import may
from tornadogw.handlers.base import Access, BaseHandler
from tornadogw.portal.form import Forbidden, FormPage
from tornadogw.portal.page import LOGIN
from tornadogw.store.ports import ROLES, Account
from tornadogw.store.ports_people import Login
from tornadogw.types import Value

__all__ = ["PrivatePage", "Visit", "visit_of"]


class Visit(Value, frozen=True):
    """Who looks at a page."""

    account: Account
    login: Login

    @property
    def by(self) -> str:
        """For the audit log."""
        return f"{self.login.by} as {self.account.email}" if self.login.by else self.account.email


async def visit_of(handler: BaseHandler) -> Visit | None:
    """Who has logged in at the browser that asks. Raises StoreUnavailable."""
    token = handler.get_signed_cookie(LOGIN, max_age_days=handler.parts.settings.portal.login_days)
    if token is None:
        return None
    found = await handler.parts.office.logins.find(token.decode("ascii", "replace"))
    return None if found is None else Visit(found[1], found[0])


class PrivatePage(FormPage):
    """A page for the account that has logged in. `access`: `login`, or the role that it takes to see it.

    `change`: the role that it takes to send its forms, if that is a higher one.
    """

    access: ClassVar[Access] = "login"
    change: ClassVar[Access] = "login"
    visit: Visit

    @override
    async def check(self) -> None:
        """Raises GatewayError; sends to the log-in who has not logged in."""
        await super().check()
        visit = await visit_of(self)
        if visit is None:
            self.body_read = True
            self.go(f"/login?next={quote(self.request.path)}")
            return
        self.visit = visit
        needed = {self.access, self.change} if self.request.method == "POST" else {self.access}
        if not all(may(visit.account, role) for role in ROLES if role in needed):
            raise Forbidden

    @property
    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    async def own_zone(self) -> str:
        """The time zone of the account's days."""
        standing = await self.parts.office.subscriptions.of(self.visit.account)
        return standing.time_zone or self.parts.settings.money.time_zone

    @override
    def frame(self) -> dict[str, Any]:
        visit = getattr(self, "visit", None)
        return {
            **super().frame(),
            "visit": visit,
            "may_change": visit is not None and (self.change == "login" or self._may(visit.account)),
            "operates": visit is not None and may(visit.account, "reader"),
        }

    def _may(self, account: Account) -> bool:
        return any(role == self.change and may(account, role) for role in ROLES)
