from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from tests.own_time import own_time
from tests.relay.conftest import WHOLE, call_of, draft_of, event, meter
from tornadogw.relay.answer import StreamAnswer, identity
from tornadogw.relay.pump import UpstreamFailed, pump
from tornadogw.relay.raw import RawReader
from tornadogw.relay.reader import Reader
from tornadogw.transport import TransportError
from tornadogw.types import Failure

ROUTE = SimpleNamespace(public_name="", model="m")


@pytest.fixture(autouse=True)
def exact(io_loop):
    """No deadline comes early or late, however slow the machine is."""
    with own_time(io_loop.asyncio_loop):
        yield


class Upstream:
    """Gives pieces, raises exceptions, and hangs at `None`."""

    status, headers = 200, {}

    def __init__(self, *pieces):
        self.pieces = list(pieces)

    async def read(self):
        piece = self.pieces.pop(0) if self.pieces else b""
        if piece is None:
            await asyncio.Event().wait()
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def body(self, limit):
        return await self.read()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        """Nothing is open."""


class Client:
    started = False

    def __init__(self):
        self.writes = []

    async def write(self, data):
        self.started = True
        self.writes.append(data)


def judge(status, headers, body):
    return Failure("cool", code=str(status), message=body.decode())


async def move(vendor, upstream, *, first_event=5.0, idle=5.0, raw=False):
    draft, client = draft_of(), Client()
    reader = (RawReader if raw else Reader)(vendor, call_of(draft), meter())
    answer = StreamAnswer(draft)

    def begin():
        answer.begin(identity(reader.meta, ROUTE, draft, "request", 1.0))

    deadline = asyncio.get_running_loop().time() + first_event
    try:
        await pump(upstream, reader, answer, client, begin, judge, first_event=deadline, idle=idle)
    finally:
        client.reader = reader
    return client


async def failing(vendor, upstream, **options):
    with pytest.raises(UpstreamFailed) as caught:
        await move(vendor, upstream, **options)
    return caught.value.failure


async def test_one_write_per_read(rows):
    half = WHOLE.index(event({}, "stop"))
    client = await move(rows["vllm"], Upstream(WHOLE[:half], WHOLE[half:]))
    assert len(client.writes) == 2


async def test_nothing_is_written_before_the_first_useful_event(rows):
    role = event({"role": "assistant", "content": ""})
    failure = await failing(rows["vllm"], Upstream(role, None), first_event=0.05)
    assert (failure.kind, failure.code) == ("elsewhere", "timeout")


async def test_silence_between_events_is_a_timeout(rows):
    failure = await failing(rows["vllm"], Upstream(event({"content": "x"}), None), idle=0.05)
    assert failure.code == "timeout"


async def test_comments_do_not_count_as_life(rows):
    pings = [b": ping\n\n"] * 3
    failure = await failing(rows["vllm"], Upstream(event({"content": "x"}), *pings, None), idle=0.05)
    assert failure.code == "timeout"


async def test_an_upstream_that_only_says_that_it_is_there_is_waited_for_a_while(rows):
    """Twice as long as a silent one, and no longer."""

    class Pinging(Upstream):
        async def read(self):
            if self.pieces:
                return await super().read()
            await asyncio.sleep(0.02)
            return b"data: {}\n\n"

    began = asyncio.get_running_loop().time()
    failure = await failing(rows["vllm"], Pinging(event({"content": "x"})), idle=0.2)
    assert failure.code == "timeout"
    assert asyncio.get_running_loop().time() - began == pytest.approx(0.4, abs=0.03)


async def test_the_end_of_a_finished_answer_is_not_waited_for_as_long_as_an_event(rows, monkeypatch):
    monkeypatch.setattr("tornadogw.relay.pump.TAIL", 0.05)
    async with asyncio.timeout(2):
        client = await move(rows["vllm"], Upstream(event({"content": "x"}), event({}, "stop"), None), idle=60.0)
    assert client.reader.complete


async def test_an_error_whose_body_does_not_come_is_what_its_status_says(rows, monkeypatch):
    """Although nothing useful came in time."""
    monkeypatch.setattr("tornadogw.relay.pump.ERROR_SECONDS", 0.2)
    upstream = Upstream(None)
    upstream.status = 503
    assert (await failing(rows["vllm"], upstream, first_event=0.05)).code == "503"


async def test_a_reset_is_a_failure(rows):
    failure = await failing(rows["vllm"], Upstream(event({"content": "x"}), TransportError("reset", "lost")))
    assert failure.code == "reset"


@pytest.mark.parametrize("fate", [TransportError("reset", "lost"), None, b""])
async def test_a_finished_answer_needs_no_terminator(rows, fate):
    body = event({"content": "x"}) + event({}, "stop")
    client = await move(rows["vllm"], Upstream(body, fate), idle=0.05)
    assert b'"finish_reason":"stop"' in client.writes[-1]


async def test_a_connection_that_stays_open_after_the_terminator_keeps_nobody_waiting(rows):
    async with asyncio.timeout(2):
        client = await move(rows["vllm"], Upstream(WHOLE, None))
    assert client.reader.complete


async def test_extras_before_the_first_useful_event_are_not_lost(rows):
    early = event({"role": "assistant", "content": ""}, system_fingerprint="fp")
    client = await move(rows["vllm"], Upstream(early, event({"content": "x"}), event({}, "stop")))
    assert b'"system_fingerprint":"fp"' in client.writes[0]


async def test_an_error_inside_the_stream_ends_it(rows):
    failure = await failing(
        rows["vllm"], Upstream(event({"content": "x"}), b'data: {"error":{"message":"boom","code":500}}\n\n')
    )
    assert failure.message == "boom"


async def test_the_raw_relay_passes_bytes_after_the_first_event(rows):
    plain = event({"content": "two"}, system_fingerprint="odd  spacing")
    client = await move(rows["openai"], Upstream(event({"content": "one"}), plain, event({}, "stop")), raw=True)
    assert client.writes[1] == plain


async def test_a_time_that_must_be_made_up_is_never_passed_raw(rows):
    pieces = [event({"content": "one"}, created=0), event({"content": "two"}, created=0), event({}, "stop")]
    client = await move(rows["openai"], Upstream(*pieces), raw=True)
    assert all(b'"created":1,' in write for write in client.writes)


async def test_a_rewritten_model_is_never_passed_raw(rows, monkeypatch):
    monkeypatch.setattr(ROUTE, "public_name", "renamed")
    plain = event({"content": "two"})
    client = await move(rows["openai"], Upstream(event({"content": "one"}), plain, event({}, "stop")), raw=True)
    assert b'"model":"renamed"' in client.writes[1]


@pytest.mark.parametrize(
    ("pieces", "message"), [([b"slow down"], "slow down"), ([TransportError("reset", "lost")], "")]
)
async def test_an_error_is_judged_by_what_came_of_it(rows, pieces, message):
    upstream = Upstream(*pieces)
    upstream.status = 429
    failure = await failing(rows["vllm"], upstream)
    assert (failure.kind, failure.code, failure.message) == ("cool", "429", message)


async def test_a_slow_client_is_not_the_upstreams_fault(rows, monkeypatch):
    async def slow(self, data):
        self.started = True
        await asyncio.sleep(0.1)

    monkeypatch.setattr(Client, "write", slow)
    await move(rows["vllm"], Upstream(event({"content": "x"}), event({"content": "y"}), event({}, "stop")), idle=0.05)


async def test_a_terminator_after_a_role_alone_is_an_empty_answer(rows):
    role = event({"role": "assistant", "content": ""})
    client = await move(rows["vllm"], Upstream(role, b"data: [DONE]\n\n"))
    assert b'"finish_reason":"stop"' in client.writes[-1]
