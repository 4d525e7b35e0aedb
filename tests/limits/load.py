"""Requests at a rate, over several limiters on a real database; also as a process of its own.

A plan has `limit`, `window`, `processes`, `begin` (monotonic seconds, the same in all processes of a machine),
`seconds` and `keys`: for each key the requests per second of each process.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import monitoring

from tests.shared import ROOT
from tornadogw.limits.limiter import Limiter
from tornadogw.settings.tables import Limits
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_limits import MongoLimits
from tornadogw.store.ports_limits import SLOTS
from tornadogw.types import Caller

Plan = Mapping[str, Any]
Decided = Sequence[tuple[float, float, bool]]
"""When a request was due, when its decision was known, and whether it passed. A machine that stands still lies between
the two: what was decided in between cannot be known, and nobody is blamed for what may have been right.
"""
Found = dict[str, list[tuple[float, float, bool]]]
"""The same by key."""
LATE = 3 / SLOTS + 1 / 128
"""Of a window: so much later than exactly a window after a request its place is surely free again."""


class Asked(monitoring.CommandListener):
    """Counts what the driver sends for common counts."""

    def __init__(self) -> None:
        self.number = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.number += event.command_name == "findAndModify" and event.command["findAndModify"] == "rl"

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...
    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


def limiter(mongo: Mongo, plan: Plan) -> Limiter:
    settings = Limits(key_per_minute=plan["limit"], window=plan["window"])
    return Limiter(settings, MongoLimits(mongo), lambda: int(plan["processes"]), deadline=20.0)


async def settle(limiters: Sequence[Limiter]) -> None:
    while not all([each.settled for each in limiters]):  # noqa: C419 -- all of them have to begin
        await asyncio.sleep(0.01)


async def drive(each: Limiter, plan: Plan, which: int, found: Found) -> None:
    """The part of process `which`."""
    parts = [send(each, plan, which, key, rates[which], found[key]) for key, rates in plan["keys"].items()]
    await asyncio.gather(*parts)


async def send(
    each: Limiter, plan: Plan, which: int, key: str, rate: float, decided: list[tuple[float, float, bool]]
) -> None:
    caller, tasks = Caller("a", key), []

    async def one(due: float) -> None:
        verdict = each.key(caller) or await each.ask_key(caller)
        decided.append((due, time.monotonic(), verdict.allowed))

    for nth in range(int(rate * plan["seconds"])):
        at = plan["begin"] + (nth + which / plan["processes"]) / rate
        if (wait := at - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(at)))
    await asyncio.gather(*tasks)


# --- what came of it -------------------------------------------------------------------------------------------------


def passes(decided: Decided) -> list[tuple[float, float]]:
    return sorted((due, at) for due, at, passed in decided if passed)


def most(decided: Decided, window: float) -> int:
    """The most that passed in any window, surely."""
    passed = passes(decided)
    return max(sum(at < begin + window for _, at in passed[nth:]) for nth, (begin, _) in enumerate(passed))


def each_window(decided: Decided, plan: Plan) -> list[int]:
    """What passed in each window from the beginning on, which ends later by what requests were late."""
    window, passed = plan["window"], passes(decided)
    late, begin = max(at - due for due, at, _ in decided), passed[0][0]
    return [
        sum(at >= begin + nth * window and due < begin + (nth + 1) * (window + late) for due, at in passed)
        for nth in range(int(plan["seconds"] / window))
    ]


def false_refusals(decided: Decided, plan: Plan) -> int:
    """Refused although less than the limit can have passed in the window before."""
    passed, window = passes(decided), plan["window"] * (1 + LATE)
    refused = [(due, at) for due, at, allowed in decided if not allowed]
    return sum(sum(at > begin - window and due <= end for due, at in passed) < plan["limit"] for begin, end in refused)


# --- processes of their own ---------------------------------------------------------------------------------------


async def processes(url: str, database: str, work: Plan) -> tuple[Found, int]:
    """What four processes found, and how often they asked."""
    command = [sys.executable, "-m", "tests.limits.load", url, database]
    pipe = asyncio.subprocess.PIPE
    started = [
        await asyncio.create_subprocess_exec(*command, str(which), stdin=pipe, stdout=pipe, cwd=ROOT, limit=2**22)
        for which in range(work["processes"])
    ]
    try:
        for each in started:
            each.stdin.write(json.dumps(work).encode() + b"\n")
        for each in started:
            assert await each.stdout.readline() == b"ready\n"
        begin = time.monotonic() + 0.2
        for each in started:
            each.stdin.write(f"{begin}\n".encode())
        told = [json.loads(await each.stdout.readline()) for each in started]
        for each in started:
            each.stdin.write(b"\n")
            assert await each.wait() == 0
    finally:
        for each in started:
            if each.returncode is None:
                each.kill()
                await each.wait()
            each._transport.close()
    found: Found = {key: [] for key in work["keys"]}
    for each in told:
        for key, decided in each["found"].items():
            found[key] += decided
    return found, sum(each["asked"] for each in told)


async def main(url: str, database: str, which: int) -> None:
    """Says `ready`, reads the moment to begin, writes what it found and how often it asked."""
    asked = Asked()
    monitoring.register(asked)
    plan = json.loads(await asyncio.to_thread(sys.stdin.readline))
    mongo = Mongo.connect(url, database, 20_000)
    each = limiter(mongo, plan)
    await settle([each])
    print("ready", flush=True)
    plan["begin"] = float(await asyncio.to_thread(sys.stdin.readline))
    before, found = asked.number, {key: [] for key in plan["keys"]}
    await drive(each, plan, which, found)
    print(json.dumps({"found": found, "asked": asked.number - before}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)  # nobody leaves before the others are through
    await each.close()
    await mongo.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
