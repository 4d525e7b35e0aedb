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
from tornadogw.portal.form import Forbidden
from tornadogw.portal.private import PrivatePage, visit_of
from tornadogw.router import AUTO
from tornadogw.store.ports import StoreUnavailable

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
    """`POST chat/completions` with a login in place of a key. Each account has a key for it, whose text nobody sees: it
    follows from the server's secret. It is listed, limited and disabled as every key is.
    """

    access: ClassVar[Access] = "login"

    @override
    async def key(self) -> str:
        """Raises GatewayError for who has not logged in, and for another site's request."""
        try:
            self.check_xsrf_cookie()
        except HTTPError:
            raise Forbidden(zh="页面已过期：请重新加载", en="the page is out of date: load it again") from None
        try:
            visit = await visit_of(self)
            if visit is None:
                raise Forbidden(zh="请重新登录", en="log in again")
            text = derived_key(self.parts.secret.derive(f"playground/1/{visit.account.id}", 30))
            await self.parts.office.keys.ensure(visit.account, text, label=LABEL, by=visit.by)
        except StoreUnavailable:
            raise Unavailable(retry_after=1) from None
        return text

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
