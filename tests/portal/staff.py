"""People with roles, logged in at the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from tests.portal.browser import PASSWORD, Visitor
from tests.running import Running
from tornadogw.accounts.office import Office
from tornadogw.store.ports import Account, Entry
from tornadogw.store.trade import Audited

__all__ = ["Staff", "staff"]


class Staff(NamedTuple):
    """Accounts and browsers by role."""

    gateway: Running
    office: Office
    accounts: Mapping[str, Account]
    visitors: Mapping[str, Visitor]

    async def acts(self, account_id: str = "") -> list[tuple[str, str, str]]:
        """(act, by, subject) of all lines of the audit log, newest first."""
        entries, _ = await self.office.audit.page(Audited(account_id=account_id), limit=500)
        return [(each.act, each.by, each.subject) for each in entries]

    async def last(self, act: str) -> Entry:
        """The latest line of this act."""
        entries, _ = await self.office.audit.page(Audited(act=act), limit=1)
        return entries[0]

    async def refused(self, path: str, act: str, **fields: str) -> None:
        """A reader may see the page and not send its form; others see none of it."""
        reader = self.visitors["reader"]
        await reader.get(path)
        assert reader.status == 200, path
        await reader.post(path, {"_xsrf": reader.xsrf, "act": act, **fields})
        assert reader.status == 403, (path, act)
        user = self.visitors["user"]
        await user.get("/console")
        await user.post(path, {"_xsrf": user.xsrf, "act": act, **fields})
        assert user.status == 403, (path, act)


@asynccontextmanager
async def staff(gateway: Running, *roles: str, language: str = "en") -> AsyncIterator[Staff]:
    """`roles`: who is logged in; the accounts are all there: `user@example.com` and so on."""
    office = gateway.gateway.parts.office
    accounts, visitors = {}, {}
    async with AsyncExitStack() as stack:
        for role in ("user", "reader", "operator", "owner"):
            accounts[role] = await office.accounts.create(f"{role}@example.com", password=PASSWORD, role=role)
            if role in roles:
                visitors[role] = await stack.enter_async_context(Visitor(gateway, language))
                await visitors[role].log_in(accounts[role].email)
                assert visitors[role].status == 200
        yield Staff(gateway, office, accounts, visitors)
