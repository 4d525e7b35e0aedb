"""Clients that know what their calls cost: what each got is compared with what was charged."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence

import aiohttp
import msgspec

__all__ = ["BOUND", "Buyer", "Call", "Load"]

LARGEST = 190
"""Micro-units that a call costs at most; its output limit is a little more."""
BOUND = 300
"""Micro-units that a call can cost at most; what it does cost is below."""


class Buyer(msgspec.Struct, frozen=True):
    """An account and its key."""

    account_id: str
    email: str
    key: str
    credit: int


class Call(msgspec.Struct):
    """One call as its client saw it. `outcome`: `full`, `left` (by the client), `cut`, `refused` or `lost`."""

    id: str
    buyer: Buyer
    cost: int
    how: str
    outcome: str = "lost"
    status: int = 0


class Load:
    """Calls until `stop`, spread over nodes and buyers by a seed."""

    def __init__(self, ports: Sequence[int], buyers: Sequence[Buyer], seed: int) -> None:
        self._urls = [f"http://127.0.0.1:{port}/v1/chat/completions" for port in ports]
        self._buyers, self._seed = buyers, seed
        self.calls: list[Call] = []
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True

    async def run(self, clients: int) -> None:
        timeout = aiohttp.ClientTimeout(total=20)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            await asyncio.gather(*(self._client(session, number) for number in range(clients)))

    async def _client(self, session: aiohttp.ClientSession, number: int) -> None:
        rng, count = random.Random(self._seed * 1000 + number), 0
        while not self._stopping:
            count += 1
            how = rng.choices(["whole", "cut", "error"], [90, 5, 5])[0]
            call = Call(f"c{number}-{count}", rng.choice(self._buyers), rng.randrange(2, LARGEST), how)
            self.calls.append(call)
            try:
                await self._call(session, call, rng)
            except (aiohttp.ClientError, TimeoutError, ConnectionError):
                call.outcome = "cut" if call.outcome == "begun" else "lost"
            if call.status != 200:
                await asyncio.sleep(rng.uniform(0.01, 0.1))

    async def _call(self, session: aiohttp.ClientSession, call: Call, rng: random.Random) -> None:
        stream, leaves = rng.random() < 0.7, rng.random() < 0.15
        content = f"{call.cost} {call.how} {rng.choice([0, 0.05, 0.4])}"
        body = {"model": "m", "max_tokens": 200, "stream": stream, "messages": [{"role": "user", "content": content}]}
        headers = {"Authorization": f"Bearer {call.buyer.key}", "X-Request-Id": call.id}
        async with session.post(rng.choice(self._urls), json=body, headers=headers) as response:
            call.status = response.status
            if response.status != 200:
                call.outcome = "refused"
                return
            call.outcome = "begun"
            if leaves:
                await response.content.readany()
                call.outcome = "left"
                return
            raw = await response.read()
        if stream:
            call.outcome = "full" if raw.endswith(b"data: [DONE]\n\n") else "cut"
        else:
            said = json.loads(raw)
            call.outcome = "full"
            assert said["usage"]["total_tokens"] == call.cost, said
