from __future__ import annotations

import asyncio

from tornadogw import aftermath
from tornadogw.aftermath import Aftermath
from tornadogw.types import Record


def record(name):
    return Record(id=name, account_id="a", key_id="k", mode="chat", asked="m")


async def test_records_are_told_in_order_and_before_the_end():
    told = []

    async def tell(one):
        await asyncio.sleep(0)
        told.append(one.id)

    after = Aftermath(tell)
    for name in "abc":
        after.finished(record(name))
    await after.close()
    assert told == ["a", "b", "c"]


async def test_without_a_listener_nothing_runs():
    after = Aftermath(None)
    after.finished(record("a"))
    await after.close()
    assert len(asyncio.all_tasks()) == 1


async def test_what_does_not_fit_is_dropped_and_counted(monkeypatch, claim_log):
    monkeypatch.setattr(aftermath, "WAITING", 2)
    monkeypatch.setattr(aftermath, "CLOSING", 0.05)
    claim_log("tornadogw.aftermath", "3 finished calls")

    async def hang(one):
        await asyncio.Event().wait()

    after = Aftermath(hang)
    for name in "abc":
        after.finished(record(name))
    await asyncio.sleep(0)
    await after.close()
