"""What was stored is added to its day once a second, and never twice."""

from __future__ import annotations

import asyncio

from tornadogw.day_writer import DayWriter
from tornadogw.store.ports import StoreUnavailable


class Days:
    def __init__(self, *answers: Exception) -> None:
        self.answers = list(answers)
        self.added: list[list[str]] = []

    async def add(self, events) -> None:
        self.added.append([each["_id"] for each in events])
        if self.answers:
            raise self.answers.pop(0)


async def test_many_are_one_write_and_the_rest_comes_at_the_end() -> None:
    days = Days()
    writer = DayWriter(days, every=0.001)
    writer.start()
    writer.add([{"_id": "a"}])
    writer.add([{"_id": "b"}])
    while not days.added:
        await asyncio.sleep(0.001)
    writer.add([{"_id": "c"}])
    await writer.close()
    assert days.added == [["a", "b"], ["c"]]


async def test_what_fails_is_not_repeated(claim_log) -> None:
    claim_log("tornadogw.day_writer", "1 calls could not be added")
    days = Days(StoreUnavailable(), ZeroDivisionError())
    writer = DayWriter(days)
    for name in "abc":
        writer.add([{"_id": name}])
        await writer.close()
    assert days.added == [["a"], ["b"], ["c"]]
