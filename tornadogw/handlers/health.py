"""`/healthz`: the process lives. `/readyz`: it can serve. Any other path outside the API is unknown."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from tornadogw.errors import UnknownPath
from tornadogw.handlers.base import Access, BaseHandler

__all__ = ["HealthHandler", "NowhereHandler", "ReadyHandler"]


class HealthHandler(BaseHandler):
    access: ClassVar[Access] = "public"

    @override
    def get(self) -> None:
        self.answer({"code": 0, "message": "ok", "data": {"alive": True}})


class ReadyHandler(BaseHandler):
    access: ClassVar[Access] = "public"

    @override
    async def get(self) -> None:
        await self.parts.ready()
        self.answer({"code": 0, "message": "ok", "data": {"ready": True}})


class NowhereHandler(BaseHandler):
    access: ClassVar[Access] = "public"
    verbs: ClassVar[tuple[str, ...]] = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

    @override
    async def check(self) -> None:
        path = self.request.path[:200]
        raise UnknownPath(zh=path, en=path)
