"""A user's money: what there is, what came in, codes to redeem, orders, plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from tornadogw.accounts.accounts import format_amount
from tornadogw.handlers.base import Access
from tornadogw.portal.moments import shown_moment
from tornadogw.portal.private import PrivatePage

__all__ = ["MoneyPage"]

ROWS = 50


class MoneyPage(PrivatePage):
    access: ClassVar[Access] = "login"
    template: ClassVar[str] = "console_money.html"
    acts: ClassVar[Mapping[str, str]] = {"redeem": "redeem"}

    @override
    async def values(self) -> dict[str, Any]:
        office, account, zone = self.parts.office, self.visit.account, await self.own_zone()
        standing = await office.subscriptions.of(account)
        return {
            "amount": format_amount,
            "when": lambda at: shown_moment(at, zone),
            "now": self.now,
            "currency": self.parts.settings.money.currency,
            "payments": await office.payments.of_account(account.id, ROWS),
            "orders": await office.orders.of(account, limit=ROWS),
            "subscriptions": standing.subscriptions,
            "typed": self.form.raw("code")[:100],
        }

    async def redeem(self) -> None:
        office, account = self.parts.office, self.visit.account
        await office.tries.allow("code", account.id, self.subject)
        done = await office.codes.redeem(account.email, self.form.raw("code")[:100], by=self.visit.by)
        batch, currency = done.batch, self.parts.settings.money.currency
        if done.repeated:
            notice = self.say("You have already redeemed this code; nothing was added.")
        elif batch.amount is not None:
            notice = self.say("Redeemed: %s %s.", format_amount(batch.amount), currency)
        else:
            notice = self.say("Redeemed: plan %s for %d days.", batch.plan, batch.days)
        self.go(self.request.path, notice)
