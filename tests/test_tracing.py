"""Traces as a collector gets them: OpenTelemetry's own messages, over a real socket."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.awake import awake
from tests.journeys.wire import eventually
from tornadogw import tracing as room
from tornadogw.settings.tables import Tracing as Table
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.tracing import Tracing
from tornadogw.types import Attempt, Record, Usage

STARTED = 1_790_000_000.25
RECORD = Record(
    id="r1",
    account_id="a",
    key_id="k",
    mode="chat",
    asked="auto",
    model="m",
    shown="m-1",
    upstream="u1",
    stream=True,
    finish="whole",
    usage=Usage(7, 2),
    cost=9,
    attempts=(
        Attempt("u2", "m", "skipped", "cooling down"),
        Attempt("u0", "m", "elsewhere", "reset", 20, 5, 1),
        Attempt("u1", "m", "ok", "", 70, 30, 1),
    ),
    started=STARTED,
    first_event_ms=60,
    ms=110,
)
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{}"
COLLECTS = Answer(headers={"Content-Type": "application/x-protobuf"})


def spans_of(collector):
    """What came, oldest first."""
    sent = [ExportTraceServiceRequest.FromString(each.body) for each in collector.requests]
    spans = [
        span
        for each in sent
        for resource in each.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    return sorted(spans, key=lambda span: (span.start_time_unix_nano, -span.end_time_unix_nano))


def said(carrier):
    """Attributes as plain values."""
    kinds = ("string_value", "int_value", "bool_value")
    return {
        each.key: next(getattr(each.value, kind) for kind in kinds if each.value.HasField(kind))
        for each in carrier.attributes
    }


async def traced(*records, **options):
    async with FakeUpstream(COLLECTS) as collector:
        tracing = Tracing.to(Table(endpoint=f"{collector.url}/v1/traces", **options))
        for record in records:
            tracing.finished(record)
        await tracing.close()
        return collector


async def test_a_call_is_a_span_and_each_attempt_one_in_it():
    collector = await traced(RECORD)
    assert {(each.method, each.path) for each in collector.requests} == {("POST", "/v1/traces")}
    call, failed, good = spans_of(collector)
    assert (call.name, call.kind, call.parent_span_id) == ("chat m", call.SPAN_KIND_SERVER, b"")
    assert (call.start_time_unix_nano, call.end_time_unix_nano) == (
        1_790_000_000_250_000_000,
        1_790_000_000_360_000_000,
    )
    about = said(call)
    assert about == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "auto",
        "gen_ai.response.model": "m-1",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
        "tornadogw.request": "r1",
        "tornadogw.account": "a",
        "tornadogw.key": "k",
        "tornadogw.model": "m",
        "tornadogw.upstream": "u1",
        "tornadogw.finish": "whole",
        "tornadogw.cost_micros": 9,
        "tornadogw.stream": True,
    }
    assert [(each.name, each.time_unix_nano) for each in call.events] == [
        ("skipped", call.start_time_unix_nano),
        ("first event", call.start_time_unix_nano + 60_000_000),
    ]
    assert said(call.events[0])["tornadogw.reason"] == "cooling down"
    for span, began, ms in ((failed, 5, 20), (good, 30, 70)):
        assert (span.name, span.kind) == ("chat m", span.SPAN_KIND_CLIENT)
        assert (span.trace_id, span.parent_span_id) == (call.trace_id, call.span_id)
        assert span.start_time_unix_nano - call.start_time_unix_nano == began * 1_000_000
        assert span.end_time_unix_nano - span.start_time_unix_nano == ms * 1_000_000
    assert said(failed)["error.type"] == "reset"
    assert (failed.status.code, good.status.code, call.status.code) == (2, 0, 0)
    resource = ExportTraceServiceRequest.FromString(collector.requests[0].body).resource_spans[0].resource
    assert said(resource)["service.name"] == "tornadogw"


@pytest.mark.parametrize(
    ("finish", "model", "name", "status"),
    [("client_gone", "m", "text_completion m", 0), ("no_upstream", "", "text_completion", 2)],
)
async def test_what_failed_and_what_did_not(finish, model, name, status):
    record = msgspec.structs.replace(RECORD, finish=finish, model=model, mode="completion", attempts=())
    [call] = spans_of(await traced(record))
    assert (call.name, call.status.code) == (name, status)


async def test_a_call_is_a_part_of_its_clients_trace():
    [call] = spans_of(await traced(msgspec.structs.replace(RECORD, attempts=(), trace=PARENT.format("01"))))
    assert call.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert call.parent_span_id.hex() == "b7ad6b7169203331"


async def test_a_client_may_be_left_out_but_not_force_its_way_in():
    unsampled = msgspec.structs.replace(RECORD, trace=PARENT.format("00"))
    assert (await traced(unsampled)).requests == []
    forced = msgspec.structs.replace(RECORD, trace=PARENT.format("01"))
    assert (await traced(forced, RECORD, share=0.0)).requests == []


async def test_only_a_share_is_traced():
    records = [msgspec.structs.replace(RECORD, attempts=())] * 400
    assert 10 < len(spans_of(await traced(*records, share=0.1))) < 90


async def test_what_others_word_spoils_nothing(claim_log):
    claim_log("tornadogw.tracing", "call r1 is not traced")
    odd = msgspec.structs.replace(RECORD, asked="\ud800" * 1000, shown="\x00" * 1000, attempts=())
    broken = msgspec.structs.replace(RECORD, mode="nonsense", attempts=())
    calls = spans_of(await traced(odd, broken, RECORD))
    asked = {said(call)["gen_ai.request.model"] for call in calls if call.kind == call.SPAN_KIND_SERVER}
    assert asked == {"auto", "?" * 200}
    assert len(calls) == 4


async def test_the_collector_is_told_who_we_are():
    collector = await traced(RECORD, authorization="Bearer secret")
    assert collector.requests[0].headers["authorization"] == "Bearer secret"


async def test_a_collector_that_was_away_is_said_once_and_used_again(claim_log, monkeypatch):
    claim_log("tornadogw.tracing", "traces are lost")
    claim_log("tornadogw.tracing", "taken again")
    monkeypatch.setattr(room, "EVERY_MS", 10)
    async with FakeUpstream(Answer(status=400)) as collector:
        tracing = Tracing.to(Table(endpoint=f"{collector.url}/v1/traces"))
        for count in range(1, 4):
            tracing.finished(RECORD)
            await eventually(lambda count=count: len(collector.requests) == count)
        collector.play(COLLECTS)
        tracing.finished(RECORD)
        await tracing.close()
        assert len(collector.requests) == 4


async def test_a_collector_that_says_nothing_keeps_nobody(monkeypatch, claim_log):
    claim_log("tornadogw.tracing", "traces are lost")
    monkeypatch.setattr(room, "TIMEOUT", 0.3)
    async with FakeUpstream(Answer(ending="hang")) as collector:
        tracing = Tracing.to(Table(endpoint=f"{collector.url}/v1/traces", authorization="Bearer secret"))
        tracing.finished(RECORD)
        async with awake() as clock:
            await tracing.close()
            assert clock.seconds < 3
    for thread in threading.enumerate():
        if thread.name == "last traces":  # its collector has gone
            await asyncio.to_thread(thread.join)
