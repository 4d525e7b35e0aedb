"""A user's money: codes are redeemed once and not guessed, orders and payments are one's own."""

from __future__ import annotations

from tests.portal.browser import PASSWORD, Visitor

ANN, BOB = "ann@example.com", "bob@example.com"


async def test_codes_payments_orders_and_plans(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        office = gateway.gateway.parts.office
        for email in (ANN, BOB):
            await gateway.accounts.create(email, password=PASSWORD)
        await gateway.accounts.credit(BOB, "77.77", ref="bobs-own")
        await visitor.log_in(ANN)
        await visitor.get("/console/money")
        assert "No payments yet." in visitor.text
        assert "77.77" not in visitor.text
        [code] = (await office.codes.create(count=1, amount="12.5", by="test")).codes
        await office.plans.create("pro", daily="1", days=3, by="test")
        [for_plan] = (await office.codes.create(count=1, plan="pro", by="test")).codes

        await visitor.send("/console/money", "redeem", code=code.lower())
        assert visitor.notice == "Redeemed: 12.50 CNY."
        assert visitor.text.count("12.50") >= 3, "balance, paid in, the payment"
        await visitor.send("/console/money", "redeem", code=code)
        assert "already redeemed" in visitor.notice
        await visitor.send("/console/money", "redeem", code=for_plan)
        assert visitor.notice == "Redeemed: plan pro for 3 days."
        assert '<span class="tag">now</span>' in visitor.text
        assert (await gateway.accounts.show(ANN)).balance == 12_500_000

        for account, provider in ((ANN, "stripes"), (BOB, "others")):
            await office.orders.open(account, "5", provider=provider, due="5", currency="USD", by="test")
        await visitor.get("/console/money?lang=zh")
        assert ("stripes" in visitor.text, "others" in visitor.text) == (True, False)
        assert "待付款" in visitor.text
        entry = (await office.audit.entries(ANN))[-1]
        assert entry.by != ANN or entry.act.startswith("order")

        await visitor.send("/console/money", "redeem", code="0123-4567-89AB-CDEF-GHJ")
        assert 'value="0123-4567-89AB-CDEF-GHJ"' in visitor.text, "whose wrong character is to be looked for"
        await visitor.get("/console/money?lang=en")
        for number in range(25):
            await visitor.send("/console/money", "redeem", code=f"guess {number}")
            assert visitor.status == (422 if number < 16 else 429), number
        assert "Too many tries" in visitor.wrong
