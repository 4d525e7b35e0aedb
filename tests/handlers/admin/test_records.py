from __future__ import annotations

import asyncio
import time

from tests.handlers.admin.program import made
from tests.running import CHAT, OWNER


async def next_moment() -> None:
    """Calls are in order of the millisecond in which they began; of one millisecond they are in any."""
    now = int(time.time() * 1000)
    while int(time.time() * 1000) <= now:
        await asyncio.sleep(0)


async def test_what_happened(start) -> None:
    async with start() as gateway:
        program, owner = await made(gateway, "usage:read", "audit:read"), await gateway.accounts.show(OWNER)
        for number in range(3):
            assert (await gateway.ask(headers={"X-Request-Id": f"call-{number}"}))[0] == 200
            await next_moment()
        assert (await gateway.ask({**CHAT, "model": "no"}, headers={"X-Request-Id": "refused"}))[0] == 400
        await gateway.events()
        await gateway.gateway.parts.gate.decided.decisions.rest()
        every = await program.do("GET", f"calls?account_id={owner.id}")
        assert [each["id"] for each in every["items"]] == ["refused", "call-2", "call-1", "call-0"]
        page = await program.do("GET", "calls?model=echo&limit=2")
        rest = await program.do("GET", f"calls?model=echo&limit=2&cursor={page['next']}")
        assert [each["id"] for each in (*page["items"], *rest["items"])] == ["call-2", "call-1", "call-0"]
        assert [each["id"] for each in (await program.do("GET", "calls?failed=true"))["items"]] == ["refused"]

        [decision] = await program.do("GET", "calls/call-1")
        assert (decision["model"], decision["account_id"], decision["charge"]["cost"]) == ("echo", owner.id, 0)
        assert await program.do("GET", "calls/nobodys") == []
        [row] = await program.do("GET", f"accounts/{owner.id}/usage?days=2&by=model")
        assert (row["model"], row["requests"]) == ("echo", 3)
        totals = await program.do("GET", "usage?days=2")
        assert {each["model"] for each in totals} <= {"echo"}, "they may be some seconds late"
        await program.refused(404, "not_found", "GET", "accounts/gone/usage")
        await program.refused(422, "unprocessable", "GET", "usage?days=0")

        for number in range(3):
            await gateway.accounts.credit(OWNER, "1", ref=f"r{number}", by="tester")
        page = await program.do("GET", "audit?by=tester&limit=2")
        rest = await program.do("GET", "audit", params={"by": "tester", "limit": "2", "cursor": page["next"]})
        assert [each["subject"] for each in (*page["items"], *rest["items"])] == ["r2", "r1", "r0"]
        assert page["items"][0]["after"]["amount"] == 1_000_000
        assert await program.acts() == []
