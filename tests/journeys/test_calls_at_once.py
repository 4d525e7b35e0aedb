"""Calls of a key at once, and its tokens per minute: off unless set, and free again however a call ends."""

from __future__ import annotations

import asyncio

import pytest

from tests.journeys.raw import Raw
from tests.journeys.wire import check_envelope, problem, role, said, serving, settled, text
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", **CHAT}
ONE = "[limits]\nkey_concurrent = 1\nkey_per_minute = 1000\nip_per_minute = 1000"
TOKENS = "[limits]\nkey_tokens_per_minute = 9\nkey_per_minute = 1000\nip_per_minute = 1000"
PATIENT = "timeouts = { first_event = 300, idle = 300, total = 300 }"


async def refused(gateway) -> bool:
    async with gateway.post(body=ASK) as response:
        body = await response.json()
        if response.status == 200:
            return False
        assert response.status == 429
        check_envelope(body, 2004, "rate_limit_exceeded")
        assert int(response.headers["Retry-After"]) >= 1
        return True


async def test_no_more_than_two_run(start):
    go = asyncio.Event()
    top = ONE.replace("key_concurrent = 1", "key_concurrent = 2")
    async with (
        FakeUpstream(Answer(body=[go, said("hi")])) as upstream,
        start(serving(upstream.url, model=PATIENT, top=top)) as gateway,
    ):
        asking = [asyncio.create_task(gateway.ask(ASK)) for _ in range(2)]
        await upstream.received(2)
        assert await refused(gateway)
        async with gateway.session.get(gateway.url + "/v1/models", headers={"X-API-Key": gateway.key}) as response:
            assert response.status == 200, "only calls count"
        go.set()
        assert [status for status, _ in await asyncio.gather(*asking)] == [200, 200]
        assert not await refused(gateway)


@pytest.mark.parametrize(
    ("answer", "body", "status"),
    [
        (Answer(body=said("hi")), ASK, 200),
        (Answer(body=said("hi")), {**ASK, "stream": True}, 200),
        (Answer(body=role() + text("hi"), ending="reset"), {**ASK, "stream": True}, 200),
        (Answer(status=500, body=problem()), ASK, 503),
        (Answer(status=400, body=problem()), ASK, 400),
        (Answer(body=said("hi")), {**ASK, "model": "unknown"}, 400),
        (Answer(body=said("hi")), {}, 400),
        (Answer(body=said("hi")), b"{", 400),
        (Answer(body=said("hi")), {**ASK, "max_tokens": 10**9}, 402),
        (Answer(body=said("hi")), b"x" * 5000, 413),
    ],
)
async def test_a_call_that_has_ended_does_not_count(start, answer, body, status):
    top = f"[server]\nmax_body_bytes = 4000\n{ONE}"
    async with FakeUpstream(answer) as upstream, start(serving(upstream.url, top=top)) as gateway:
        for _ in range(3):
            async with gateway.post(body=body) as response:
                assert (response.status, len(await response.read()) > 0) == (status, True)
        await settled(gateway)
        assert len(gateway.gateway.parts.limiter._running) == 0


async def test_what_is_refused_from_its_headers_does_not_count(start):
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url, top=ONE)) as gateway:
        for headers in ({"Content-Encoding": "gzip"}, {"Content-Type": "multipart/form-data"}):
            async with gateway.post(body=b"{}", headers=headers) as response:
                assert response.status == 415
            assert not await refused(gateway)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_has_gone_does_not_count(start, stream):
    answer = Answer(body=role() + text("Once "), ending="hang")
    async with FakeUpstream(answer) as upstream, start(serving(upstream.url, model=PATIENT, top=ONE)) as gateway:
        for number in (1, 2, 3):
            asking = asyncio.create_task(gateway.stream(ASK) if stream else gateway.ask({**ASK, "stream": False}))
            request = await upstream.received(number)
            asking.cancel()
            await asyncio.wait({asking})
            await request.gone.wait()
            await settled(gateway)
        async with Raw(gateway) as client:  # and one that leaves in the middle of its body
            client.head("Content-Length: 1000")
            client.writer.write(b"{")
            await client.writer.drain()
            while len(gateway.gateway.parts.limiter._running) == 0:
                await asyncio.sleep(0)
            client.writer.transport.abort()
        await settled(gateway)
        upstream.play(Answer(body=said("hi")))
        assert not await refused(gateway)


async def test_tokens_are_counted_when_a_call_ends(start):
    """`said` reports nine of them."""
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url, top=TOKENS)) as gateway:
        assert not await refused(gateway)
        await settled(gateway)
        assert await refused(gateway)


async def test_tokens_of_a_failure_are_none_and_those_of_a_client_that_has_gone_count(start):
    hang = Answer(body=role() + text("Once ") * 9, ending="hang")
    async with (
        FakeUpstream(Answer(status=500, body=problem())) as upstream,
        start(serving(upstream.url, model=PATIENT, top=TOKENS)) as gateway,
    ):
        assert (await gateway.ask(ASK))[0] == 503
        upstream.play(hang)
        response = await gateway.post(body={**ASK, "stream": True})
        assert response.status == 200
        assert b"Once" in await response.content.readany()
        response.close()
        await settled(gateway)
        assert await refused(gateway)
