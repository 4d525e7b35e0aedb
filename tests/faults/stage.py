"""A gateway, its upstreams, and a cell of the matrix that is asked and judged."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import aiohttp

from tests.faults import oracle
from tests.faults.matrix import TRAP, Client, Fault, good, groups
from tests.faults.oracle import PLACEMENTS, Placement
from tests.faults.upstreams import Asked, Script, Upstreams
from tests.faults.voices import DIALECTS, PACKAGES, TEXT, USED
from tests.journeys.replay import table
from tests.journeys.wire import check_envelope, check_in_band, events_of, finishes, joined, settled
from tests.running import CHAT, Running, running
from tests.shared import ROOT
from tornadogw.plugins import load_plugins

LIMITS = "[limits]\nkey_per_minute = 1000000\nip_per_minute = 1000000\n"
PRICE = {"input": "1", "output": "1"}
QUICK = {"first_event": oracle.FIRST_EVENT, "idle": oracle.IDLE, "total": oracle.TOTAL}
PATIENT: dict[str, dict[str, float]] = {"silent": {}, "stalled": {"first_event": 15.0}}
OTHERS = {"first_event": 15.0, "idle": 15.0}
"""A deadline that must not pass is one that a busy machine does not meet: only what is waited for in vain is short."""
AT_ONCE = 40
"""Cells that are asked together: more would meet deadlines for want of a processor."""
MOST_ESTIMATED = 12
"""Tokens that the text can be taken for at most, however it is cut."""


class Cell(NamedTuple):
    """One fault, for one client, in one place."""

    id: str
    fault: Fault
    client: Client
    placement: Placement


class Answered(NamedTuple):
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    raw: bytes
    seconds: float


def cells(dialect: str) -> dict[str, list[Cell]]:
    """The matrix of one dialect, by groups."""
    found: dict[str, list[Cell]] = {}
    number = 0
    for group, faults in groups(DIALECTS[dialect]).items():
        found[group] = []
        for fault in faults:
            for client in fault.clients:
                if client == "whole" and dialect not in ("openai", "vllm"):
                    continue  # nothing that a client can say makes the gateway ask these for JSON
                for placement in PLACEMENTS:
                    if placement == "recovers" and fault.place:
                        continue
                    number += 1
                    found[group].append(Cell(f"c{number}", fault, client, placement))
    return found


class Stage:
    """`judge` asks cells all at once and says what was wrong."""

    def __init__(self, dialect: str, asked: Iterable[Cell]) -> None:
        self.voice = DIALECTS[dialect]
        self.dialect = dialect
        self._cells = {cell.id: cell for cell in asked}
        self.upstreams = Upstreams(self.play)
        self.gateway: Running

    def play(self, asked: Asked) -> Script:
        """A place is a cell's name and `b` for the bad one, `g` for the good one."""
        voice, cell = self.voice(asked.body), self._cells[asked.place[:-1]]
        if asked.place.endswith("g") or (cell.placement == "recovers" and asked.number > 1):
            return good(voice, asked)
        return cell.fault.play(voice, asked)

    def settings(self, closing: str, timeouts: Mapping[str, float]) -> str:
        """Two upstreams and a model for each cell; the model's name is the cell's."""
        tables = [LIMITS]
        for cell in self._cells.values():
            name, model = cell.id, self.voice.model
            url = {"refused": "http://127.0.0.1:9", "closing": closing}.get(cell.fault.place)
            keys = {"vendor": self.dialect, "keys": ["sk-up"]}
            bad = {**keys, "base_url": url or self.upstreams.url(f"{name}b")}
            if timeouts and cell.fault.text == TEXT:  # what is large may take its time
                bad["timeouts"] = {**timeouts, **PATIENT.get(cell.fault.kind, OTHERS)}
            tables.append(table("upstreams", name=f"{name}b", **bad))
            tables.append(table("upstreams", name=f"{name}g", **keys, base_url=self.upstreams.url(f"{name}g")))
            routes = [{"upstream": f"{name}b", "model": model}]
            other = {"upstream": f"{name}g", "model": model, "priority": 1}
            if cell.placement == "route":
                routes.append(other)
            more = {"fallbacks": [f"{name}f"]} if cell.placement == "fallback" else {}
            tables.append(table("models", name=name, price=PRICE, routes=routes, **more))
            if cell.placement == "fallback":
                tables.append(table("models", name=f"{name}f", price=PRICE, routes=[other]))
        return "\n".join(tables)

    async def judge(self, asked: Iterable[Cell]) -> list[str]:
        """Ask them all at once; a line for each that came to something else than it must."""
        todo = list(asked)
        few = asyncio.Semaphore(AT_ONCE)

        async def ask(cell: Cell) -> Answered:
            async with few:
                return await self.ask(cell)

        answers = await asyncio.gather(*map(ask, todo))
        await settled(self.gateway)
        ids = [each.headers["X-Request-Id"] for each in answers]
        found = self.gateway.mongo.database.events.find({"r": {"$in": ids}})
        events = {each["r"]: each for each in await found.to_list(None)}
        wrong: list[str] = []
        for cell, told, request in zip(todo, answers, ids, strict=True):
            try:
                self.check(cell, told, events.get(request))
            except AssertionError as error:
                calls = [len(self.upstreams.asked[f"{cell.id}{which}"]) for which in "bg"]
                case = f"{cell.fault.name} / {cell.client} / {cell.placement}"
                said = f"{told.status} after {told.seconds:.2f} s, calls {calls}: {told.raw[-200:]!r}"
                wrong.append(f"{case}: {str(error)[:300]}\n    {said}")
        if TRAP in self.upstreams.asked:
            wrong.append("a redirect was followed")
        return wrong

    async def ask(self, cell: Cell) -> Answered:
        body: dict[str, Any] = {**CHAT, "model": cell.id, "stream": cell.client == "stream"}
        if cell.client == "whole":
            body["logprobs"] = True
        began = time.monotonic()
        async with self.gateway.post(body=body, timeout=aiohttp.ClientTimeout(total=60)) as response:
            raw = await response.read()
            return Answered(response.status, response.headers, raw, time.monotonic() - began)

    def check(self, cell: Cell, told: Answered, event: Mapping[str, Any] | None) -> None:
        """Raises AssertionError."""
        fault, right = cell.fault, oracle.expected(cell.fault, cell.client, cell.placement)
        outcome, said = heard(cell, told)
        assert outcome in right.outcomes, f"{outcome} instead of {set(right.outcomes)}"
        assert right.least <= told.seconds <= right.seconds, f"{told.seconds} s, not {right.least} to {right.seconds}"
        asked, attempts = self.upstreams.asked, int(told.headers["X-Gateway-Attempts"])
        calls, others = len(asked[f"{cell.id}b"]), len(asked[f"{cell.id}g"])
        if not fault.place:
            assert right.calls[0] <= calls <= right.calls[1], f"{calls} calls instead of {right.calls}"
            in_parts = cell.client == "stream" and fault.kind in ("cut", "stalled", "late")  # its head went first
            fewer = in_parts or fault.name == "closed before any byte"  # or it may have been closed before it was asked
            assert attempts <= calls + others if fewer else attempts == calls + others, f"{attempts} attempts told"
        assert right.others[0] <= others <= right.others[1], f"{others} calls of the other, not {right.others}"
        for place in (f"{cell.id}b", f"{cell.id}g"):
            assert all(each.headers.get("accept-encoding") == "identity" for each in asked[place])
        if outcome == "whole":
            assert said == fault.text if others + calls == 1 else said.endswith("time."), f"the text is {said[:100]!r}"
        elif outcome == "in-band":
            assert fault.text.startswith(said), f"the text is {said[:100]!r}"
        self.check_charge(cell, outcome, others + calls > 1, event)

    def check_charge(self, cell: Cell, outcome: str, several: bool, event: Mapping[str, Any] | None) -> None:
        """A micro-unit a token: what was read is charged, and nothing else."""
        if outcome not in ("whole", "in-band"):
            assert event is None, f"charged {event}"
            return
        assert event is not None, "nothing was charged"
        assert event["c"] == event["i"] + event["o"], f"charged {event}"
        assert event["st"] == ("whole" if outcome == "whole" else "cut"), f"charged {event}"
        in_parts = cell.client == "stream" and cell.fault.kind in ("cut", "stalled", "late")
        if outcome == "whole" and not in_parts and (several or cell.fault.reports):
            assert (event["i"], event["o"], event["src"]) == (*USED, "reported"), f"charged {event}"
        else:
            assert 0 < event["o"] <= MOST_ESTIMATED, f"charged {event}"
            assert 0 < event["i"] <= MOST_ESTIMATED, f"charged {event}"
        if not several:
            least, most = cell.fault.broken
            assert least <= event.get("be", 0) <= most, f"{event.get('be', 0)} broken events"


def heard(cell: Cell, told: Answered) -> tuple[str, str]:
    """What a client makes of an answer, and the text in it. Raises AssertionError for what the contract forbids."""
    if told.status != 200:
        body = json.loads(told.raw)
        if told.status == 400:
            check_envelope(body, 1002)
            return "client", ""
        assert told.status == 503, "a status that is none of the contract's"
        check_envelope(body, 4001)
        assert "Retry-After" not in told.headers or int(told.headers["Retry-After"]) >= 1
        return "nobody", ""
    if cell.client != "stream":
        answer = json.loads(told.raw)
        (choice,) = answer["choices"]
        assert choice["finish_reason"] == "stop"
        assert set(answer["usage"]) >= {"prompt_tokens", "completion_tokens", "total_tokens"}
        return "whole", choice["message"]["content"]
    assert told.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    events = events_of(told.raw)
    text = joined(events)
    assert len({each["id"] for each in events[:-1]}) == 1, "an answer has one id"
    assert len(finishes(events)) <= 1, "an answer finishes once"
    if events[-1] == "[DONE]":
        assert finishes(events) == ["stop"], "whole, but without its finish reason"
        assert not any("error" in each for each in events[:-1]), "an error, and [DONE]"
        return "whole", text
    assert told.raw.split(b"\n\n")[-2].startswith(b'data: {"error":{"message":'), "neither [DONE] nor an error"
    assert "[DONE]" not in events
    check_in_band(events[-1], 4001)
    return "in-band", text


@asynccontextmanager
async def staged(
    mongod: str, folder: Path, dialect: str, asked: Iterable[Cell], timeouts: Mapping[str, float] = QUICK
) -> AsyncIterator[Stage]:
    """Some cells of one dialect, ready to be asked. `timeouts`: of faulty upstreams; none: the gateway's own."""
    stage = Stage(dialect, asked)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(stage.upstreams)
        closing = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        stack.push_async_callback(closing.wait_closed)
        stack.callback(closing.close)
        url = f"http://127.0.0.1:{closing.sockets[0].getsockname()[1]}"
        stack.enter_context(_installed())
        settings = stage.settings(url, timeouts)
        stage.gateway = await stack.enter_async_context(running(mongod, folder, settings, credit="1000"))
        yield stage


def _installed() -> Any:
    """The vendor packages as if they were installed."""
    for name in PACKAGES:
        if (place := str(ROOT / f"plugins/{name}")) not in sys.path:
            sys.path.insert(0, place)
    points = [EntryPoint(name, f"tornadogw_{name}", "tornadogw") for name in PACKAGES]
    return patch("tests.running.load_plugins", partial(load_plugins, points=points))
