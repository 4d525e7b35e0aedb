"""Who is told of finished calls and of how the gateway is, each only where it is wanted."""

from __future__ import annotations

import asyncio
import random
import sys

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tornadogw.errors import UsageError
from tornadogw.health import Health
from tornadogw.listeners import left_alone
from tornadogw.queues import Limit, Queues
from tornadogw.testing import Answer, FakeUpstream


async def test_figures_tell_who_waits_for_a_place():
    queues = Queues({"up": Limit(running=1, waiting=1, seconds=5.0)})
    assert await queues.enter("up")
    waits = asyncio.ensure_future(queues.enter("up"))
    await asyncio.sleep(0)
    assert left_alone(Health(lambda: 0.0, random.Random(1)), queues) == {("up", "waiting"): 1}
    queues.leave("up")
    assert await waits


async def test_a_call_and_its_attempts_are_traced_as_a_part_of_the_clients_trace(start):
    async with FakeUpstream(Answer(headers={"Content-Type": "application/x-protobuf"})) as collector:
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        async with start(f'[tracing]\nendpoint = "{collector.url}/v1/traces"\n') as gateway:
            for given in (parent, "no traceparent", f"{parent}-more"):
                assert (await gateway.ask(headers={"X-API-Key": gateway.key, "traceparent": given}))[0] == 200
        spans = [
            span
            for each in collector.requests
            for resource in ExportTraceServiceRequest.FromString(each.body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        calls = [span for span in spans if span.kind == span.SPAN_KIND_SERVER]
        assert len(calls) == 3
        assert len(spans) == 6
        assert [call.parent_span_id.hex() for call in calls] == ["b7ad6b7169203331", "", ""]
        assert calls[0].trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"


async def test_traces_need_their_extra(start, monkeypatch):
    monkeypatch.setitem(sys.modules, "tornadogw.tracing", None)
    with pytest.raises(UsageError, match=r"tornadogw\[otel\]"):
        async with start('[tracing]\nendpoint = "http://127.0.0.1:1/v1/traces"\n'):
            pass
