from __future__ import annotations

from tests.handlers.admin.program import Program, made
from tests.running import OWNER
from tornadogw.store.ports_health import Told


async def test_upstreams_that_are_left_alone(start) -> None:
    async with start() as gateway:
        program = await made(gateway, "upstreams:read", "upstreams:write")
        assert await program.do("GET", "marks") == []
        spot = ("up", "fingerprint", "m")
        await program.office.health.tell([Told(spot, "up#1", age=0.0, openings=2, disabled=True)])
        [mark] = await program.do("GET", "marks")
        assert (mark["upstream"], mark["key"], mark["model"], mark["disabled"]) == ("up", "up#1", "m", True)
        assert "fingerprint" not in str(mark)
        assert await program.do("POST", "marks/enable", {"name": "up#1"}) == {"places": 1}
        assert await program.do("GET", "marks") == []
        await program.refused(404, "not_found", "POST", "marks/enable", {"name": "up#1"})
        assert await program.acts() == ["upstream.enable"]


async def test_tokens_make_tokens_that_can_do_no_more(start) -> None:
    async with start() as gateway:
        program = await made(gateway, "tokens:read", "tokens:write", "plans:read")
        new = await program.do("POST", "tokens", {"scopes": ["plans:read"], "label": "reader", "expires": "1d"})
        child = Program(gateway, new["text"])
        assert await child.do("GET", "plans") == []
        for scopes, status in ((["plans:write"], 403), (["nothing"], 422), ([], 422)):
            assert (await program.ask("POST", "tokens", {"scopes": scopes}))[0] == status
        listed = await program.do("GET", "tokens")
        assert [each["label"] for each in listed] == ["reader", ""]
        assert new["text"] not in str(listed)
        assert listed[0]["account_id"] == (await gateway.accounts.show(OWNER)).id
        assert (await program.do("DELETE", f"tokens/{new['token']['id']}"))["revoked"] is not None
        await child.refused(401, "invalid_token", "GET", "plans")
        await program.refused(404, "not_found", "DELETE", "tokens/gone")
        assert await program.acts() == ["token.create", "token.revoke"]
