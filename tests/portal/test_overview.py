"""Overview: money, plan, what the last days came to; whole without JavaScript."""

from __future__ import annotations

import asyncio
import re

from tests.portal.browser import PASSWORD, Visitor
from tests.running import CHAT, chat_settings
from tornadogw.portal.overview import Row, row, rows_of
from tornadogw.store.ports_usage import Count, UsageDay
from tornadogw.testing import Answer, FakeUpstream

ANN = "ann@example.com"
SAID = b"".join(
    b'data: {"id":"1","model":"m","choices":%s}\n\n' % each
    for each in (
        b'[{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":null}]',
        b'[{"index":0,"delta":{},"finish_reason":"stop"}]',
        b'[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}',
    )
)


async def test_calls_and_plan_are_seen_at_once(start) -> None:
    async with (
        FakeUpstream(Answer(body=SAID + b"data: [DONE]\n\n")) as upstream,
        start(chat_settings(upstream.url, price="500000")) as gateway,
    ):
        office = gateway.gateway.parts.office
        await gateway.accounts.create(ANN, password=PASSWORD)
        await gateway.accounts.credit(ANN, "50")
        new = await office.keys.create(ANN)
        async with Visitor(gateway) as visitor:
            await visitor.log_in(ANN)
            assert "No calls yet." in visitor.text
            assert "50.00" in visitor.text
            assert "<svg" not in visitor.text
            for _ in range(3):
                status, _ = await gateway.ask({**CHAT, "model": "m", "max_tokens": 2}, headers={"X-API-Key": new.text})
                assert status == 200
            await office.plans.create("pro", daily="10", by="test")
            await office.subscriptions.subscribe(ANN, "pro", by="test")
            await gateway.gateway.ledger.rest()
            async with asyncio.timeout(10):  # days are written after the calls
                while "15.00" not in await visitor.get("/console"):
                    await asyncio.sleep(0.02)
            assert len(re.findall('<svg class="chart"', visitor.text)) == 3
            assert visitor.text.count("<rect") == 3 * 30 + 1, "and one by model"
            assert '<rect width="100.0"' in visitor.text
            assert "15.00" in visitor.text, "three calls of ten tokens"
            assert ">30<" in visitor.text
            assert "35.00" in visitor.text
            assert "Plan pro" in visitor.text
            assert '<progress max="100" value="0"' in visitor.text
            assert visitor.text.count("/console/calls/") == 3
            await visitor.get("/console?lang=zh")
            assert "套餐 pro" in visitor.text
            assert not re.search(r"\sstyle=", visitor.text)


def test_rows_are_sums_by_model_the_dearest_first() -> None:
    days = [
        UsageDay("20261126", models={"a": Count(1, 5, 10, 20), "b": Count(1, 50)}),
        UsageDay("20261127", models={"a": Count(2, 6, 1, 2), "": Count(4)}),
    ]
    assert list(rows_of(days)) == [Row("b", 1, 0, 50), Row("a", 3, 33, 11), Row("", 4, 0, 0)]
    assert row("x", []) == Row("x")
