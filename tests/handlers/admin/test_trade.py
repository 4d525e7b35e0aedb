from __future__ import annotations

from tests.handlers.admin.program import made


async def test_plans(start) -> None:
    async with start() as gateway:
        program = await made(gateway, "plans:read", "plans:write")
        new = await program.do("POST", "plans", {"name": "基本", "daily": 1_500_000, "factor": 800_000})
        assert (new["daily"], new["factor"], new["models"], new["days"]) == (1_500_000, 800_000, None, 30)
        await program.refused(409, "conflict", "POST", "plans", {"name": "基本", "daily": 1})
        changed = await program.do("PATCH", "plans/基本", {"models": ["echo"], "daily": 2, "prepaid_after": False})
        assert (changed["models"], changed["daily"], changed["prepaid_after"]) == (["echo"], 2, False)
        assert (await program.do("PATCH", "plans/基本", {"models": None}))["models"] is None
        assert (await program.do("PATCH", "plans/基本", {"rpm": 5}))["rpm"] == 5
        assert (await program.do("PATCH", "plans/基本", {"rpm": None}))["rpm"] is None
        assert await program.do("GET", "plans/基本") == (await program.do("GET", "plans"))[0]
        assert not (await program.do("POST", "plans/基本/archive"))["active"]
        assert (await program.do("POST", "plans/基本/offer"))["active"]
        for method, path, body in (
            ("GET", "plans/gone", None),
            ("PATCH", "plans/gone", {"daily": 1}),
            ("POST", "plans/gone/archive", None),
            ("POST", "plans/gone/offer", None),
        ):
            await program.refused(404, "not_found", method, path, body)
        await program.refused(422, "unprocessable", "PATCH", "plans/基本", {})
        assert await program.acts() == ["plan.create", *4 * ["plan.change"], "plan.archive", "plan.offer"]


async def test_codes_and_invitations(start) -> None:
    async with start() as gateway:
        program = await made(gateway, "codes:read", "codes:write", "accounts:read", "accounts:write")
        made_codes = await program.do("POST", "code-batches", {"count": 2, "amount": 5, "expires": "1d"})
        assert len(set(made_codes["codes"])) == 2
        second = await program.do("POST", "code-batches", {"count": 1, "amount": 7, "label": "more"})
        first_page = await program.do("GET", "code-batches?limit=1")
        assert [each["id"] for each in first_page["items"]] == [second["id"]]
        rest = await program.do("GET", f"code-batches?limit=1&cursor={first_page['next']}")
        assert ([each["id"] for each in rest["items"]], rest["next"]) == ([made_codes["id"]], None)
        await gateway.accounts.create("ann@example.com")
        redeemed = await program.office.codes.redeem("ann@example.com", made_codes["codes"][0])
        assert redeemed.account.balance == 5
        voided = await program.do("POST", f"code-batches/{made_codes['id']}/void")
        assert (voided["used"], voided["voided"] is not None) == (1, True)
        await program.refused(404, "not_found", "POST", "code-batches/gone/void")
        both = {"count": 1, "amount": 1, "plan": "basic"}
        assert "either an amount or a plan" in await program.refused(422, "unprocessable", "POST", "code-batches", both)

        new = await program.do("POST", "invitations", {"uses": 3})
        assert len(new["code"]) == 16
        [listed] = await program.do("GET", "invitations")
        assert (listed["id"], listed["uses"], listed["by"], listed["code"]) == (new["id"], 3, new["by"], None)
        assert await program.do("DELETE", f"invitations/{new['id']}") is None
        await program.refused(404, "not_found", "DELETE", f"invitations/{new['id']}")
        acts = ["code.create", "code.create", "code.void", "invitation.create", "invitation.withdraw"]
        assert await program.acts() == acts
