"""Each status that an upstream may answer: whose fault it is, who answers instead, and what the client reads."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple

from tests.journeys.wire import check_envelope, forgive, hold_clock, last_event, problem, said, serving, settled
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", **CHAT}
JSON = {"Content-Type": "application/json"}


def refusal(status: int, retry_after: str = "", **body: Any) -> Answer:
    headers = {**JSON, "Retry-After": retry_after} if retry_after else JSON
    return Answer(status=status, body=problem(**body), headers=headers)


class Case(NamedTuple):
    status: int
    outcome: str
    """In the record, when another route answered; `client`: given back."""
    retry_after: str = ""
    told: str | None = None
    """`Retry-After` of our 4001 when nobody else is left."""


CASES = [
    Case(400, "client"),
    Case(413, "client"),
    Case(422, "client"),
    Case(401, "disable"),
    Case(402, "disable"),
    Case(403, "cool", told="300"),
    Case(404, "cannot"),
    Case(408, "elsewhere"),
    Case(408, "elsewhere", "7", "7"),
    Case(409, "elsewhere"),
    Case(429, "cool", told="20"),
    Case(429, "cool", "3", "3"),
    Case(429, "cool", "0.2", "1"),
    Case(500, "elsewhere"),
    Case(500, "elsewhere", "7", "7"),
    Case(502, "elsewhere"),
    Case(503, "elsewhere"),
    Case(503, "elsewhere", "7", "7"),
    Case(504, "elsewhere"),
    Case(529, "cool", told="10"),
    Case(529, "cool", "4", "4"),
    Case(418, "elsewhere"),
    Case(302, "elsewhere"),
]


async def test_every_status_with_another_route(start, claim_log):
    claim_log("tornadogw.health", "is disabled")
    async with (
        FakeUpstream() as bad,
        FakeUpstream(Answer(body=said("Fine"))) as good,
        start(serving(bad.url, good.url)) as gateway,
    ):
        for case in CASES:
            forgive(gateway)
            bad.play(refusal(case.status, case.retry_after))
            status, body = await gateway.ask(ASK)
            if case.outcome == "client":
                assert status == 400, (case, body)
                check_envelope(body, 1002)
                continue
            assert (status, body["choices"][0]["message"]["content"]) == (200, "Fine"), (case, body)
            record = await last_event(gateway)
            assert [each[2] for each in record["at"]] == [case.outcome, "ok"], (case, record)


async def test_every_status_of_the_only_route(start, claim_log):
    claim_log("tornadogw.health", "is disabled")
    async with FakeUpstream() as bad, start(serving(bad.url)) as gateway:
        for case in CASES:
            forgive(gateway)
            bad.play(refusal(case.status, case.retry_after))
            async with gateway.post(body=ASK) as response:
                body = await response.json()
                if case.outcome == "client":
                    assert response.status == 400, (case, body)
                    check_envelope(body, 1002)
                else:
                    assert response.status == 503, (case, body)
                    check_envelope(body, 4001)
                    assert response.headers.get("Retry-After") == case.told, (case, body)
        await settled(gateway)
        assert await gateway.events() == []


async def test_a_key_that_was_refused_is_not_asked_again(start, claim_log):
    claim_log("tornadogw.health", "is disabled")
    async with (
        FakeUpstream(refusal(401, message="Incorrect API key provided: sk-abcdef123456")) as bad,
        start(serving(bad.url)) as gateway,
    ):
        for _ in range(2):
            status, body = await gateway.ask(ASK)
            assert status == 503
            check_envelope(body, 4001)
        assert "disabled" in body["message"]
        assert len(bad.requests) == 1


async def test_the_only_route_is_waited_for_if_it_is_for_a_short_time(start):
    async with FakeUpstream(refusal(429, "1"), Answer(body=said("Back"))) as bad, start(serving(bad.url)) as gateway:
        began = time.monotonic()
        first = asyncio.create_task(gateway.ask(ASK))
        await bad.received(1)
        answers = [await gateway.ask(ASK), await first]
        assert time.monotonic() - began > 0.9
        for status, body in answers:
            assert (status, body["choices"][0]["message"]["content"]) == (200, "Back")
        assert len(bad.requests) == 3


async def test_a_route_that_cools_down_for_long_is_left_alone(start):
    async with FakeUpstream(refusal(429, "7"), Answer(body=said("Back"))) as bad, start(serving(bad.url)) as gateway:
        hold_clock(gateway)
        for _ in range(2):
            async with gateway.post(body=ASK) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "7")
                check_envelope(await response.json(), 4001)
        assert len(bad.requests) == 1


async def test_another_key_of_the_same_upstream_is_tried(start, claim_log):
    claim_log("tornadogw.health", "is disabled")
    answers = [refusal(429), refusal(401), Answer(body=said("Third time lucky"))]
    async with FakeUpstream(*answers) as upstream:
        settings = serving(upstream.url).replace('keys = ["sk-up0"]', 'keys = ["sk-up-a", "sk-up-b", "sk-up-c"]')
        async with start(settings) as gateway:
            async with gateway.post(body=ASK) as response:
                assert (response.status, response.headers["X-Gateway-Attempts"]) == (200, "3")
            used = {request.headers["authorization"] for request in upstream.requests}
            assert used == {"Bearer sk-up-a", "Bearer sk-up-b", "Bearer sk-up-c"}


async def test_what_the_upstream_says_of_the_request_reaches_the_client_masked(start):
    long = "x" * 2000
    cases = [
        (refusal(400, message="`foo` is not a parameter of u0", param="foo"), "invalid_request", "is not a parameter"),
        (
            refusal(400, message="ask https://api.vllm.example/x with sk-up0abcdefgh org-abc123"),
            "invalid_request",
            "ask ***",
        ),
        (refusal(400, message="blocked", code="content_filter"), "content_filter", "blocked"),
        (refusal(400, message="too long", code="context_length_exceeded"), "context_length_exceeded", "too long"),
        (refusal(400, message=f"no {long}"), "invalid_request", "no xxx"),
        (
            Answer(status=400, body=b"plain words", headers={"Content-Type": "text/plain"}),
            "invalid_request",
            "plain words",
        ),
        (Answer(status=400, body=b"", headers=JSON), "invalid_request", ""),
    ]
    async with FakeUpstream() as upstream, start(serving(upstream.url)) as gateway:
        for answer, slug, words in cases:
            upstream.play(answer)
            status, body = await gateway.ask(ASK)
            assert status == 400, body
            message = check_envelope(body, 1002, slug)
            assert words in message, body
            assert len(message) < 560, body
        async with gateway.post(body=ASK) as response:
            assert "u0" not in str(response.headers)


async def test_too_long_for_one_model_may_fit_another(start):
    too_long = refusal(400, message="too long", code="context_length_exceeded")
    async with (
        FakeUpstream(too_long) as small,
        FakeUpstream(Answer(body=said("Fits"))) as large,
        start(serving(small.url, large.url)) as gateway,
    ):
        status, body = await gateway.ask(ASK)
        assert (status, body["choices"][0]["message"]["content"]) == (200, "Fits")


async def test_an_error_page_is_never_taken_at_its_word(start):
    page = Answer(status=400, body=b"<html>nginx 10.0.0.3 bad request</html>", headers={"Content-Type": "text/html"})
    async with FakeUpstream(page) as upstream, start(serving(upstream.url)) as gateway:
        status, body = await gateway.ask(ASK)
        assert status == 503
        assert "nginx" not in check_envelope(body, 4001)


async def test_a_default_of_ours_that_is_refused_is_left_out_and_the_call_repeated_once(start):
    no = refusal(400, message="Unsupported value: 'temperature' does not support 0.7", param="temperature")
    async with FakeUpstream(no, Answer(body=said("Warm"))) as upstream, start(serving(upstream.url)) as gateway:
        for stream in (True, False):
            upstream.requests.clear()
            upstream.play(no, Answer(body=said("Warm")))
            async with gateway.post(body={**ASK, "stream": stream}) as response:
                assert response.status == 200, await response.read()
                assert response.headers["X-Gateway-Attempts"] == "2"
            first, second = (request.json() for request in upstream.requests)
            assert (first["temperature"], "temperature" in second) == (0.7, False)
            record = await last_event(gateway)
            assert (record["i"], record["o"], record["c"], record["src"]) == (7, 2, 9, "reported"), record

        upstream.play(no)
        upstream.requests.clear()
        status, body = await gateway.ask({**ASK, "temperature": 0.7})
        assert (status, body["error"]["param"], len(upstream.requests)) == (400, "temperature", 1)
        upstream.requests.clear()
        status, body = await gateway.ask(ASK)
        assert (status, len(upstream.requests)) == (400, 2), "once is enough"
