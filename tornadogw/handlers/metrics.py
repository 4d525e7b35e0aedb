"""`/metrics`: figures of this process. At an address of their own for whoever reaches it, at the API's with a token."""

from __future__ import annotations

import hmac
from typing import ClassVar

from typing_extensions import override

from tornadogw.errors import UnknownPath
from tornadogw.handlers.api import bearer
from tornadogw.handlers.base import Access, BaseHandler

__all__ = ["MetricsHandler", "OwnAddressHandler"]

_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


class MetricsHandler(BaseHandler):
    """Whoever lacks the token finds nothing here, whatever the verb."""

    access: ClassVar[Access] = "public"

    @override
    async def check(self) -> None:
        if self.parts.metrics is None or not self.admitted():
            path = self.request.path[:200]
            raise UnknownPath(zh=path, en=path)
        await super().check()

    @override
    async def get(self) -> None:
        metrics = self.parts.metrics
        assert metrics is not None  # noqa: S101 - told to the type checker: `check` has looked
        self.fields["Content-Type"] = _FORMAT
        self.fields["Connection"] = "close"  # the next scrape may reach another worker, whose turn it is
        _ = self.finish(await metrics.text())

    def admitted(self) -> bool:
        """Whether the request has the token."""
        token = self.parts.settings.metrics.token
        sent = bearer(self.request.headers.get("Authorization", ""))
        return bool(token) and hmac.compare_digest(sent.encode(), token.encode())


class OwnAddressHandler(MetricsHandler):
    """On an address that serves nothing else."""

    @override
    def admitted(self) -> bool:
        return True
