"""Calls of all accounts: the latest ones, and why one went as it did."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import unquote

from typing_extensions import override

from tornadogw.errors import UnknownPath
from tornadogw.explain import for_operator
from tornadogw.portal.admin import AdminPage
from tornadogw.store.ports_decisions import Calls

__all__ = ["CallPage", "CallsPage"]

ROWS = 50
SAME = 20
"""Requests of one id that are shown."""


class CallsPage(AdminPage):
    template: ClassVar[str] = "admin_calls.html"

    @override
    async def values(self) -> dict[str, Any]:
        office, account = self.parts.office, await self.account_asked()
        wanted = Calls(
            account_id=account or "",
            key_id=self.asked("key"),
            model=self.asked("model"),
            upstream=self.asked("upstream"),
            failed=bool(self.asked("failed")),
            since=self.moment("since", self.zone) or 0.0,
            until=self.until(self.zone),
        )
        calls, following = ([], None) if account is None else await office.calls.calls(wanted, ROWS)
        return {
            "calls": calls,
            "following": following,
            "emails": await self.emails(each.account_id for each in calls),
            "models": [each.name for each in self.parts.catalogue.models],
            "upstreams": sorted({route.upstream for each in self.parts.catalogue.models for route in each.routes}),
        }


class CallPage(AdminPage):
    """All requests of one id, the upstreams under their own names."""

    template: ClassVar[str] = "admin_call.html"

    @override
    async def values(self) -> dict[str, Any]:
        request_id = unquote(self.request.path.rpartition("/")[2])[:200]
        found = await self.parts.decisions.find(request_id, None, SAME)
        if not found:
            raise UnknownPath(zh="没有这次调用", en="there is no such call")
        return {
            "request_id": request_id,
            "decisions": [(for_operator(each), each.record) for each in found],
            "emails": await self.emails(each.record.account_id for each in found),
        }
