"""Legacy completion: natively where the upstream has it, through chat where not; always in completion shape."""

from __future__ import annotations

from typing import Any

import orjson

from tests.journeys.wire import (
    DONE,
    check_envelope,
    check_in_band,
    chunk,
    event,
    events_of,
    finishes,
    joined,
    last_event,
    problem,
    role,
    said,
    serving,
    text,
    usage,
    whole,
)
from tornadogw.testing import Answer, FakeUpstream

ROW = """
[plugin.rows.vendors.chatty]
like = "vllm"
completion = "chat"
token_prompts = false
"""
PROMPTS = {"model": "m", "prompt": ["one", "two", "three"]}


def native(*pieces: str, finish: str = "stop") -> bytes:
    """A completion stream of one choice."""
    head = {"id": "cmpl-up", "object": "text_completion", "created": 1700000000, "model": "m-real"}
    texts = [
        event({**head, "choices": [{"index": 0, "text": piece, "logprobs": None, "finish_reason": None}]})
        for piece in pieces
    ]
    last = event({**head, "choices": [{"index": 0, "text": "", "logprobs": None, "finish_reason": finish}]})
    counts = event({**head, "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}})
    return b"".join([*texts, last, counts, DONE])


async def test_natively(start):
    for vendor in ("vllm", "openai-completions-native"):
        row = '[plugin.rows.vendors."openai-completions-native"]\nlike = "openai"\ncompletion = "native"\nbase_url = "http://x"\n'
        async with (
            FakeUpstream(Answer(body=native("Once", " upon"))) as upstream,
            start(serving(upstream.url, vendor=vendor, top=row)) as gateway,
        ):
            for door in ("/v1/completions", "/xlei/v1/chat/completions"):
                async with gateway.post(
                    door, {"model": "m", "prompt": "tell", "stream": True, "suffix": "end"}
                ) as response:
                    *chunks, last = events_of(await response.read())
                assert (joined(chunks, "text"), finishes(chunks), last) == ("Once upon", ["stop"], "[DONE]"), vendor
                assert {each["object"] for each in chunks} == {"text_completion"}
                assert all("delta" not in choice for each in chunks for choice in each["choices"])
                request = upstream.requests[-1]
                assert request.path == "/completions"
                assert (request.json()["prompt"], request.json()["suffix"]) == ("tell", "end")
                assert "messages" not in request.json()
            _, answer = await gateway.ask({"model": "m", "prompt": "tell"})
            assert (answer["object"], answer["choices"][0]["text"]) == ("text_completion", "Once upon")
            assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


async def test_token_arrays_where_they_are_taken(start):
    async with FakeUpstream(Answer(body=native("ok"))) as upstream, start(serving(upstream.url)) as gateway:
        assert (await gateway.ask({"model": "m", "prompt": [1, 2, 3]}))[0] == 200
        assert upstream.requests[0].json()["prompt"] == [1, 2, 3]
        assert (await last_event(gateway))["i"] == 7
    async with FakeUpstream() as upstream, start(serving(upstream.url, vendor="chatty", top=ROW)) as gateway:
        status, body = await gateway.ask({"model": "m", "prompt": [1, 2, 3]})
        assert (status, body["error"]["param"]) == (400, "prompt")
        check_envelope(body, 1002)
        assert upstream.requests == []


async def test_through_chat_one_prompt(start):
    async with (
        FakeUpstream(Answer(body=said("Once", " upon"))) as upstream,
        start(serving(upstream.url, vendor="chatty", top=ROW)) as gateway,
    ):
        body = {"model": "m", "prompt": "tell", "best_of": 1, "logprobs": 3, "stop": ["x"]}
        async with gateway.post(
            "/v1/completions", {**body, "stream": True, "stream_options": {"include_usage": True}}
        ) as response:
            assert response.headers["X-Gateway-Dropped"] == "best_of, logprobs"
            *chunks, counts, last = events_of(await response.read())
        assert (joined(chunks, "text"), finishes(chunks), last) == ("Once upon", ["stop"], "[DONE]")
        assert (counts["choices"], counts["usage"]["total_tokens"]) == ([], 9)
        assert {each["object"] for each in chunks} == {"text_completion"}
        sent = upstream.requests[0].json()
        assert (sent["messages"], sent["stop"]) == ([{"role": "user", "content": "tell"}], ["x"])
        assert not {"prompt", "best_of", "logprobs"} & sent.keys()
        _, answer = await gateway.ask({"model": "m", "prompt": "tell"})
        assert answer["choices"] == [{"index": 0, "text": "Once upon", "logprobs": None, "finish_reason": "stop"}]


async def test_through_chat_several_prompts_are_choices_in_their_order(start):
    answers = [Answer(body=said(f"{word}!", id=f"up-{word}")) for word in ("one", "two", "three")]
    async with FakeUpstream() as upstream, start(serving(upstream.url, vendor="chatty", top=ROW)) as gateway:
        upstream.play(*answers)
        status, answer = await gateway.ask(PROMPTS)
        assert (status, answer["object"]) == (200, "text_completion")
        assert [(each["index"], each["text"], each["finish_reason"]) for each in answer["choices"]] == [
            (0, "one!", "stop"),
            (1, "two!", "stop"),
            (2, "three!", "stop"),
        ]
        assert answer["usage"] == {"prompt_tokens": 21, "completion_tokens": 6, "total_tokens": 27}
        assert (await last_event(gateway))["c"] == 27
        upstream.play(*answers)
        async with gateway.post(
            body={**PROMPTS, "stream": True, "stream_options": {"include_usage": True}}
        ) as response:
            *chunks, counts, last = events_of(await response.read())
        assert [joined(chunks, "text", index) for index in range(3)] == ["one!", "two!", "three!"]
        assert (finishes(chunks), counts["usage"]["total_tokens"], last) == (["stop"] * 3, 27, "[DONE]")
        assert len({each["id"] for each in chunks}) == 1
        assert [request.json()["messages"][0]["content"] for request in upstream.requests] == [
            "one",
            "two",
            "three",
        ] * 2


async def test_through_chat_several_prompts_with_several_choices_each(start):
    async with FakeUpstream() as upstream, start(serving(upstream.url, vendor="chatty", top=ROW)) as gateway:
        upstream.play(*(Answer(body=whole(f"{word}a", f"{word}b")) for word in "xy"))
        _, answer = await gateway.ask({"model": "m", "prompt": ["one", "two"], "n": 2})
        assert [(each["index"], each["text"]) for each in answer["choices"]] == [
            (0, "xa"),
            (1, "xb"),
            (2, "ya"),
            (3, "yb"),
        ]
        assert [request.json()["n"] for request in upstream.requests] == [2, 2]


async def test_through_chat_a_later_prompt_fails(start):
    good, bad = Answer(body=said("fine")), Answer(status=500)
    async with (
        FakeUpstream() as first,
        FakeUpstream() as second,
        start(serving(first.url, second.url, vendor="chatty", top=ROW)) as gateway,
    ):
        first.play(good, bad)
        second.play(good)
        status, answer = await gateway.ask(PROMPTS)
        assert (status, [each["text"] for each in answer["choices"]]) == (200, ["fine"] * 3)
        record = await last_event(gateway)
        assert ([each[2] for each in record["at"]], record["c"]) == (["elsewhere", "ok"], 27), (
            "the operator pays the first"
        )
        assert (len(first.requests), len(second.requests)) == (2, 3)
        first.play(good, bad)
        async with gateway.post(body={**PROMPTS, "stream": True}) as response:
            events = events_of(await response.read())
        assert joined(events, "text") == "fine"
        check_in_band(events[-1], 4001)
        record = await last_event(gateway)
        assert (record["st"], record["o"], record["c"]) == ("cut", 2, record["i"] + 2)


async def test_attempts_count_upstream_calls(start):
    refused = Answer(status=400, headers={"Content-Type": "application/json"}, body=problem("no", param="temperature"))
    good = Answer(body=said("fine"))
    async with (
        FakeUpstream() as first,
        FakeUpstream(good) as second,
        start(serving(first.url, second.url, vendor="chatty", top=ROW)) as gateway,
    ):
        first.play(refused, good, Answer(status=500))
        async with gateway.post(body=PROMPTS) as response:
            assert (response.status, response.headers["X-Gateway-Attempts"]) == (200, "6")
        assert len(first.requests) + len(second.requests) == 6


async def test_reasoning_and_tools_have_a_place_in_completions_too(start):
    body = role() + chunk({"reasoning_content": "hm"}) + text("42") + chunk(finish="tool_calls") + usage() + DONE
    async with (
        FakeUpstream(Answer(body=body)) as upstream,
        start(serving(upstream.url, vendor="chatty", top=ROW)) as gateway,
    ):
        _, answer = await gateway.ask({"model": "m", "prompt": "x"})
        choice: dict[str, Any] = answer["choices"][0]
        assert (choice["text"], choice["reasoning"], choice["reasoning_content"], choice["finish_reason"]) == (
            "42",
            "hm",
            "hm",
            "stop",
        )


async def test_what_has_no_place_in_chat_is_refused_by_name(start):
    async with (
        FakeUpstream(Answer(body=native("natively"))) as upstream,
        start(serving(upstream.url, vendor="chatty", top=ROW)) as gateway,
    ):
        for param, value in [("suffix", "end"), ("echo", True)]:
            status, body = await gateway.ask({"model": "m", "prompt": "x", param: value})
            assert (status, body["error"]["param"]) == (400, param), body
            assert param in check_envelope(body, 1002)
        assert upstream.requests == []
        assert (await gateway.ask({"model": "m", "prompt": "x", "echo": False, "suffix": None}))[0] != 400


async def test_a_model_for_chat_alone(start):
    async with (
        FakeUpstream(Answer(body=said("hi"))) as upstream,
        start(serving(upstream.url, model='modes = ["chat"]')) as gateway,
    ):
        status, body = await gateway.ask({"model": "m", "prompt": "x"})
        assert (status, orjson.dumps(body)[:12]) == (400, b'{"code":1003')
        check_envelope(body, 1003)
        status, body = await gateway.ask({"prompt": "x"})
        assert status == 400, "auto has no other model"
        check_envelope(body, 1003)
