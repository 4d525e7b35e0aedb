"""A program that uses the admin API of a running gateway."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.journeys.wire import check_envelope
from tests.running import OWNER, Running
from tornadogw.accounts.admin_tokens import SCOPES
from tornadogw.accounts.office import Office
from tornadogw.handlers.admin.operation import BASE


class Program:
    """`made` one first. `ask` gives (status, body); `do` the data of what has to succeed."""

    def __init__(self, run: Running, token: str) -> None:
        self.run, self.token = run, token
        self.headers: Any = {}

    @property
    def office(self) -> Office:
        return self.run.gateway.parts.office

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Language": "en"} | options.pop("headers", {})
        if body is not None:
            options["data"] = body if isinstance(body, bytes) else msgspec.json.encode(body)
            headers.setdefault("Content-Type", "application/json")
        async with self.run.session.request(method, self.run.url + BASE + path, headers=headers, **options) as got:
            self.headers = got.headers
            return got.status, await got.json()

    async def do(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        status, given = await self.ask(method, path, body, **options)
        assert (status, given["code"], given["message"]) == (200, 0, "ok"), given
        return given["data"]

    async def refused(self, wanted: int, slug: str, method: str, path: str, body: Any = None, **options: Any) -> str:
        """The sentence of what has to be refused so."""
        status, given = await self.ask(method, path, body, **options)
        assert status == wanted, given
        told = msgspec.json.encode(given).replace(OWNER.encode(), b"owner@example.com")
        check_envelope(msgspec.json.decode(told), given["code"], slug)
        return given["message"]

    async def acts(self) -> list[str]:
        """What the audit log says that this program did, oldest first."""
        [bearer] = [await self.office.admin_tokens.find(self.token)]
        assert bearer is not None
        return [each.act for each in await self.office.audit.entries() if each.by == bearer.actor.by]


async def made(run: Running, *scopes: str, email: str = OWNER, **options: Any) -> Program:
    """A program with a token of the account; without scopes: with all of them."""
    tokens = run.gateway.parts.office.admin_tokens
    return Program(run, (await tokens.create(email, scopes or [*SCOPES], **options)).text)
