"""One account, as operators see it: figures, what can be done about it, its keys, its calls, what was done to it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.accounts.accounts import Credit
from tornadogw.errors import UnknownPath, UsageError
from tornadogw.handlers.base import Access
from tornadogw.portal.admin import AdminPage
from tornadogw.portal.page import LOGIN, OWN
from tornadogw.portal.private import PrivatePage
from tornadogw.store.ports import Account
from tornadogw.store.ports_decisions import Calls
from tornadogw.store.trade import Audited

__all__ = ["BackPage", "UserPage"]

CALLS, LINES = 10, 20
"""Of the latest that are shown."""


class UserPage(AdminPage):
    template: ClassVar[str] = "admin_user.html"
    acts: ClassVar[Mapping[str, str]] = {
        "credit": "credit",
        "debit": "debit",
        "subscribe": "subscribe",
        "end_plan": "end_plan",
        "language": "set_language",
        "email": "set_email",
        "disable": "disable",
        "enable": "enable",
        "role": "set_role",
        "password": "reset_password",
        "log_out": "log_out",
        "two_factor": "end_two_factor",
        "as": "log_in_as",
        "key_disable": "disable_key",
        "key_enable": "enable_key",
        "key_rotate": "rotate_key",
    }

    @property
    def user_id(self) -> str:
        return self.request.path.rpartition("/")[2]

    async def user(self) -> Account:
        """Whose page it is."""
        try:
            return await self.parts.office.desk.show(self.user_id)
        except UsageError as error:
            raise UnknownPath(zh=error.message("zh"), en=str(error)) from None

    @override
    async def values(self) -> dict[str, Any]:
        office, user = self.parts.office, await self.user()
        calls, _ = await office.calls.calls(Calls(account_id=user.id), CALLS)
        lines, more = await office.audit.page(Audited(account_id=user.id), limit=LINES)
        standing, keys = await office.subscriptions.of(user), await office.keys.list(user.email)
        return {
            "user": user,
            "changeable": self.changeable(user),
            "standing": standing,
            "running": [each for each in standing.subscriptions if each.until > time.time()],
            "plans": [each for each in await office.plans.list() if each.active],
            "keys": keys,
            "used": await office.uses.last([each.id for each in keys]),
            "logins": await office.logins.of(user),
            "two_factor": await office.two_factor.on(user),
            "calls": calls,
            "lines": lines,
            "more_lines": more is not None,
            "ref": self.form.text("ref") or f"form-{secrets.token_hex(10)}",
            "now": time.time(),
            "new_password": "",
            "new_key": None,
        }

    def done(self, notice: str) -> None:
        self.go(f"/admin/users/{self.user_id}", notice)

    # --- money and plans ---------------------------------------------------------------------------------------------

    async def credit(self) -> None:
        form, desk = self.form, self.parts.office.desk
        self._paid(
            await desk.credit(
                self.actor, self.user_id, form.text("amount"), reason=form.text("reason"), ref=form.maybe("ref")
            )
        )

    async def debit(self) -> None:
        form, desk = self.form, self.parts.office.desk
        self._paid(
            await desk.debit(
                self.actor, self.user_id, form.text("amount"), reason=form.text("reason"), ref=form.maybe("ref")
            )
        )

    def _paid(self, credit: Credit) -> None:
        if credit.repeated:
            self.done(self.say("This form was already submitted: no money was moved again."))
        else:
            self.done(self.say("Done. The amount was booked."))

    async def subscribe(self) -> None:
        form = self.form
        days, since, ref = form.whole("days"), form.maybe("start"), form.maybe("ref")
        await self.parts.office.desk.subscribe(
            self.actor, self.user_id, form.text("plan"), days=days, since=since, ref=ref
        )
        self.done(self.say("The account was given the plan."))

    async def end_plan(self) -> None:
        await self.parts.office.desk.end_plan(self.actor, self.user_id)
        self.done(self.say("All plans of the account were ended."))

    # --- who it is ---------------------------------------------------------------------------------------------------

    async def set_language(self) -> None:
        await self.parts.office.desk.set_language(self.actor, self.user_id, self.form.maybe("language"))
        self.done(self.say("Done."))

    async def set_email(self) -> None:
        await self.parts.office.desk.set_email(
            self.actor, self.user_id, self.form.text("email"), login_id=self.visit.login.id
        )
        self.done(self.say("The address was changed, and the account was logged out everywhere."))

    async def disable(self) -> None:
        await self.parts.office.desk.disable(self.actor, self.user_id)
        self.done(self.say("The account is disabled: its keys are refused from now on."))

    async def enable(self) -> None:
        await self.parts.office.desk.enable(self.actor, self.user_id)
        self.done(self.say("The account is enabled."))

    async def set_role(self) -> None:
        await self.parts.office.desk.set_role(self.actor, self.user_id, self.form.text("role"))
        self.done(self.say("Done."))

    async def reset_password(self) -> None:
        new = await self.parts.office.desk.reset_password(self.actor, self.user_id)
        self.show(self.template, **{**await self.values(), "new_password": new.password})

    async def log_out(self) -> None:
        await self.parts.office.desk.log_out(self.actor, self.user_id)
        self.done(self.say("The account was logged out everywhere."))

    async def end_two_factor(self) -> None:
        await self.parts.office.desk.end_two_factor(self.actor, self.user_id)
        self.done(self.say("Two-factor log-in is off."))

    async def log_in_as(self) -> None:
        own = self.get_signed_cookie(LOGIN, max_age_days=self.parts.settings.portal.login_days)
        agent = self.request.headers.get("User-Agent", "")
        new = await self.parts.office.desk.log_in_as(
            self.visit.account, self.visit.login, self.user_id, address=self.address, agent=agent
        )
        self.set_signed_cookie(OWN, own or b"", expires_days=None)
        self.set_signed_cookie(LOGIN, new.token, expires_days=None)
        self.clear_cookie("_xsrf")
        self.go("/console")

    # --- keys --------------------------------------------------------------------------------------------------------

    async def disable_key(self) -> None:
        await self.parts.office.desk.disable_key(self.actor, self.user_id, self.form.text("id"))
        self.done(self.say("The key is disabled."))

    async def enable_key(self) -> None:
        await self.parts.office.desk.enable_key(self.actor, self.user_id, self.form.text("id"))
        self.done(self.say("The key is enabled."))

    async def rotate_key(self) -> None:
        new = await self.parts.office.desk.rotate_key(self.actor, self.user_id, self.form.text("id"))
        self.show(self.template, **{**await self.values(), "new_key": new})


class BackPage(PrivatePage):
    """Nothing to see: who is logged in as somebody else becomes who they are again."""

    access: ClassVar[Access] = "login"
    verbs: ClassVar[tuple[str, ...]] = ("POST",)
    acts: ClassVar[Mapping[str, str]] = {"": "go_back"}

    async def go_back(self) -> None:
        logins, days = self.parts.office.logins, self.parts.settings.portal.login_days
        own = self.get_signed_cookie(OWN, max_age_days=days)
        found = None if not own else await logins.find(own.decode("ascii", "replace"))
        if not self.visit.login.by:  # nobody else
            self.go("/console")
            return
        await logins.end(self.visit.account, self.visit.login.id)
        self.clear_cookie(OWN)
        self.clear_cookie("_xsrf")
        if own is None or found is None or found[1].email != self.visit.login.by:
            self.clear_cookie(LOGIN)
            self.go("/login")
            return
        self.set_signed_cookie(LOGIN, own, expires_days=days)
        self.go(f"/admin/users/{self.visit.account.id}", self.say("You are back in your own account."))
