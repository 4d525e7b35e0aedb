"""Try the models in a browser: the API's own handler, for who has logged in, and what a call came to."""

from __future__ import annotations

from typing import Any, ClassVar

from tornado.web import HTTPError
from typing_extensions import override

from tornadogw.accounts.accounts import format_amount
from tornadogw.auth import derived_key
from tornadogw.errors import Unavailable, UnknownPath
from tornadogw.handlers.base import REQUEST_ID, Access
from tornadogw.handlers.completions import CompletionsHandler
from tornadogw.portal.form import Forbidden, check_origin
from tornadogw.portal.private import PrivatePage, visit_of
from tornadogw.router import AUTO
from tornadogw.store.ports import StoreUnavailable
from tornadogw.types import Caller

__all__ = ["PlaygroundCostPage", "PlaygroundHandler", "PlaygroundPage"]

LABEL = "Playground"


class PlaygroundPage(PrivatePage):
    access: ClassVar[Access] = "login"
    verbs: ClassVar[tuple[str, ...]] = ("GET", "HEAD")
    template: ClassVar[str] = "console_playground.html"

    @override
    async def values(self) -> dict[str, Any]:
        models = [model.name for model in self.parts.catalogue.models if "chat" in model.modes]
        return {"models": [*models, AUTO], "chosen": self.get_query_argument("model", "")[:200]}


class PlaygroundHandler(CompletionsHandler):
    """`POST chat/completions` with a login in place of a key. Each account has a key for it, which is known by its id:
    that and its first text, which nobody sees, follow from the server's secret. It is listed, limited, disabled and
    rotated as every key is.
    """

    access: ClassVar[Access] = "login"

    @override
    async def who(self, address: str) -> Caller:
        """Raises GatewayError for who has not logged in, and for another site's request."""
        check_origin(self.request, self.parts.settings.server.public_url)
        try:
            self.check_xsrf_cookie()
        except HTTPError:
            raise Forbidden(zh="页面已过期：请重新加载", en="the page is out of date: load it again") from None
        try:
            visit = await visit_of(self)
            if visit is None:
                raise Forbidden(zh="请重新登录", en="log in again")
            secret, account = self.parts.secret, visit.account
            text = derived_key(secret.derive(f"playground/1/{account.id}", 30))
            key_id = secret.derive(f"playground-id/1/{account.id}", 6).hex()
            digest = await self.parts.office.keys.ensure(account, key_id, text, label=LABEL, by=visit.by)
        except StoreUnavailable:
            raise Unavailable(retry_after=1) from None
        return await self.parts.auth.caller_of(digest, address)

    @override
    def allow_origin(self) -> None:
        """No other site's script reads an answer."""


class PlaygroundCostPage(PrivatePage):
    """What one of one's own calls came to, as JSON; unknown until it is booked."""

    access: ClassVar[Access] = "login"
    verbs: ClassVar[tuple[str, ...]] = ("GET", "HEAD")

    @override
    async def get(self, *_rest: str) -> None:
        wanted, found = self.request.path.rpartition("/")[2], []
        if REQUEST_ID.fullmatch(wanted):
            found = list(await self.parts.decisions.find(wanted, self.visit.account.id, 1))
        if not found:
            raise UnknownPath
        call = found[0].record
        self.fields["Cache-Control"] = "no-store"
        self.answer(
            {
                "cost": f"{format_amount(call.cost)} {self.parts.settings.money.currency}",
                "prompt": call.usage.prompt,
                "completion": call.usage.completion,
                "reasoning": call.usage.reasoning,
                "model": call.model,
                "ms": call.ms,
                "first_event_ms": call.first_event_ms,
            }
        )
