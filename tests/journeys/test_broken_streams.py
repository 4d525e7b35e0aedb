"""An upstream that fails after the first useful event: an error event, no `[DONE]`, and what was sent is charged."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import msgspec

from tests.awake import awake
from tests.journeys.wire import (
    DONE,
    check_envelope,
    check_in_band,
    chunk,
    event,
    events_of,
    finishes,
    forgive,
    joined,
    last_event,
    role,
    said,
    serving,
    text,
    usage,
    whole,
)
from tests.running import CHAT
from tornadogw.relay.answer import StreamAnswer
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", "stream": True, **CHAT}
TEXT = role() + text("Once ") + text("upon ")
VENDORS = ("vllm", "openai")
"""Translated and raw."""


class Cut(NamedTuple):
    name: str
    answer: Answer
    text: str = "Once upon "
    words: str = ""
    slug: str = "no_upstream"


LATE = [
    Cut("a clean end", Answer(body=TEXT)),
    Cut("an end without the last chunk", Answer(body=TEXT, ending="eof")),
    Cut("a reset", Answer(body=[TEXT], ending="reset")),
    Cut("an end in the middle of a line", Answer(body=TEXT + b'data: {"id": "up-1", "choi')),
    Cut("an end in the middle of a character", Answer(body=TEXT + text("Zeit für 你")[:-30])),
    Cut("a failed event", Answer(body=TEXT + event({"error": {"message": "boom 10.1.2.3"}}) + text("never") + DONE)),
    Cut("an error as finish reason", Answer(body=TEXT + chunk(finish="error") + DONE)),
    Cut(
        "a content filter",
        Answer(body=TEXT + event({"error": {"message": "bad", "code": "content_filter"}})),
        words="bad",
        slug="content_filter",
    ),
]


async def test_a_stream_that_fails_late_ends_with_an_error_event_and_is_charged_as_sent(start):
    for vendor in VENDORS:
        async with FakeUpstream() as upstream, start(serving(upstream.url, vendor=vendor)) as gateway:
            for cut, split in itertools.product(LATE, (0, 50)):
                upstream.play(msgspec.structs.replace(cut.answer, split=split))
                forgive(gateway)
                async with gateway.post(body=ASK) as response:
                    raw = await response.read()
                    assert response.status == 200, (vendor, cut.name, raw)
                events = events_of(raw)
                place = (vendor, cut.name, events)
                assert joined(events) == cut.text, place
                assert "[DONE]" not in events, place
                assert finishes(events) == [], place
                assert raw.split(b"\n\n")[-2].startswith(b'data: {"error":{"message":'), place
                code = 4001 if cut.slug == "no_upstream" else 1002
                assert cut.words in check_in_band(events[-1], code), place
                assert events[-1]["error"]["code"] == cut.slug, place
                record = await last_event(gateway)
                finish = "cut" if code == 4001 else "refused"
                assert (record["st"], record["cd"], record["src"]) == (finish, code, "estimated"), (place, record)
                assert (record["o"], record["c"]) == (3, record["i"] + 3), (place, record)


async def test_without_resume_a_late_fault_never_changes_the_upstream(start):
    async with (
        FakeUpstream(Answer(body=TEXT)) as bad,
        FakeUpstream(Answer(body=said("other"))) as good,
        start(serving(bad.url, good.url, model='resume = "off"')) as gateway,
    ):
        async with gateway.post(body=ASK) as response:
            check_in_band(events_of(await response.read())[-1], 4001)
        assert good.requests == []


USEFUL = [
    text("x"),
    chunk({"reasoning_content": "x"}),
    chunk({"refusal": "no"}),
    chunk({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
    chunk(finish="length"),
]


async def test_what_counts_as_the_first_useful_event(start):
    """From it on nobody else is asked: the client has begun to read."""
    failed = event({"error": {"message": "boom"}})
    async with (
        FakeUpstream() as bad,
        FakeUpstream(Answer(body=said("other"))) as good,
        start(serving(bad.url, good.url, model='resume = "off"')) as gateway,
    ):
        for first in USEFUL:
            bad.play(Answer(body=[role(), first, failed]))
            async with gateway.post(body=ASK) as response:
                check_in_band(events_of(await response.read())[-1], 4001)
            assert good.requests == [], first


async def test_a_bug_of_ours_is_5000_before_and_inside_a_stream(start, monkeypatch, claim_log):
    claim_log("tornadogw.exchange", "failed")
    async with (
        FakeUpstream(Answer(body=[TEXT, text("more"), text("more")])) as upstream,
        start(serving(upstream.url)) as gateway,
    ):
        take, calls = StreamAnswer.take, []

        def broken(self, items):
            calls.append(items)
            if len(calls) > fine:
                raise KeyError("internal detail")
            return take(self, items)

        monkeypatch.setattr(StreamAnswer, "take", broken)
        fine = 0
        status, body = await gateway.ask(ASK)
        assert status == 500
        assert "detail" not in check_envelope(body, 5000)
        fine = 2
        async with gateway.post(body=ASK) as response:
            events = events_of(await response.read())
        assert "detail" not in check_in_band(events[-1], 5000)
        record = await last_event(gateway)
        assert (record["st"], record["cd"], record["c"] > 0) == ("error", 5000, True)


async def test_a_json_client_has_seen_nothing_so_another_route_answers_it(start):
    async with (
        FakeUpstream() as bad,
        FakeUpstream(Answer(body=said("whole"))) as good,
        start(serving(bad.url, good.url)) as gateway,
    ):
        for cut in LATE[:-1]:
            bad.play(cut.answer)
            status, body = await gateway.ask({**ASK, "stream": False})
            assert (status, body["choices"][0]["message"]["content"]) == (200, "whole"), cut.name
            record = await last_event(gateway)
            assert (record["i"], record["o"], record["c"]) == (7, 2, 9), cut.name


async def test_silence_after_some_events_meets_the_idle_deadline(start):
    for vendor in VENDORS:
        settings = {"model": "timeouts = { idle = 0.3 }", "vendor": vendor}
        async with (
            FakeUpstream(Answer(body=TEXT, ending="hang")) as upstream,
            start(serving(upstream.url, **settings)) as gateway,
        ):
            async with gateway.post(body=ASK) as response:
                events = events_of(await response.read())
            assert joined(events) == "Once upon "
            check_in_band(events[-1], 4001)
            await upstream.requests[0].gone.wait()
            record = await last_event(gateway)
            assert (record["at"][0][2:4], record["st"]) == (["elsewhere", "timeout"], "cut")


async def test_comments_keep_no_stalled_stream_alive(start):
    async with (
        FakeUpstream(Answer(body=[TEXT, *[b": ping\n\n"] * 200_000])) as upstream,
        start(serving(upstream.url, model="timeouts = { idle = 0.3 }")) as gateway,
    ):
        async with gateway.post(body=ASK) as response:
            check_in_band(events_of(await response.read())[-1], 4001)
        record = await last_event(gateway)
        assert record["at"][0][2:4] == ["elsewhere", "timeout"], "not when the comments had an end"


class Whole(NamedTuple):
    name: str
    body: bytes
    text: str
    finish: str
    source: str = "reported"
    broken: int = 0


ANSWERS = [
    Whole("no terminator after the finish reason", TEXT + chunk(finish="stop") + usage(), "Once upon ", "stop"),
    Whole("neither usage nor terminator", TEXT + chunk(finish="length"), "Once upon ", "length", "estimated"),
    Whole("a terminator without a finish reason", TEXT + DONE, "Once upon ", "stop", "estimated"),
    Whole("usage and terminator without a finish reason", TEXT + usage() + DONE, "Once upon ", "stop"),
    Whole(
        "a broken event in the middle",
        TEXT + b"data: {oops\n\n" + text("a time") + chunk(finish="stop") + usage() + DONE,
        "Once upon a time",
        "stop",
        "reported",
        1,
    ),
    Whole(
        "a broken event first",
        b"data: nonsense\n\n" + TEXT + chunk(finish="stop") + usage() + DONE,
        "Once upon ",
        "stop",
        "reported",
        1,
    ),
    Whole(
        "events after the terminator",
        TEXT + chunk(finish="stop") + usage() + DONE + text("never"),
        "Once upon ",
        "stop",
    ),
    Whole(
        "text after the finish reason",
        TEXT + chunk(finish="stop") + text("never") + usage() + DONE,
        "Once upon ",
        "stop",
    ),
    Whole("a finish reason and no text", role() + chunk(finish="length") + usage(7, 2) + DONE, "", "length"),
    Whole(
        "comments, event lines, ids, empty data",
        b": hi\n\nevent: message\nid: 1\n"
        + TEXT
        + b"data:\n\ndata: \n\nevent: ping\ndata: {}\n\n"
        + chunk(finish="stop")
        + usage()
        + DONE,
        "Once upon ",
        "stop",
    ),
    Whole(
        "CRLF and a byte order mark",
        b"\xef\xbb\xbf" + (TEXT + chunk(finish="stop") + usage() + DONE).replace(b"\n", b"\r\n"),
        "Once upon ",
        "stop",
    ),
    Whole("no last blank line", (TEXT + chunk(finish="stop") + usage() + DONE)[:-2], "Once upon ", "stop"),
    Whole("JSON to a stream", whole("Once upon "), "Once upon ", "stop"),
]


async def test_what_is_whole_is_answered_whole(start):
    for vendor in VENDORS:
        async with FakeUpstream() as upstream, start(serving(upstream.url, vendor=vendor)) as gateway:
            for answer in ANSWERS:
                for split in (0, 7):
                    upstream.play(Answer(body=answer.body, split=split))
                    async with gateway.post(body=ASK) as response:
                        events = events_of(await response.read())
                    place = (vendor, answer.name, split, events)
                    assert joined(events) == answer.text, place
                    assert (finishes(events), events[-1]) == ([answer.finish], "[DONE]"), place
                record = await last_event(gateway)
                place = (vendor, answer.name, record)
                assert (record["st"], record["src"], record.get("be", 0)) == ("whole", answer.source, answer.broken), (
                    place
                )


async def test_a_connection_that_stays_open_after_the_terminator_keeps_nobody_waiting(start):
    body = TEXT + chunk(finish="stop") + usage() + DONE
    async with FakeUpstream(Answer(body=body, ending="hang")) as upstream, start(serving(upstream.url)) as gateway:
        async with awake() as clock, gateway.post(body=ASK) as response:
            assert events_of(await response.read())[-1] == "[DONE]"
            assert clock.seconds < 2
        await upstream.requests[0].gone.wait()


async def test_a_refusal_of_the_whole_request_after_text_keeps_its_own_code(start):
    long = event({"error": {"message": "maximum context length is 5 tokens"}})
    async with FakeUpstream(Answer(body=TEXT + long)) as upstream, start(serving(upstream.url)) as gateway:
        async with gateway.post(body=ASK) as response:
            last = events_of(await response.read())[-1]
        check_in_band(last, 1002)
        assert last["error"]["code"] == "context_length_exceeded"


async def test_an_error_beside_a_finish_reason_is_an_error(start):
    body = TEXT + chunk(finish="stop", error={"message": "boom"}) + DONE
    async with FakeUpstream(Answer(body=body)) as upstream, start(serving(upstream.url)) as gateway:
        async with gateway.post(body=ASK) as response:
            events = events_of(await response.read())
        check_in_band(events[-1], 4001)
