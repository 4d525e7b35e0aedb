from __future__ import annotations

import asyncio
import time

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
        assert key["last_used"] is None
        before = time.time()
        assert (await gateway.ask(headers={"X-API-Key": text}))[0] == 200
        async with asyncio.timeout(10):
            while (listed := (await program.do("GET", at))[0])["last_used"] is None:
                await asyncio.sleep(0.02)
        assert before - 1 < listed["last_used"] < time.time() + 1
        moments = {name: pytest.approx(key[name], abs=0.01) for name in ("created", "expires")}
        moments["last_used"] = listed["last_used"]
        assert listed == {**key, **moments}
        assert (await program.do("GET", "keys?search=ap"))["items"] == [listed]
        assert (await program.do("GET", f"keys?search={key['id']}"))["items"] == [listed]

        changed = await program.do("PATCH", f"{at}/{key['id']}", {"budget_daily": None, "budget_total": 7})
        assert (changed["budget_daily"], changed["budget_total"], changed["disabled"]) == (None, 7, False)
        limits = {"rpm": 6, "tokens_per_minute": 9, "models": ["echo", "auto"], "ips": ["192.0.2.0/24"], "label": "new"}
        after = await program.do("PATCH", f"{at}/{key['id']}", {**limits, "stream_default": False, "expires": "3d"})
        assert after == {**changed, **limits, "stream_default": False, "expires": after["expires"]}
        assert after["expires"] > key["expires"] + 86_400
        names = ("rpm", "models", "stream_default", "budget_total", "tokens_per_minute", "concurrent", "expires")
        freed = await program.do("PATCH", f"{at}/{key['id']}", dict.fromkeys([*names, "ips"]))
        assert freed == {**after, **dict.fromkeys(names), "ips": []}
        for wrong in ({"expires": "never"}, {"expires": "keep"}, {"expires": ""}, {"label": None}, {"ips": ["x"]}):
            await program.refused(422, "unprocessable", "PATCH", f"{at}/{key['id']}", {**wrong, "rpm": 1})
        assert (await program.do("GET", at))[0]["rpm"] is None
        rotated = await program.do("POST", f"{at}/{key['id']}/rotate")
        assert rotated["text"] != text
        assert (await program.do("PATCH", f"{at}/{key['id']}", {"disabled": True}))["disabled"]
        assert not (await program.do("PATCH", f"{at}/{key['id']}", {"disabled": False}))["disabled"]
        for path in (f"{at}/gone", f"accounts/gone/keys/{key['id']}"):
            await program.refused(404, "not_found", "PATCH", path, {"disabled": True})
        await program.refused(422, "unprocessable", "PATCH", f"{at}/{key['id']}", {})
        await program.refused(422, "unprocessable", "POST", at, {"ips": ["nowhere"]})
        await program.refused(422, "unprocessable", "GET", "keys")
        acts = ["key.create", "key.change", "key.change", "key.change", "key.rotate", "key.disable", "key.enable"]
        assert await program.acts() == acts
        lines = await program.do("GET", f"audit?act=key&account_id={ann.id}")
        assert [each["act"] for each in reversed(lines["items"])] == acts
        assert text not in str(lines)
        budget = {"budget_daily": [1_500_000, None], "budget_total": [None, 7]}
        line = lines["items"][-2]
        assert {name: [line["before"][name], line["after"][name]] for name in budget} == budget
        peer = await gateway.accounts.create("olga@example.com", role="operator")
        hers = (await program.office.keys.create(peer.email)).key
        await program.refused(403, "forbidden", "PATCH", f"accounts/{peer.id}/keys/{hers.id}", {"rpm": 1})


async def test_changes_of_a_key_at_the_same_moment_are_all_kept(start) -> None:
    async with start() as gateway:
        program = await made(gateway, "keys:read", "keys:write")
        ann = await gateway.accounts.create("ann@example.com")
        key = (await program.office.keys.create(ann.email, rpm=1)).key
        at = f"accounts/{ann.id}/keys/{key.id}"
        fields = ({"rpm": 2}, {"label": "x"}, {"concurrent": 3}, {"tokens_per_minute": 4})
        await asyncio.gather(*(program.do("PATCH", at, each) for each in fields))
        [after] = await program.office.keys.list(ann.email)
        assert (after.rpm, after.label, after.concurrent, after.tokens_per_minute) == (2, "x", 3, 4)
