from __future__ import annotations

import time

import pytest

from tests.handlers.admin.program import made
from tests.running import OWNER
from tornadogw.accounts.two_factor import code_at

ANN = "ann@example.com"


async def test_what_can_be_done_with_an_account(start) -> None:
    async with start() as gateway:
        program = await made(gateway)
        new = await program.do("POST", "accounts", {"email": " Ann@Example.com ", "password": True, "language": "zh"})
        ann = new["account"]
        assert (ann["email"], ann["role"], len(new["password"]), ann["has_password"]) == (ANN, "user", 16, True)
        at = f"accounts/{ann['id']}"
        await program.refused(409, "conflict", "POST", "accounts", {"email": ANN})
        await program.refused(422, "unprocessable", "POST", "accounts", {"email": "ann"})
        assert await program.do("GET", at) == {**ann, "created": pytest.approx(ann["created"], abs=0.01)}
        await program.refused(404, "not_found", "GET", "accounts/0123456789abcdef")

        paid = await program.do("POST", f"{at}/credits", {"amount": 2_500_000, "reason": "bank", "ref": "b-1"})
        assert (paid["amount"], paid["account"]["balance"], paid["repeated"]) == (2_500_000, 2_500_000, False)
        again = await program.do("POST", f"{at}/credits", {"amount": 2_500_000, "reason": "bank", "ref": "b-1"})
        assert (again["account"]["balance"], again["repeated"]) == (2_500_000, True)
        other = {"amount": 1, "reason": "bank", "ref": "b-1"}
        assert "belongs to another payment" in await program.refused(409, "conflict", "POST", f"{at}/credits", other)
        await program.refused(422, "unprocessable", "POST", f"{at}/credits", {"amount": 1, "reason": " "})
        taken = await program.do("POST", f"{at}/debits", {"amount": 3_000_000, "reason": "mistake"})
        assert taken["account"]["balance"] == -500_000

        changed = {"status": "disabled", "language": None, "role": "reader", "time_zone": "Asia/Shanghai"}
        after = await program.do("PATCH", at, changed)
        assert (after["status"], after["language"], after["role"]) == ("disabled", None, "reader")
        await program.do("PATCH", at, {"status": "active"})
        assert (await program.do("PATCH", at, {"email": "Ann@New.example"}))["email"] == "ann@new.example"
        assert (await program.do("PATCH", at, {"email": ANN}))["email"] == ANN
        await program.refused(409, "conflict", "PATCH", at, {"email": OWNER})
        await program.refused(422, "unprocessable", "PATCH", at, {"email": "ann"})
        await program.refused(422, "unprocessable", "PATCH", at, {})
        await program.refused(422, "unprocessable", "PATCH", at, {"time_zone": "Mars/Olympus"})

        await program.do("POST", "plans", {"name": "basic", "daily": 1_000_000})
        await program.refused(404, "not_found", "POST", f"{at}/subscriptions", {"plan": "gone"})
        given = {"plan": "basic", "days": 3, "ref": "order-1"}
        standing = await program.do("POST", f"{at}/subscriptions", given)
        assert await program.do("POST", f"{at}/subscriptions", given) == standing
        assert (standing["time_zone"], standing["subscriptions"][0]["plan"]) == ("Asia/Shanghai", "basic")
        assert (await program.do("GET", f"{at}/subscriptions"))["subscriptions"][0]["plan"] == "basic"
        ended = await program.do("DELETE", f"{at}/subscriptions")
        assert ended["subscriptions"][0]["until"] < standing["subscriptions"][0]["until"]

        account = await program.office.desk.show(ann["id"])
        for agent in ("a", "b"):
            await program.office.logins.begin(account, agent=agent)
        newest, oldest = await program.do("GET", f"{at}/logins")
        assert {newest["agent"], oldest["agent"]} == {"a", "b"}
        assert await program.do("DELETE", f"{at}/logins/{oldest['id']}") is None
        await program.refused(404, "not_found", "DELETE", f"{at}/logins/{oldest['id']}")
        await program.do("DELETE", f"{at}/logins")
        assert await program.do("GET", f"{at}/logins") == []
        reset = await program.do("POST", f"{at}/password")
        assert await program.office.accounts.log_in(ANN, reset["password"]) is not None
        acts = await program.acts()
        assert acts == [
            "account.create",
            "account.credit",
            "account.debit",
            "account.role",
            "account.disable",
            "account.zone",
            "account.language",
            "account.enable",
            "account.email",
            "account.email",
            "plan.create",
            "account.plan",
            "account.plan_end",
            "account.log_out",
            "account.log_out",
            "account.password",
        ]


async def test_payments_and_orders_of_an_account_are_listed(start) -> None:
    async with start() as gateway:
        program, ann = await made(gateway, "accounts:read"), await gateway.accounts.create(ANN)
        at = f"accounts/{ann.id}"
        await gateway.accounts.credit(ANN, "2.5", ref="b-1", by="bank")
        await gateway.accounts.debit(ANN, "3", ref="b-2", by="bank")
        paid = await program.do("GET", f"{at}/payments")
        assert [(each["ref"], each["amount"], each["by"]) for each in paid] == [
            ("b-2", -3_000_000, "bank"),
            ("b-1", 2_500_000, "bank"),
        ]
        assert await program.do("GET", f"{at}/payments?limit=1") == paid[:1]
        opened = await program.office.orders.open(ANN, "2", provider="shop", due="1.5", currency="USD")
        [order] = await program.do("GET", f"{at}/orders")
        assert (order["id"], order["amount"], order["state"]) == (opened.id, 2_000_000, "pending")
        assert (order["due"], order["currency"]) == (1_500_000, "USD")
        await gateway.accounts.credit(ANN, "1000000", ref="b-3", by="bank")
        large = await (await made(gateway, "audit:read")).do("GET", f"audit?account_id={ann.id}&act=account.credit")
        assert large["items"][0]["after"]["amount"] == 10**12
        for path in ("payments", "orders"):
            await program.refused(404, "not_found", "GET", f"accounts/gone/{path}")
            await program.refused(422, "unprocessable", "GET", f"{at}/{path}?limit=0")


async def test_a_second_factor_is_taken_away_from_who_has_lost_it(start) -> None:
    async with start() as gateway:
        program = await made(gateway, "accounts:write")
        ann, service = await gateway.accounts.create(ANN, password="password"), program.office.two_factor
        at = f"accounts/{ann.id}/two-factor"
        await program.refused(404, "not_found", "DELETE", at)
        setup = await service.begin(ann, "password")
        await service.confirm(ann, setup.sealed, code_at(setup.secret, time.time()))
        await (await made(gateway, "accounts:read")).refused(403, "forbidden", "DELETE", at)
        owner = await gateway.accounts.show(OWNER)
        await program.refused(403, "forbidden", "DELETE", f"accounts/{owner.id}/two-factor")
        assert await service.on(ann)
        assert await program.do("DELETE", at) is None
        assert not await service.on(ann)
        assert await program.acts() == ["account.two_factor_off"]


async def test_accounts_are_found_by_pages(start) -> None:
    async with start() as gateway:
        program = await made(gateway, "accounts:read")
        for name in ("a1", "a2", "a3", "b"):
            await gateway.accounts.create(f"{name}@example.com")
        first = await program.do("GET", "accounts?search=a&limit=2")
        assert [each["email"] for each in first["items"]] == ["a1@example.com", "a2@example.com"]
        rest = await program.do("GET", "accounts", params={"search": "a", "limit": "2", "cursor": first["next"]})
        assert ([each["email"] for each in rest["items"]], rest["next"]) == (["a3@example.com"], None)
        owners = await program.do("GET", "accounts?role=owner&status=active")
        assert [each["email"] for each in owners["items"]] == [OWNER]


async def test_without_the_scope_for_roles_nobody_rises(start) -> None:
    async with start() as gateway:
        program, owner = await made(gateway, "accounts:write", "money:write"), await gateway.accounts.show(OWNER)
        await program.refused(403, "forbidden", "POST", "accounts", {"email": ANN, "role": "operator"})
        await program.refused(403, "forbidden", "POST", f"accounts/{owner.id}/password")
        await program.refused(403, "forbidden", "POST", f"accounts/{owner.id}/credits", {"amount": 1, "reason": "x"})
        ann = (await program.do("POST", "accounts", {"email": ANN}))["account"]
        await program.refused(403, "forbidden", "PATCH", f"accounts/{ann['id']}", {"role": "owner"})
        everything = await made(gateway)
        assert "last active owner" in await everything.refused(
            409, "conflict", "PATCH", f"accounts/{owner.id}", {"role": "user"}
        )
