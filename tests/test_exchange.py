"""The order of the story; what each journey comes to is in tests/journeys."""

from __future__ import annotations

import asyncio

import pytest

from tests.relay.conftest import WHOLE, event
from tests.running import CHAT, chat_settings
from tornadogw.aftermath import Aftermath
from tornadogw.ledger import Leasing
from tornadogw.store.mongo_events import MongoEvents
from tornadogw.store.ports import StoreUnavailable
from tornadogw.testing import Answer, FakeUpstream

STREAM = {**CHAT, "model": "m", "stream": True}


async def test_money_is_settled_before_the_last_bytes(start, monkeypatch):
    """Whoever reads a whole answer reads it after its charge was written: in the journal, or else in the database."""
    async with (
        FakeUpstream(Answer(body=WHOLE)) as upstream,
        start('[money]\njournal = "mongo"\n' + chat_settings(upstream.url)) as gateway,
    ):
        gate, insert = asyncio.Event(), MongoEvents.insert

        async def slow(self, entries):
            await gate.wait()
            return await insert(self, entries)

        monkeypatch.setattr(MongoEvents, "insert", slow)
        async with gateway.post(body=STREAM) as response:
            read = b""
            while b'"finish_reason":"stop"' not in read:
                read += await response.content.readany()
            assert b"[DONE]" not in read
            gate.set()
            read += await response.content.read()
            assert read.endswith(b"data: [DONE]\n\n")
            [charged] = await gateway.mongo.database.events.find().to_list(None)
            assert charged["c"] > 0


async def test_an_answer_that_nobody_recorded_does_not_end(start, monkeypatch, claim_log):
    """The database is away and there is no journal: the stream ends with an error, and is charged later."""
    claim_log("tornadogw.flush", "database is away")
    gate = asyncio.Event()
    async with (
        FakeUpstream(Answer(body=[event({"content": "one "}), gate, WHOLE])) as upstream,
        start('[money]\njournal = "mongo"\n' + chat_settings(upstream.url)) as gateway,
    ):

        async def away(self, entries):
            raise StoreUnavailable

        with monkeypatch.context() as outage:
            outage.setattr(MongoEvents, "insert", away)
            async with gateway.post(body=STREAM) as response:
                gateway.gateway.ledger.leasing = Leasing(patience=0.2)  # its hold was taken in peace
                gate.set()
                read = await response.content.read()
        assert b"[DONE]" not in read
        assert read.rpartition(b"data: ")[2].startswith(b'{"error":')
        [charged] = await gateway.events()
        assert charged["c"] > 0


async def test_a_request_is_refused_in_the_contracts_order(start):
    """Key, then JSON, then model, then money."""
    async with start(chat_settings("http://127.0.0.1:1"), credit="0.000001") as gateway:
        assert (await gateway.ask(b"{", headers={"X-API-Key": "sk-bad"}))[1]["code"] == 2001
        assert (await gateway.ask(b"{"))[1]["code"] == 1002
        assert (await gateway.ask({**CHAT, "model": "no"}))[1]["code"] == 1003
        assert (await gateway.ask({**CHAT, "model": "m"}))[1]["code"] == 2002


async def test_a_bug_of_ours_is_5000_and_costs_nothing(start, monkeypatch, claim_log):
    claim_log("tornadogw.exchange", "failed")

    def bug(self, *_, **__):
        raise ZeroDivisionError("secret detail")

    async with FakeUpstream(Answer(body=WHOLE)) as upstream, start(chat_settings(upstream.url)) as gateway:
        monkeypatch.setattr("tornadogw.attempt.RouteAttempt.relay", bug)
        status, body = await gateway.ask({**CHAT, "model": "m"})
        assert (status, body["code"]) == (500, 5000)
        assert "secret" not in str(body)
        account = await gateway.account()
        assert (account.spent, account.held) == (0, 0)


async def test_the_total_deadline_covers_all_attempts(start):
    limits = "[timeouts]\nfirst_event = 30\nidle = 30\ntotal = 0.3\n"
    silent = Answer(body=b"", ending="hang")
    async with FakeUpstream(silent) as upstream, start(limits + chat_settings(upstream.url)) as gateway:
        async with asyncio.timeout(20):
            status, body = await gateway.ask({**CHAT, "model": "m"})
        assert (status, body["code"]) == (503, 4001)


@pytest.mark.parametrize("stream", [True, False])
async def test_every_finished_call_is_told_once(start, stream, monkeypatch):
    told = []
    monkeypatch.setattr(Aftermath, "listens", True)
    monkeypatch.setattr(Aftermath, "finished", lambda self, record: told.append(record))
    async with FakeUpstream(Answer(body=WHOLE)) as upstream, start(chat_settings(upstream.url)) as gateway:
        async with gateway.post(body={**CHAT, "model": "m", "stream": stream}) as response:
            await response.read()
        async with gateway.post(body={**CHAT, "model": "m", "n": 17}) as response:
            await response.read()  # refused before any hold: nothing to tell
        [stored] = await gateway.events()
    [record] = told
    assert (record.cost, record.wallet, record.day) == (stored["c"], stored["w"], stored["d"])
    assert (record.finish, record.model, record.stream, record.source) == ("whole", "m", stream, "estimated")
    assert record.cost > 0


async def test_after_the_start_a_failure_is_an_event_and_is_charged(start):
    body = event({"content": "one two three"})
    async with (
        FakeUpstream(Answer(body=body, ending="reset")) as upstream,
        start(chat_settings(upstream.url)) as gateway,
        gateway.post(body=STREAM) as response,
    ):
        raw = await response.read()
        assert raw.split(b"\n\n")[-2].startswith(b'data: {"error":{')
        assert b"[DONE]" not in raw
        [charged] = await gateway.events()
        assert charged["c"] > 0
