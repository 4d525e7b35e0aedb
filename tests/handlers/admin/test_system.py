from __future__ import annotations

from tests.handlers.admin.program import Program, made
from tests.running import OWNER, chat_settings
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


async def test_settings_and_plugins_are_told_and_no_secret(start) -> None:
    async with start(chat_settings("http://key:hidden@127.0.0.1:9/v1")) as gateway:
        program = await made(gateway, "settings:read")
        lines = {each["key"]: each for each in await program.do("GET", "settings")}
        assert lines.keys() == {each.key for each in gateway.gateway.parts.lines}
        assert "settings.toml:" in lines["upstreams[0].keys"]["origin"]
        assert lines["limits.key_per_minute"]["origin"] == "default"
        assert lines["limits.key_per_minute"]["help"]
        told = str(lines)
        assert "hidden" not in told
        assert "sk-upstream" not in told
        plugins = await program.do("GET", "plugins")
        assert [each["name"] for each in plugins] == [each.name for each in gateway.gateway.parts.plugins]
        assert all(each["tier"] and not each["blocked"] for each in plugins)
        other = await made(gateway, "accounts:read")
        for path in ("settings", "plugins"):
            await other.refused(403, "forbidden", "GET", path)


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
