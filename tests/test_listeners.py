"""Who is told of finished calls and of how the gateway is, each only where it is wanted."""

from __future__ import annotations

import asyncio
import json
import random
import sys

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.journeys.wire import problem, said, serving
from tests.running import CHAT
from tornadogw.errors import UsageError
from tornadogw.explain import for_operator
from tornadogw.health import Health
from tornadogw.listeners import deciding, left_alone
from tornadogw.observe import json_line
from tornadogw.queues import Limit, Queues
from tornadogw.store.ports_decisions import Decision
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.types import Attempt, Record


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


class Kept:
    """Where decisions go."""

    keeps = True

    def __init__(self):
        self.added = []

    def add(self, decision):
        self.added.append(decision)


def decision(finish="whole", *outcomes):
    attempts = tuple(Attempt("up", "m", outcome) for outcome in outcomes)
    record = Record(
        id="r1", account_id="a", key_id="k", mode="chat", asked="m", finish=finish, attempts=attempts, cost=3
    )
    return Decision("d1", record, charged=True)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("none", []),
        ("trouble", ["hidden", "cut", "nobody"]),
        ("all", ["fine", "hidden", "poor", "cut", "nobody", "gone"]),
    ],
)
def test_the_log_tells_why_as_far_as_it_is_wanted(wanted, told, caplog):
    caplog.set_level("INFO")
    requests = {
        "fine": decision("whole", "skipped", "ok"),
        "hidden": decision("whole", "elsewhere", "ok"),
        "poor": decision("refused"),
        "cut": decision("cut", "ok"),
        "nobody": decision("no_upstream"),
        "gone": decision("client_gone", "ended"),
    }
    kept = Kept()
    decided = deciding(kept, wanted)
    for each in requests.values():
        decided(each)
    assert kept.added == list(requests.values())
    assert [record.fields["decision"] for record in caplog.records] == [for_operator(requests[name]) for name in told]


def test_nobody_is_told_where_nobody_wants_to_know():
    kept = Kept()
    assert deciding(kept, "none") == kept.add
    kept.keeps = False
    assert deciding(kept, "none") is None
    assert deciding(kept, "all") is not None


async def test_a_request_that_met_trouble_stands_in_the_log_with_all_of_it(start, caplog):
    caplog.set_level("INFO")
    hostile = Answer(status=429, body=problem(code="sk-up0", kind="sk-up0"))
    async with (
        FakeUpstream(hostile) as bad,
        FakeUpstream(Answer(body=said("fine"))) as good,
        start(serving(bad.url, good.url)) as gateway,
    ):
        assert (await gateway.ask({"model": "m", **CHAT}, headers={"X-API-Key": gateway.key, "X-Request-Id": "r1"}))[
            0
        ] == 200
        [line] = [json_line(each, "") for each in caplog.records if each.getMessage() == "request r1: whole"]
        told = json.loads(line)["decision"]
        assert [(each["upstream"], each["outcome"]) for each in told["attempts"]] == [("u0", "cool"), ("u1", "ok")]
        assert [each["upstream"] for each in told["candidates"]] == ["u0", "u1"]
        assert told["charge"]["cost"] > 0
        assert "sk-up" not in caplog.text + line
