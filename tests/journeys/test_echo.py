"""From a key to an answer, with nothing configured."""

from __future__ import annotations

import orjson


async def test_json_and_stream_say_the_same(start):
    async with start() as gateway:
        status, answer = await gateway.ask()
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "Hello there")
        events = await gateway.stream()
        assert events[-1] == b"[DONE]"
        chunks = [orjson.loads(event) for event in events[:-1]]
        assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "Hello there"
        assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, "stop"]


async def test_a_free_call_is_recorded_and_costs_nothing(start):
    async with start() as gateway:
        await gateway.ask()
        [event] = await gateway.events()
        account = await gateway.account()
        assert (event["c"], account.spent, account.balance) == (0, 0, account.credited)
