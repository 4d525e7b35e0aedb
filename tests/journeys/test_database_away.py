"""MongoDB away for some seconds: who needs it is told so quickly, the others are served, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.awake import Awake, awake
from tests.freezing import freeze, thaw
from tests.journeys.wire import check_books, check_envelope, events_of, eventually, hot, role, said, serving, text
from tests.running import CHAT, new_key, running
from tornadogw.store.mongo_embedded import PrivateMongod, open_private
from tornadogw.testing import Answer, FakeUpstream

AWAY = 5.0
"""Seconds."""
QUICKLY = 4.5
"""Seconds within which a request that needs the database is refused; the ledger waits three."""
FREE = '[[models]]\nname = "free"\nprice = { input = "0", output = "0" }\nroutes = [{ upstream = "u0", model = "x" }]\n'


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[PrivateMongod]:
    """A server of this test alone: it will be stopped in its tracks."""
    with open_private(tmp_path / "data", "serve") as server:
        yield server


@pytest.mark.gen_test(timeout=60)
async def test_five_seconds_without_the_database(own_mongod, tmp_path, claim_log):
    claim_log("tornadogw", "away|lost", needed=False)  # five seconds are less than the driver may wait
    gate = asyncio.Event()
    answer = said("begun before")
    async with (
        FakeUpstream(Answer(body=[role() + text("now "), gate, answer])) as upstream,
        running(own_mongod.url, tmp_path, serving(upstream.url, model=FREE)) as gateway,
    ):
        unseen = await new_key(gateway)
        assert own_mongod.pid
        running_stream = await gateway.post(body={**CHAT, "model": "m", "stream": True})
        assert b"now" in await running_stream.content.readany()
        upstream.play(Answer(body=said("hi")))
        await hot(gateway)

        freeze(own_mongod.pid)
        try:
            began = time.monotonic()
            gate.set()
            async with awake() as clock:
                paid, unknown, free, listed = await asyncio.gather(
                    timed(gateway, clock, {"model": "m"}),
                    timed(gateway, clock, {"model": "m"}, unseen),
                    timed(gateway, clock, {"model": "free"}),
                    models(gateway, clock),
                )
            status, headers, body, seconds = unknown
            assert (status, headers["Retry-After"], seconds < QUICKLY) == (503, "1", True), (body, seconds)
            check_envelope(body, 5000)
            for what, (status, _, body, seconds) in {"on lease": paid, "free": free}.items():
                assert (status, seconds < QUICKLY) == (200, True), f"{what} with a known key needs no database"
                assert body["choices"][0]["message"]["content"] == "hi"
            assert listed < QUICKLY
            assert events_of(b"data: " + (await running_stream.read()).partition(b"data: ")[2])[-1] == "[DONE]"
            assert await health(gateway, "/readyz") == 503
            assert await health(gateway, "/healthz") == 200
            await asyncio.sleep(max(0.0, began + AWAY - time.monotonic()))  # the fault itself has to last
        finally:
            thaw(own_mongod.pid)

        async def back() -> bool:
            ask = {**CHAT, "model": "m"}
            answers = [await gateway.ask(ask, headers={"X-API-Key": key}) for key in (gateway.key, unseen)]
            return [status for status, _ in answers] == [200, 200]

        await eventually(back, 15)

        async def ready() -> bool:
            return await health(gateway, "/readyz") == 200

        await eventually(ready, 15)
        await check_books(gateway)
        records = await gateway.events()
        assert {record["st"] for record in records} == {"whole"}
        assert {record["q"] for record in records} == {"m", "free"}
        streamed = [record["c"] for record in records if record.get("sse")]
        assert streamed == [9], "the stream that ended without the database is paid once, afterwards"


async def timed(gateway, clock: Awake, body, key: str = ""):
    """(status, headers, body, seconds)."""
    began = clock.seconds
    async with gateway.post(body={**CHAT, **body}, headers={"X-API-Key": key or gateway.key}) as response:
        return response.status, response.headers, await response.json(), clock.seconds - began


async def models(gateway, clock: Awake) -> float:
    began = clock.seconds
    async with gateway.session.get(gateway.url + "/v1/models", headers={"X-API-Key": gateway.key}) as response:
        assert response.status == 200
    return clock.seconds - began


async def health(gateway, path: str) -> int:
    async with gateway.session.get(gateway.url + path) as response:
        return int(response.status)
