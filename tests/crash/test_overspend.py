"""A balance that is good for ten calls answers ten at most, whoever is asked and however many ask at once."""

from __future__ import annotations

import asyncio
from collections import Counter

import aiohttp

from tests.crash.judge import Sampler, judge
from tests.crash.load import BOUND, Call
from tests.crash.stage import staged

ASKED, COST = 200, 180
BODY = {"model": "m", "max_tokens": 190, "stream": False}


def test_two_hundred_at_once_on_a_balance_for_ten(replica_set, upstream, tmp_path) -> None:
    with staged(replica_set, upstream, tmp_path, [f"0.00{COST * 10:04d}"]) as stage:
        [buyer] = stage.buyers
        assert buyer.credit == COST * 10

        async def ask(session: aiohttp.ClientSession, number: int) -> list[Call]:
            """As often as it takes to be told: a database that is late makes a call wait."""
            calls = [await try_once(session, number, 0)]
            while calls[-1].status == 503:
                calls.append(await try_once(session, number, len(calls)))
            return calls

        async def try_once(session: aiohttp.ClientSession, number: int, again: int) -> Call:
            port = stage.nodes[number % 2].port
            call = Call(f"c{number}-{again}", buyer, COST, "whole")
            body = {**BODY, "messages": [{"role": "user", "content": f"{COST} whole 0.2"}]}
            headers = {"Authorization": f"Bearer {buyer.key}", "X-Request-Id": call.id}
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            async with session.post(url, json=body, headers=headers) as response:
                call.status = response.status
                said = await response.json()
                call.outcome = "full" if response.status == 200 else "refused"
                assert response.status in (200, 402, 503), said
            return call

        async def crowd() -> list[Call]:
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
            async with aiohttp.ClientSession(connector=connector) as session:
                told = await asyncio.gather(*(ask(session, number) for number in range(ASKED)))
                return [call for calls in told for call in calls]

        sampler = Sampler(replica_set, stage.database, least_balance=0)
        with sampler.looking():
            calls = asyncio.run(crowd())
            stage.close()
        outcomes = Counter(call.outcome for call in calls)
        print(f"\n{dict(outcomes)}")
        assert 5 <= outcomes["full"] <= 10
        assert sampler.faults == []
        assert judge(replica_set, stage.database, calls, BOUND) == []
