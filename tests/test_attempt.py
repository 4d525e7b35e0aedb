from __future__ import annotations

import asyncio

import pytest

from tests.relay.conftest import WHOLE, event
from tests.test_router import draft, model, route
from tornadogw.attempt import RouteAttempt
from tornadogw.images import Images
from tornadogw.plan import Candidate
from tornadogw.relay.pump import UpstreamFailed
from tornadogw.settings.tables import Defaults
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport
from tornadogw.transport.fetch import Fetcher, Limits
from tornadogw.types import Credential
from tornadogw.vendors import load_rows

DEFAULTS = Defaults()
VLLM = next(row for row in load_rows() if row.name == "vllm")
NO_TEMPERATURE = Answer(
    status=400, body=b'{"error":{"message":"temperature is not supported","param":"temperature","type":"invalid"}}'
)


class Client:
    """Keeps what it is told."""

    started = gone = False

    def __init__(self):
        self.out, self.heads = b"", []

    def announce(self, *, stream, headers, drain=None):
        self.heads.append((stream, dict(headers)))

    async def write(self, data):
        self.started = True
        self.out += data

    async def finish(self, data):
        self.out += data


async def attempt(upstream, asked, *, last=False, number=0, deadlines=None):
    values = {name: getattr(route(), name) for name in route().__struct_fields__}
    values |= {"vendor": VLLM, "base_url": upstream.url, "traits": VLLM.traits("m")}
    entry = type(route())(**(values | ({"deadlines": deadlines} if deadlines else {})))
    one = RouteAttempt(asked, "request", Candidate(model(), entry, 0), Credential("up#1", "sk"))
    transport, client = Transport(), Client()
    await transport.open()
    try:
        await one.relay(
            transport, Tokens(transport), Images(Fetcher(Limits())), client, DEFAULTS, last=last, others=lambda: number
        )
    finally:
        await transport.close()
        one.client = client
    return one


async def test_a_stream_is_relayed_and_metered():
    async with FakeUpstream(Answer(body=WHOLE)) as upstream:
        one = await attempt(upstream, draft(stream=True), number=2)
        assert one.client.heads[0] == (True, {"X-Gateway-Attempts": "3"})
        assert one.meters[0].result().usage.completion > 0
        assert one.answer.identity.id == "c1"
        assert one.client.out.count(b"data: ") == 3


async def test_a_json_clients_upstream_streams_too():
    async with FakeUpstream(Answer(body=WHOLE)) as upstream:
        one = await attempt(upstream, draft())
        assert upstream.requests[0].json()["stream"] is True
        assert one.client.out == b""
        assert one.client.heads[0][0] is False


async def test_our_default_is_dropped_once_if_the_upstream_refuses_it():
    async with FakeUpstream(NO_TEMPERATURE, Answer(body=WHOLE)) as upstream:
        one = await attempt(upstream, draft(stream=True))
        assert ["temperature" in request.json() for request in upstream.requests] == [True, False]
        assert (one.calls, len(one.meters)) == (2, 1)
        assert one.client.heads[0][1]["X-Gateway-Attempts"] == "2"


async def test_the_clients_own_temperature_is_never_dropped():
    async with FakeUpstream(NO_TEMPERATURE, Answer(body=WHOLE)) as upstream:
        with pytest.raises(UpstreamFailed) as caught:
            await attempt(upstream, draft(stream=True, temperature=1.0))
        assert (caught.value.failure.kind, len(upstream.requests)) == ("client", 1)


async def test_several_prompts_through_chat_are_one_answer():
    chat_only = draft(mode="completion", messages=(), prompts=["a", "b"], choices=2, stream=True)
    async with FakeUpstream(Answer(body=WHOLE)) as upstream:
        one = await attempt(upstream, chat_only)
        assert [request.json().get("prompt") for request in upstream.requests] in ([["a", "b"]], [None, None])
        assert b'"object":"text_completion"' in one.client.out


async def test_the_last_route_may_take_its_time():
    """Its limit to the first event is the longer one of `first_event` and `idle`, never the total."""
    limits = type(route().deadlines)(connect=5, first_event=0.05, idle=5, total=9)
    gate = asyncio.Event()
    async with FakeUpstream(Answer(body=[event({"role": "assistant"}), gate, WHOLE])) as upstream:
        with pytest.raises(UpstreamFailed) as caught:
            await attempt(upstream, draft(stream=True), deadlines=limits)
        assert caught.value.failure.code == "timeout"
        asyncio.get_running_loop().call_later(0.2, gate.set)
        one = await attempt(upstream, draft(stream=True), deadlines=limits, last=True)
        assert one.client.started


async def test_names_that_break_a_header_stay_out_of_it():
    wild = draft(stream=True, params={"a\r\nX-Evil: 1": 1, "é": 2, "logit_bias": {"1": 2}})
    async with FakeUpstream(Answer(body=WHOLE)) as upstream:
        one = RouteAttempt(wild, "request", Candidate(model(), route(), 0), Credential("up#1"))
        one.dropped |= set(wild.params)
        client = Client()
        reader = type("Reader", (), {"meta": type("Meta", (), {"id": "", "model": "", "created": 0})()})()
        one._begin(client, reader, lambda: 0)
        assert client.heads[0][1]["X-Gateway-Dropped"] == "logit_bias"
        assert upstream.requests == []


async def test_a_call_that_has_spoken_is_never_repeated():
    """Its words would stand in the answer twice."""
    spoken = event({"content": "AAA"}) + b'data: {"error":{"message":"temperature is too hot","code":"invalid"}}\n\n'
    async with FakeUpstream(Answer(body=spoken)) as upstream:
        with pytest.raises(UpstreamFailed):
            await attempt(upstream, draft(stream=True))
        assert len(upstream.requests) == 1
