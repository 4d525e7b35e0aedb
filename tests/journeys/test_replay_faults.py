"""Recorded vendors that fail in every way the replay server knows: what the client reads, and who pays.

A fault is a word inside the upstream's key. Each vendor's stream is asked for as a stream and as JSON, at one upstream
alone and with another one behind it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.journeys import replay
from tests.journeys.wire import check_books, check_in_band, events_of, forgive, settled
from tests.running import running
from tests.shared import ROOT
from tests.threaded import Threaded, in_thread
from tests.vendors import oracle
from tornadogw.testing.recordings import Recording, find_recordings

VENDORS = ("openai", "deepseek", "groq", "mistral", "qwen", "openrouter")
"""Raw and translated ones."""
LARGE = 60_000
STREAMS = [
    each
    for each in oracle.recordings()
    if oracle.is_stream(each) and not each.tags & {"tools", "schema", "instreamerror"}
]
RECORDINGS = {
    vendor: max(
        (each for each in STREAMS if each.vendor == vendor and len(each.body) < LARGE), key=lambda each: len(each.body)
    )
    for vendor in VENDORS
}
"""The longest stream of each vendor that is not too long for the suite."""
NOBODY = (503, 4001, "no_upstream")
INVALID = (400, 1002, "invalid_request")


class Early(NamedTuple):
    """A fault before the first useful event."""

    word: str
    told: tuple[int, int, str] = NOBODY
    retry_after: str | None = None


EARLY = [
    Early("400", INVALID),
    Early("401"),
    Early("402"),
    Early("403", retry_after="300"),
    Early("404"),
    Early("408"),
    Early("413", INVALID),
    Early("429", retry_after="20"),
    Early("429:retry-after=2", retry_after="2"),
    Early("500"),
    Early("502"),
    Early("503", retry_after="10"),
    Early("504"),
    Early("529", retry_after="10"),
    Early("html502"),
    Early("reset"),
    Early("timeout"),
    Early("headers-then-hang"),
    Early("cut@0"),
    Early("eof@0"),
    Early("eof@9b"),
]
LATE = ["eof@50", "cut@50", "stall@50", "sse-error@50"]
"""Faults in the middle of the answer."""
SILENT = {
    "timeout": {"first_event": 0.3, "idle": 0.3},
    "headers-then-hang": {"first_event": 0.3, "idle": 0.3},
    "stall@50": {"idle": 0.5},
}
"""Faults that only a deadline ends."""


def words() -> list[str]:
    return [*(fault.word for fault in EARLY), *LATE, "garbage@50"]


def settings(address: str) -> str:
    """For each vendor a good upstream, and for each fault a bad one: `vendor/fault` alone, `vendor/fault+` rescued."""
    tables = ["[limits]\nkey_per_minute = 100000\nip_per_minute = 100000\n"]
    price = {"input": "1", "output": "1"}
    for vendor, recording in RECORDINGS.items():
        base = f"{address}/case/{recording}{replay.place(recording)}"
        tables.append(replay.table("upstreams", name=f"{vendor}-good", vendor=vendor, base_url=base, keys=["sk-good"]))
        good = {"upstream": f"{vendor}-good", "model": recording.model, "priority": 1}
        for word in words():
            name = f"{vendor}-{word}"
            bad = {"upstream": name, "model": recording.model}
            place = {"base_url": base, "keys": [f"sk-x.fault-{word}"], "timeouts": SILENT.get(word, {})}
            tables.append(replay.table("upstreams", name=name, vendor=vendor, **place))
            tables.append(replay.table("models", name=f"{vendor}/{word}", price=price, routes=[bad]))
            tables.append(replay.table("models", name=f"{vendor}/{word}+", price=price, routes=[bad, good]))
    return "\n".join(tables)


@pytest.fixture(scope="module")
def faulty(mongod, tmp_path_factory) -> Iterator[Threaded]:
    folder = tmp_path_factory.mktemp("faulty")
    with (
        replay.replaying(find_recordings(ROOT, os.environ)) as address,
        in_thread(running(mongod.url, folder, settings(address), credit="1000")) as threaded,
    ):
        yield threaded
        threaded.call(check_books(threaded.gateway))


class Answered(NamedTuple):
    recording: Recording
    status: int
    headers: Any
    raw: bytes
    event: Any
    """The usage event; None: nothing was charged."""


def ask(faulty: Threaded, fault: str, *, stream: bool) -> list[Answered]:
    """Every vendor at once."""
    gateway = faulty.gateway
    forgive(gateway)

    async def one(vendor: str, recording: Recording) -> tuple[Recording, Any, bytes]:
        body = {**replay.SMALL, "model": f"{vendor}/{fault}", "stream": stream, "max_tokens": replay.ROOM}
        async with gateway.post(body=body) as response:
            return recording, response, await response.read()

    async def every() -> list[Answered]:
        answers = await asyncio.gather(*(one(*each) for each in RECORDINGS.items()))
        await settled(gateway)
        events = {each["r"]: each for each in await gateway.events()}
        return [
            Answered(recording, reply.status, reply.headers, raw, events.get(reply.headers["X-Request-Id"]))
            for recording, reply, raw in answers
        ]

    return faulty.call(every())


def check_whole(answer: Answered, *, stream: bool, calls: int, source: str = "") -> None:
    """The recorded answer, charged as it was reported."""
    assert answer.status == 200, answer
    assert answer.headers["X-Gateway-Attempts"] == str(calls)
    right, usage = oracle.expected(answer.recording)
    if stream:
        assert answer.raw.endswith(b"data: [DONE]\n\n")
        choices, _, _ = replay.heard_stream(answer.raw)
    else:
        choices = replay.heard_json(json.loads(answer.raw))
    assert (choices[0].text, choices[0].reasoning, choices[0].finish) == (
        right[0].text,
        right[0].reasoning,
        right[0].finish,
    )
    assert answer.event["src"] == (source or ("reported" if usage else "estimated"))


def check_nobody(answer: Answered, told: tuple[int, int, str]) -> None:
    """An error with its own HTTP status, and nothing charged."""
    body = json.loads(answer.raw)
    assert (answer.status, body["code"], body["error"]["code"]) == told, answer
    assert answer.event is None
    assert b"sk-" not in answer.raw


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
@pytest.mark.parametrize("fault", EARLY, ids=lambda fault: fault.word)
def test_a_fault_before_the_first_event(faulty, fault, stream, claim_log):
    if fault.word in ("401", "402"):
        claim_log("tornadogw.health", "is disabled")
    for answer in ask(faulty, fault.word, stream=stream):
        check_nobody(answer, fault.told)
        assert answer.headers.get("Retry-After") == fault.retry_after
    for answer in ask(faulty, f"{fault.word}+", stream=stream):
        if fault.told is INVALID:
            check_nobody(answer, INVALID)  # another upstream would refuse it as well
        else:
            check_whole(answer, stream=stream, calls=2)
            assert answer.event["up"] == f"{answer.recording.vendor}-good"


@pytest.mark.parametrize("fault", LATE)
def test_a_fault_in_the_middle_of_a_stream(faulty, fault):
    for answer in ask(faulty, fault, stream=True):
        assert answer.status == 200
        choices, _, last = replay.heard_stream(answer.raw)
        check_in_band(last, 4001)
        right, _ = oracle.expected(answer.recording)
        assert choices[0].finish is None
        said, wanted = choices[0].reasoning + choices[0].text, right[0].reasoning + right[0].text
        assert said
        assert wanted.startswith(said)
        assert answer.event["st"] == "cut"
        assert answer.event["c"] == answer.event["i"] + answer.event["o"] > 0


@pytest.mark.parametrize("fault", LATE)
def test_another_upstream_goes_on_with_a_stream_that_was_cut(faulty, fault):
    """The recorded answer once, although it came in two parts, the second of which says the first part again."""
    for answer in ask(faulty, f"{fault}+", stream=True):
        check_whole(answer, stream=True, calls=1, source="estimated")
        assert answer.event["up"] == f"{answer.recording.vendor}-{fault}"
        assert answer.event["c"] == answer.event["i"] + answer.event["o"] > 0


@pytest.mark.parametrize("fault", LATE)
def test_a_json_client_never_sees_half_an_answer(faulty, fault):
    for answer in ask(faulty, fault, stream=False):
        check_nobody(answer, NOBODY)
    for answer in ask(faulty, f"{fault}+", stream=False):
        check_whole(answer, stream=False, calls=2)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
def test_a_broken_event_is_left_out(faulty, stream):
    for answer in ask(faulty, "garbage@50", stream=stream):
        check_whole(answer, stream=stream, calls=1)
        assert answer.event["be"] == 1
        if stream:
            assert b"oops" not in answer.raw
            assert events_of(answer.raw)[-1] == "[DONE]"


def test_a_key_that_was_refused_is_left_alone_until_its_time(faulty):
    """Without `forgive`, the second request finds the key resting and asks nobody."""
    gateway = faulty.gateway
    [first] = [answer for answer in ask(faulty, "429", stream=False) if answer.recording.vendor == "openai"]
    assert first.headers["Retry-After"] == "20"
    body = {**replay.SMALL, "model": "openai/429", "stream": False}

    async def again() -> tuple[int, Any]:
        async with gateway.post(body=body) as response:
            return response.status, (response.headers["Retry-After"], (await response.json())["message"])

    status, (wait, message) = faulty.call(again())
    assert (status, 1 <= int(wait) <= 20) == (503, True)
    assert "cooling down" in message
