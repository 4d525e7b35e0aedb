"""An upstream that fails before the first useful event: the next route answers, or 4001 says why. It is free."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from tests.awake import awake
from tests.journeys.wire import (
    DONE,
    check_envelope,
    chunk,
    event,
    events_of,
    finishes,
    forgive,
    joined,
    last_event,
    model,
    role,
    said,
    serving,
    settled,
    text,
    usage,
    whole,
)
from tests.running import CHAT
from tornadogw.deadline import Deadline
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", **CHAT}
HTML = b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
FAILED = {"error": {"message": "boom in 10.1.2.3", "type": "server_error", "code": None}}


class Fault(NamedTuple):
    name: str
    answer: Answer
    reason: str
    """What the record says."""


EARLY = [
    Fault("an HTML page", Answer(body=HTML, headers={"Content-Type": "text/html"}), "unreadable"),
    Fault("garbage", Answer(body=b"\x00\xffwhat is this"), "unreadable"),
    Fault(
        "half a JSON document",
        Answer(body=b'{"choices": [{"mess', headers={"Content-Type": "application/json"}),
        "unreadable",
    ),
    Fault("an empty body", Answer(body=b""), "empty"),
    Fault("an empty stream", Answer(body=b": hello\n\n"), "empty"),
    Fault("only the terminator", Answer(body=DONE), "empty"),
    Fault("JSON that is no answer", Answer(body=b"[]"), "empty"),
    Fault("an answer without choices", Answer(body=whole()), "empty"),
    Fault("only a role, then a clean end", Answer(body=role()), "truncated"),
    Fault("only usage, then a clean end", Answer(body=usage()), "empty"),
    Fault("only what says nothing", Answer(body=text("") + chunk({"content": None, "tool_calls": []})), "truncated"),
    Fault("only a role, then a lost connection", Answer(body=role(), ending="eof"), "reset"),
    Fault("a reset before any byte", Answer(body=b"", ending="reset"), "reset"),
    Fault("a reset after the role", Answer(body=role(), ending="reset"), "reset"),
    Fault("an error in a JSON 200", Answer(body=event(FAILED)[6:-2]), "server_error"),
    Fault("an error event first", Answer(body=event(FAILED)), "server_error"),
    Fault("an error event after the role", Answer(body=role() + event(FAILED) + DONE), "server_error"),
    Fault("a named error event", Answer(body=b"event: error\n" + event(FAILED)), "server_error"),
    Fault("an error as finish reason", Answer(body=role() + chunk(finish="error")), "error"),
    Fault("only broken events", Answer(body=b"data: {broken\n\n" * 3), "empty"),
]


async def test_an_early_fault_is_answered_by_the_next_route(start):
    async with (
        FakeUpstream() as bad,
        FakeUpstream(Answer(body=said("Fine", " now"))) as good,
        start(serving(bad.url, good.url)) as gateway,
    ):
        for fault in EARLY:
            for stream in (True, False):
                forgive(gateway)
                bad.play(fault.answer)
                async with gateway.post(body={**ASK, "stream": stream}) as response:
                    raw = await response.read()
                    assert response.status == 200, (fault.name, raw)
                    assert response.headers["X-Gateway-Attempts"] == "2", fault.name
                if stream:
                    events = events_of(raw)
                    assert (joined(events), finishes(events), events[-1]) == ("Fine now", ["stop"], "[DONE]"), (
                        fault.name
                    )
                record = await last_event(gateway)
                assert [each[2] for each in record["at"]] == ["elsewhere", "ok"], (fault.name, record)
                assert record["at"][0][3] == fault.reason, (fault.name, record)
                assert (record["i"], record["o"], record["c"], record["src"]) == (7, 2, 9, "reported"), (
                    fault.name,
                    record,
                )


async def test_an_early_fault_of_the_only_route_is_4001_and_free(start):
    async with FakeUpstream() as bad, start(serving(bad.url)) as gateway:
        for fault in EARLY:
            for stream in (True, False):
                bad.play(fault.answer)
                asked = len(bad.requests)
                forgive(gateway)
                status, body = await gateway.ask({**ASK, "stream": stream})
                assert status == 503, (fault.name, body)
                assert len(bad.requests) == asked + (1 if fault.reason == "timeout" else 2), fault.name
                check_envelope(body, 4001)
                told = "failed" if fault.reason in ("server_error", "error") else fault.reason
                assert body["message"].endswith(f"m: {told}"), (fault.name, body)
        await settled(gateway)
        assert await gateway.events() == []
        assert (await gateway.account()).spent == 0


async def test_silence_before_the_first_event_meets_its_deadline(start):
    quick = "timeouts = { first_event = 0.3, idle = 0.3 }"  # of the silent one; whoever answers has time
    hanging = [
        Answer(body=b"", ending="hang"),
        Answer(body=role(), ending="hang"),
        Answer(body=b": wait\n\n", ending="hang"),
    ]
    async with (
        FakeUpstream() as bad,
        FakeUpstream(Answer(body=said("Fine"))) as good,
        start(serving(bad.url, good.url, first=quick)) as gateway,
    ):
        for number, answer in enumerate(hanging, 1):
            bad.play(answer)
            async with awake() as clock:
                status, body = await gateway.ask(ASK)
                assert (status, clock.seconds < 3) == (200, True), body
            record = await last_event(gateway)
            assert record["at"][0][2:4] == ["elsewhere", "timeout"], record
            await bad.requests[number - 1].gone.wait()


async def test_what_is_not_even_http_is_answered_by_the_next_route(start):
    """A connection that says nothing, nonsense, half a head, or that is closed at once."""
    said_, done = [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", None], asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if (words := said_.pop(0)) is not None:
            writer.write(words)
            await asyncio.wait({asyncio.create_task(reader.read()), waiting}, return_when=asyncio.FIRST_COMPLETED)
        writer.close()

    waiting = asyncio.create_task(done.wait())
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    # The same place twice: only where silence is to be noticed is there little time.
    quick = "timeouts = { first_event = 0.3, idle = 0.3 }"
    models = model("quick", "u0", "u2 priority=1") + model("patient", "u1", "u2 priority=1")
    try:
        async with (
            FakeUpstream(Answer(body=said("Fine"))) as good,
            start(serving(url, url, good.url, first=quick, model=models)) as gateway,
        ):
            for name, reason in [
                ("quick", "timeout"),
                ("patient", "protocol"),
                ("quick", "timeout"),
                ("patient", "reset"),
            ]:
                assert (await gateway.ask({**ASK, "model": name}))[0] == 200
                record = await last_event(gateway)
                assert record["at"][0][2:4] == ["elsewhere", reason], record
    finally:
        done.set()
        await waiting
        server.close()
        await server.wait_closed()


async def test_silence_of_the_only_route_is_4001(start):
    quick = "timeouts = { first_event = 0.3, idle = 0.3 }"
    async with FakeUpstream(Answer(body=role(), ending="hang")) as bad, start(serving(bad.url, model=quick)) as gateway:
        status, body = await gateway.ask({**ASK, "stream": True})
        assert status == 503, body
        assert "timeout" in check_envelope(body, 4001)


async def test_the_last_route_may_take_its_time_up_to_idle(start):
    patient = "timeouts = { first_event = 0.2, idle = 30 }"
    gate = asyncio.Event()
    async with (
        FakeUpstream(Answer(body=[role(), gate, said("late")])) as slow,
        start(serving(slow.url, model=patient)) as gateway,
    ):
        asyncio.get_running_loop().call_later(0.6, gate.set)
        status, body = await gateway.ask(ASK)
        assert (status, body["choices"][0]["message"]["content"]) == (200, "late")


async def test_no_connection_is_an_early_fault(start):
    async with (
        FakeUpstream(Answer(body=said("Fine"))) as good,
        start(serving("http://127.0.0.1:9", good.url)) as gateway,
    ):
        status, _ = await gateway.ask(ASK)
        record = await last_event(gateway)
        assert (status, record["at"][0][2:4]) == (200, ["elsewhere", "connect"])


async def test_the_whole_request_has_a_deadline_too(start, monkeypatch):
    """The test says when its time is over: not before the client has read what there is."""
    set_, total = [], 40.0

    class Seen(Deadline):
        def __init__(self, when: float) -> None:
            super().__init__(when)
            set_.append((self, when))

    monkeypatch.setattr("tornadogw.exchange.Deadline", Seen)
    now = asyncio.get_running_loop().time
    slow: list[Any] = [text("drip ")] * 3
    async with (
        FakeUpstream(Answer(body=slow, ending="hang")) as upstream,
        start(serving(upstream.url, model=f"timeouts = {{ total = {total} }}")) as gateway,
    ):
        before = now()
        async with gateway.post(body={**ASK, "stream": True}) as response:
            raw = b""
            while raw.count(b"drip ") < 3:
                raw += await response.content.readany()
            [(deadline, when)] = set_
            assert before + total <= when <= now() + total
            deadline.after(0)
            events = events_of(raw + await response.read())
        assert (joined(events), events[-1]["code"]) == ("drip drip drip ", 4001)
        record = await last_event(gateway)
        assert (record["st"], record["cd"], record["src"]) == ("timeout", 4001, "estimated")
        assert record["c"] == record["i"] + record["o"] > 0
        asking = asyncio.create_task(gateway.ask(ASK))
        await upstream.received(2)
        set_[-1][0].after(0)
        status, body = await asking
        assert status == 503
        check_envelope(body, 4001)
        await upstream.requests[1].gone.wait()
