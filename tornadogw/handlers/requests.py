"""`GET requests/{id}`: why the newest of one's own requests with this id went as it did."""

from __future__ import annotations

from typing_extensions import override

from tornadogw.errors import Unavailable, UnknownPath
from tornadogw.explain import for_user
from tornadogw.handlers.api import ApiHandler
from tornadogw.handlers.base import REQUEST_ID
from tornadogw.store.ports import StoreUnavailable

__all__ = ["RequestsHandler"]


class RequestsHandler(ApiHandler):
    """An id of another account's is as unknown as one that is nobody's."""

    @override
    async def get(self, wanted: str = "") -> None:
        found = None
        if REQUEST_ID.fullmatch(wanted):
            try:
                found = next(iter(await self.parts.decisions.find(wanted, self.caller.account_id, 1)), None)
            except StoreUnavailable:
                raise Unavailable(retry_after=1) from None
        if found is None:
            path = self.request.path[:200]
            raise UnknownPath(zh=path, en=path)
        names = self.parts.settings.explain.upstream_names
        self.answer({"code": 0, "message": "ok", "data": for_user(found, names=names)})
