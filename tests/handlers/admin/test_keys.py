from __future__ import annotations

import pytest

from tests.handlers.admin.program import made


async def test_what_can_be_done_with_keys(start) -> None:
    async with start() as gateway:
        program = await made(gateway, "keys:read", "keys:write", "audit:read")
        ann = await gateway.accounts.create("ann@example.com")
        at = f"accounts/{ann.id}/keys"
        wanted = {"label": "app", "rpm": 5, "models": ["echo"], "ips": ["127.0.0.1"], "budget_daily": 1_500_000}
        new = await program.do("POST", at, {**wanted, "expires": "1d", "concurrent": 2})
        key, text = new["key"], new["text"]
        assert (key["label"], key["rpm"], key["models"], key["budget_daily"]) == ("app", 5, ["echo"], 1_500_000)
        assert (await gateway.ask(headers={"X-API-Key": text}))[0] == 200
        [listed] = await program.do("GET", at)
        moments = {name: pytest.approx(key[name], abs=0.01) for name in ("created", "expires")}
        assert listed == {**key, **moments}
        assert (await program.do("GET", "keys?search=ap"))["items"] == [listed]
        assert (await program.do("GET", f"keys?search={key['id']}"))["items"] == [listed]

        changed = await program.do("PATCH", f"{at}/{key['id']}", {"budget_daily": None, "budget_total": 7})
        assert (changed["budget_daily"], changed["budget_total"], changed["disabled"]) == (None, 7, False)
        rotated = await program.do("POST", f"{at}/{key['id']}/rotate")
        assert rotated["text"] != text
        assert (await program.do("PATCH", f"{at}/{key['id']}", {"disabled": True}))["disabled"]
        assert not (await program.do("PATCH", f"{at}/{key['id']}", {"disabled": False}))["disabled"]
        for path in (f"{at}/gone", f"accounts/gone/keys/{key['id']}"):
            await program.refused(404, "not_found", "PATCH", path, {"disabled": True})
        await program.refused(422, "unprocessable", "PATCH", f"{at}/{key['id']}", {})
        await program.refused(422, "unprocessable", "POST", at, {"ips": ["nowhere"]})
        await program.refused(422, "unprocessable", "GET", "keys")
        acts = ["key.create", "key.budget", "key.rotate", "key.disable", "key.enable"]
        assert await program.acts() == acts
        lines = await program.do("GET", f"audit?act=key&account_id={ann.id}")
        assert [each["act"] for each in reversed(lines["items"])] == acts
        assert text not in str(lines)
