from __future__ import annotations

import csv
import re

from tests.portal.browser import Visitor
from tests.portal.staff import staff


async def test_plans(start) -> None:
    async with start() as gateway, staff(gateway, "user", "reader", "operator") as people:
        operator, plans = people.visitors["operator"], people.office.plans
        assert "No plans yet." in await operator.get("/admin/plans")
        fields = {"name": "basic", "daily": "2.5", "days": "7", "factor": "0.8", "models": "m, n", "rpm": "60"}
        await operator.send("/admin/plans", "create", **fields, prepaid_after="1")
        plan = await plans.show("basic")
        assert (plan.daily, plan.days, plan.factor, plan.models, plan.rpm) == (2_500_000, 7, 800_000, ("m", "n"), 60)
        assert (plan.prepaid_after, plan.prepaid_outside) == (True, False)
        for wrong, words in (
            ({"name": "basic"}, "already"),
            ({"daily": "much"}, "not an amount"),
            ({"factor": "0"}, "price factor"),
            ({"rpm": "x"}, "whole number"),
            ({"days": "9999"}, "Days are 1 to"),
        ):
            await operator.send("/admin/plans", "create", **{**fields, "name": "other", **wrong})
            assert (operator.status, words in operator.wrong) == (422, True), wrong
            assert 'value="0.8"' in operator.text or "factor" in wrong
        await operator.get("/admin/plans?plan=basic")
        assert "Change the plan basic" in operator.text
        assert 'value="2.50"' in operator.text
        await operator.send("/admin/plans?plan=basic", "change", name="basic", daily="3", days="7")
        plan = await plans.show("basic")
        assert (plan.daily, plan.models, plan.rpm, plan.prepaid_after) == (3_000_000, None, None, False)
        await operator.send("/admin/plans?plan=basic", "change", name="basic", daily="no", prepaid_outside="1")
        ticks = re.findall(r'name="(prepaid_\w+)" value="1" checked', operator.text)
        assert ticks == ["prepaid_outside"], "a form that comes back is as it was sent"
        await operator.get("/admin/plans?plan=basic")
        seen = re.findall(r'name="seen" value="(\w+)"', operator.text)
        await plans.change("basic", daily="9", by="another operator")
        sent = {"name": "basic", "daily": "3", "days": "8", "seen": seen}
        await operator.send("/admin/plans?plan=basic", "change", **sent)
        assert (operator.status, "changed meanwhile" in operator.wrong) == (422, True)
        assert (await plans.show("basic")).daily == 9_000_000, "what somebody else has changed is not taken back"
        await plans.change("basic", daily="3")
        await operator.send("/admin/plans?plan=basic", "change", **sent)
        assert (await plans.show("basic")).days == 8
        await operator.send("/admin/plans", "archive", name="basic")
        assert not (await plans.show("basic")).active
        assert "Offer again" in operator.text
        await operator.send("/admin/plans", "offer", name="basic")
        assert (await plans.show("basic")).active
        assert "Offer again" not in operator.text
        for act in ("archive", "offer"):
            await operator.send("/admin/plans", act, name="none")
            assert operator.status == 422
        acts = [act for act, _, _ in await people.acts()][:7]
        assert acts == ["plan.offer", "plan.archive", *4 * ["plan.change"], "plan.create"]
        for act in ("archive", "offer"):
            await people.refused("/admin/plans", act, name="basic")


async def test_codes_come_once_as_a_file(start) -> None:
    async with start() as gateway, staff(gateway, "user", "reader", "operator") as people:
        operator, codes = people.visitors["operator"], people.office.codes
        await operator.send("/admin/codes", "create", count="3", amount="5", expires="30d", label="fair")
        assert operator.headers["Content-Type"].startswith("text/csv")
        assert operator.headers["Cache-Control"] == "no-store"
        assert re.fullmatch(r'attachment; filename="codes-[0-9a-f]{8}.csv"', operator.headers["Content-Disposition"])
        rows = list(csv.DictReader(operator.text.splitlines()))
        assert [(row["worth"], bool(row["expires"])) for row in rows] == [("5", True)] * 3
        redeemed = await codes.redeem("user@example.com", rows[0]["code"])
        assert redeemed.account.balance == 5_000_000
        await operator.get("/admin/codes")
        assert "1 / 3" in operator.text
        assert not any(row["code"] in operator.text for row in rows)
        [batch] = await codes.list()
        await operator.send("/admin/codes", "void", id=batch.id)
        [batch] = await codes.list()
        assert batch.voided is not None
        for wrong in ({"count": "3"}, {"count": "0", "amount": "1"}, {"count": "1", "amount": "1", "plan": "none"}):
            await operator.send("/admin/codes", "create", **wrong)
            assert operator.status == 422, wrong
            assert operator.wrong
        assert [act for act, by, _ in await people.acts() if by == "operator@example.com"] == [
            "code.void",
            "code.create",
        ]
        await people.refused("/admin/codes", "create", count="1", amount="1")
        for _ in range(21):
            await codes.create(count=1, amount="1")
        await operator.get("/admin/codes")
        assert operator.text.count('value="void"') == 20
        [older] = re.findall(r'rel="next" href="([^"]+)"', operator.text)
        await operator.get(older)
        assert batch.id in operator.text


async def test_invitations(start) -> None:
    settings = '[portal]\nregistration = "invitation"'
    async with start(settings) as gateway, staff(gateway, "user", "reader", "operator") as people:
        operator = people.visitors["operator"]
        await operator.send("/admin/invitations", "create", uses="2", expires="7d")
        code, link = re.findall(r"<pre[^>]*><code>([^<]+)</code></pre>", operator.text)
        assert link == f"{gateway.url}/register?invitation={code}"
        async with Visitor(gateway) as visitor:
            await visitor.get(link.removeprefix(gateway.url))
            assert code in visitor.text
        await operator.get("/admin/invitations")
        assert code not in operator.text
        [invitation] = await people.office.registration.invitations()
        assert (invitation.uses, invitation.what["by"]) == (2, "operator@example.com")
        for wrong in ({"uses": "0"}, {"uses": "x"}, {"expires": "soon"}):
            await operator.send("/admin/invitations", "create", **wrong)
            assert operator.status == 422, wrong
            assert operator.wrong
        await operator.send("/admin/invitations", "withdraw", id=invitation.id)
        assert operator.notice == "The invitation was withdrawn."
        await operator.send("/admin/invitations", "withdraw", id=invitation.id)
        assert operator.status == 422
        assert "No open invitations." in operator.text
        assert [act for act, by, _ in await people.acts() if by == "operator@example.com"] == [
            "invitation.withdraw",
            "invitation.create",
        ]
        await people.refused("/admin/invitations", "create", uses="1")
