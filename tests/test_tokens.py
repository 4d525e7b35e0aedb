"""Fresh tokens: one fetch for everybody, in time, and whatever goes wrong is a failure of the route."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager

import msgspec
import pytest

from tests.relay.conftest import WHOLE
from tests.test_router import draft, model, route
from tornadogw.attempt import RouteAttempt
from tornadogw.errors import Unreadable
from tornadogw.images import Images
from tornadogw.plan import Candidate
from tornadogw.relay.pump import UpstreamFailed
from tornadogw.settings.tables import Defaults
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.tokens import EARLY, Tokens
from tornadogw.transport import Transport
from tornadogw.transport.fetch import Fetcher, Limits
from tornadogw.types import Credential, Failure, Refreshed, UpstreamRequest
from tornadogw.vendors import load_rows

CREDENTIAL = Credential("up#1", "long-lived-secret")


def vendor_at(url):
    """A vendor of the chat dialect that buys its tokens at `url`."""

    class Renting(type(next(row for row in load_rows() if row.name == "vllm"))):
        def expires(self, credential):
            return credential.secret.startswith("long-lived")

        async def refresh(self, http, credential, now):
            answer = await http(UpstreamRequest(f"{url}/token", {"x-secret": credential.secret}, b"{}"))
            if answer.status != 200:
                return Failure("disable", "key", code="invalid_grant", message="no", status=answer.status)
            try:
                said = json.loads(answer.body)
            except ValueError as error:
                raise Unreadable("no JSON") from error
            return Refreshed(said["token"], said["seconds"])

    vendor = Renting.__new__(Renting)
    vendor.__dict__.update(next(row for row in load_rows() if row.name == "vllm").__dict__)
    return vendor


def entry_at(url):
    vendor = vendor_at(url)
    return msgspec.structs.replace(route(), vendor=vendor, base_url=url, traits=vendor.traits("m"))


def token(name, seconds=3600.0):
    body = json.dumps({"token": name, "seconds": seconds}).encode()
    return Answer(body=body, headers={"Content-Type": "application/json"})


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@asynccontextmanager
async def opened(clock=None):
    """Tokens over a transport of their own."""
    transport = Transport()
    await transport.open()
    tokens = Tokens(transport, clock=clock or Clock())
    try:
        yield tokens
    finally:
        await tokens.close()
        await transport.close()


async def test_what_does_not_expire_is_sent_as_it_is():
    async with FakeUpstream(Answer(body=WHOLE)) as upstream, opened() as tokens:
        _, failure = await tried(upstream, tokens, Credential("up#2", "ya29.token"))
        assert (failure, sent(upstream)) == (None, ["Bearer ya29.token"])


async def test_a_token_is_fetched_before_the_first_use_and_kept():
    async with FakeUpstream(token("t1"), token("t2")) as upstream, opened() as tokens:
        entry = entry_at(upstream.url)
        first, second = [await tokens.fresh(entry, CREDENTIAL) for _ in range(2)]
        assert first == second == Credential("up#1", "t1")
        assert [request.headers["x-secret"] for request in upstream.requests] == ["long-lived-secret"]


async def test_it_is_replaced_a_minute_before_its_end():
    clock = Clock()
    async with FakeUpstream(token("t1", 100), token("t2", 100)) as upstream, opened(clock) as tokens:
        entry = entry_at(upstream.url)
        await tokens.fresh(entry, CREDENTIAL)
        clock.now += 100 - EARLY - 1
        assert (await tokens.fresh(entry, CREDENTIAL)).secret == "t1"
        clock.now += 1
        assert (await tokens.fresh(entry, CREDENTIAL)).secret == "t2"


async def test_an_old_token_that_still_lasts_bridges_an_outage():
    clock = Clock()
    async with FakeUpstream(token("t1", 100), Answer(ending="reset")) as upstream, opened(clock) as tokens:
        entry = entry_at(upstream.url)
        await tokens.fresh(entry, CREDENTIAL)
        clock.now += 99
        assert (await tokens.fresh(entry, CREDENTIAL)).secret == "t1"
        clock.now += 1
        failure = await tokens.fresh(entry, CREDENTIAL)
        assert (failure.kind, failure.scope) == ("elsewhere", "key")


async def test_everybody_waits_for_one_fetch():
    gate = asyncio.Event()
    answer = Answer(body=[gate, token("t1").body])
    async with FakeUpstream(answer) as upstream, opened() as tokens:
        entry = entry_at(upstream.url)
        waiting = [asyncio.create_task(tokens.fresh(entry, CREDENTIAL)) for _ in range(20)]
        await upstream.received()
        gate.set()
        assert {(await each).secret for each in waiting} == {"t1"}
        assert len(upstream.requests) == 1


async def test_keys_do_not_wait_for_each_other():
    async with FakeUpstream(token("t1"), token("t2")) as upstream, opened() as tokens:
        entry = entry_at(upstream.url)
        await tokens.fresh(entry, CREDENTIAL)
        assert (await tokens.fresh(entry, Credential("up#2", "long-lived-other"))).secret == "t2"


async def test_a_client_that_leaves_does_not_stop_the_others():
    gate = asyncio.Event()
    async with FakeUpstream(Answer(body=[gate, token("t1").body])) as upstream, opened() as tokens:
        entry = entry_at(upstream.url)
        leaving, staying = (asyncio.create_task(tokens.fresh(entry, CREDENTIAL)) for _ in range(2))
        await upstream.received()
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        gate.set()
        assert (await staying).secret == "t1"


async def test_a_refused_token_is_replaced_once_for_all_who_had_it():
    async with FakeUpstream(token("t1"), token("t2"), token("t3")) as upstream, opened() as tokens:
        entry = entry_at(upstream.url)
        await tokens.fresh(entry, CREDENTIAL)
        again = [await tokens.fresh(entry, CREDENTIAL, refused="t1") for _ in range(3)]
        assert [each.secret for each in again] == ["t2", "t2", "t2"]


async def test_a_refused_token_bridges_nothing():
    async with FakeUpstream(token("t1"), Answer(status=400)) as upstream, opened() as tokens:
        entry = entry_at(upstream.url)
        await tokens.fresh(entry, CREDENTIAL)
        assert (await tokens.fresh(entry, CREDENTIAL, refused="t1")).kind == "disable"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(body=b"<html>"), "unreadable"),
        (Answer(body=b'{"token": "", "seconds": 9}'), "unreadable"),
        (Answer(body=b'{"token": "t", "seconds": 0}'), "unreadable"),
        (Answer(body=b'{"token": "t", "seconds": NaN}'), "unreadable"),
        (Answer(body=b"", ending="reset"), "reset"),
    ],
)
async def test_what_is_no_token_is_a_failure_of_the_route(answer, code):
    async with FakeUpstream(answer) as upstream, opened() as tokens:
        failure = await tokens.fresh(entry_at(upstream.url), CREDENTIAL)
        assert (failure.kind, failure.scope, failure.code) == ("elsewhere", "key", code)


async def test_nobody_there():
    async with opened() as tokens:
        failure = await tokens.fresh(entry_at("http://127.0.0.1:1"), CREDENTIAL)
        assert (failure.kind, failure.code) == ("elsewhere", "connect")


async def test_a_bug_of_the_vendor_is_told_without_its_words(claim_log, caplog):
    claim_log("tornadogw.tokens", "has a bug")
    async with FakeUpstream(Answer(body=b'{"long-lived-secret": 1}')) as upstream, opened() as tokens:
        failure = await tokens.fresh(entry_at(upstream.url), CREDENTIAL)
        assert (failure.kind, failure.code) == ("elsewhere", "vendor_bug")
        assert "long-lived-secret" not in caplog.text


async def test_silence_has_a_deadline(monkeypatch):
    monkeypatch.setattr("tornadogw.tokens.DEADLINE", 0.05)
    async with FakeUpstream(Answer(ending="hang")) as upstream, opened() as tokens:
        failure = await tokens.fresh(entry_at(upstream.url), CREDENTIAL)
        assert (failure.kind, failure.code) == ("elsewhere", "timeout")


async def test_closing_stops_what_is_under_way():
    async with FakeUpstream(Answer(ending="hang")) as upstream, opened() as tokens:
        waiting = asyncio.create_task(tokens.fresh(entry_at(upstream.url), CREDENTIAL))
        await upstream.received()
        await tokens.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_no_token_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    async with FakeUpstream(token("very-secret-token")) as upstream, opened() as tokens:
        fresh = await tokens.fresh(entry_at(upstream.url), CREDENTIAL)
        assert "secret" not in caplog.text.replace("long-lived", "")
        assert "very-secret" not in repr(fresh) + repr(Refreshed("very-secret-token", 1.0))


# --- in an attempt -------------------------------------------------------------------------------------------------

UNAUTHORIZED = Answer(status=401, body=b'{"error":{"message":"token t1 expired"}}')


class Client:
    started = gone = False

    def announce(self, *, stream, headers, drain=None):
        self.headers = headers

    async def write(self, data):
        self.started = True

    async def finish(self, data): ...


async def tried(upstream, tokens, credential=CREDENTIAL):
    one = RouteAttempt(draft(stream=True), "request", Candidate(model(), entry_at(upstream.url), 0), credential)
    try:
        images = Images(Fetcher(Limits()))
        await one.relay(tokens._transport, tokens, images, Client(), Defaults(), last=False, others=lambda: 0)
    except UpstreamFailed as error:
        return one, error.failure
    return one, None


def sent(upstream):
    """What each call carried: the token, or where a token was asked for."""
    return [request.headers.get("authorization", request.path) for request in upstream.requests]


async def test_the_call_carries_the_fresh_token():
    async with FakeUpstream(token("t1"), Answer(body=WHOLE)) as upstream, opened() as tokens:
        one, failure = await tried(upstream, tokens)
        assert (failure, sent(upstream)) == (None, ["/token", "Bearer t1"])
        assert one.secrets == ["long-lived-secret", "t1"]
        assert one.calls == 1


async def test_after_a_401_it_is_refreshed_once_and_the_call_repeated():
    async with FakeUpstream(token("t1"), UNAUTHORIZED, token("t2"), Answer(body=WHOLE)) as upstream, opened() as tokens:
        one, failure = await tried(upstream, tokens)
        assert (failure, sent(upstream)) == (None, ["/token", "Bearer t1", "/token", "Bearer t2"])
        assert (one.calls, len(one.meters)) == (2, 1)


async def test_a_second_401_is_the_vendors_failure():
    async with FakeUpstream(token("t1"), UNAUTHORIZED, token("t2"), UNAUTHORIZED) as upstream, opened() as tokens:
        _, failure = await tried(upstream, tokens)
        assert (failure.kind, failure.scope, failure.status) == ("disable", "key", 401)
        assert len(upstream.requests) == 4


async def test_no_token_no_call():
    async with FakeUpstream(Answer(status=400)) as upstream, opened() as tokens:
        one, failure = await tried(upstream, tokens)
        assert (failure.kind, one.calls, sent(upstream)) == ("disable", 0, ["/token"])
