"""What may be asked and how: mode, types, ranges, defaults, and what reaches the upstream."""

from __future__ import annotations

from typing import Any

import orjson

from tests.journeys.wire import check_envelope, check_in_band, events_of, joined, last_event, said, serving
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

MESSAGES = CHAT["messages"]
JSON: dict[str, Any] = {"stream": False}
CHAT_DOOR, TEXT_DOOR = "/v1/chat/completions", "/v1/completions"

MODES = [
    (CHAT, "chat.completion", "Hello there"),
    ({"prompt": "Once upon"}, "text_completion", "Once upon"),
    ({**CHAT, "prompt": "Once upon"}, "chat.completion", "Hello there"),
    ({"messages": None, "prompt": "Once upon"}, "text_completion", "Once upon"),
    ({**CHAT, "prompt": None}, "chat.completion", "Hello there"),
    ({**CHAT, "prompt": 5}, "chat.completion", "Hello there"),
    ({"prompt": ["one", "two"]}, "text_completion", "one"),
    ({"prompt": [1, 2, 3]}, "text_completion", "1 2 3"),
    ({"prompt": [[1, 2], [3]]}, "text_completion", "1 2"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "part"}]}]}, "chat.completion", "part"),
    ({"messages": [*MESSAGES, {"role": "assistant", "content": None}]}, "chat.completion", ""),
    ({"messages": [{"role": "developer", "content": "dev"}]}, "chat.completion", "dev"),
    ({"messages": [{"role": "tool", "content": "tool", "tool_call_id": "1"}]}, "chat.completion", "tool"),
    ({"messages": [{"role": "function", "content": "fn", "name": "f"}]}, "chat.completion", "fn"),
    ({"messages": [{"role": "system", "content": "sys"}]}, "chat.completion", "sys"),
    ({"messages": [{"role": "user", "content": None}]}, "chat.completion", ""),
    ({"messages": [{"role": "user"}]}, "chat.completion", ""),
]

ALLOWED: list[dict[str, Any]] = [
    {
        "model": None,
        "max_tokens": None,
        "temperature": None,
        "stream_options": None,
        "tools": None,
        "n": None,
        "stop": None,
    },
    {"model": "auto"},
    {"max_tokens": 1},
    {"max_completion_tokens": 1},
    {"temperature": 0},
    {"temperature": 2},
    {"temperature": 0.5, "top_p": 1, "seed": 7, "user": "me", "metadata": {"a": "b"}, "store": False},
    {"stop": "x"},
    {"stop": ["x", "y"]},
    {"stream_options": {"include_usage": None}},
    {"response_format": {"type": "text"}},
    {"tools": []},
    {"parallel_tool_calls": False, "prompt_cache_key": "k", "enable_thinking": False, "top_k": 5},
    {"reasoning_effort": "low"},
]

REFUSED: list[tuple[dict[str, Any], int, str | None]] = [
    ({}, 1001, None),
    ({"messages": None}, 1001, None),
    ({"messages": None, "prompt": None}, 1001, None),
    ({"messages": []}, 1001, "messages"),
    ({"messages": [], "prompt": "x"}, 1001, "messages"),
    ({"prompt": ""}, 1001, "prompt"),
    ({"prompt": []}, 1001, "prompt"),
    ({"prompt": [""]}, 1001, "prompt"),
    ({"prompt": ["", ""]}, 1001, "prompt"),
    ({"input": "Hello", "model": "gpt"}, 1001, "input"),
    ({"messages": "Hello"}, 1002, "messages"),
    ({"messages": {"role": "user"}}, 1002, "messages"),
    ({"messages": ["Hello"]}, 1002, "messages[0]"),
    ({"messages": [*MESSAGES, {"role": "wizard", "content": "x"}]}, 1002, "messages[1].role"),
    ({"messages": [{"content": "x"}]}, 1002, "messages[0].role"),
    ({"messages": [{"role": 5, "content": "x"}]}, 1002, "messages[0].role"),
    ({"messages": [{"role": ["user"], "content": "x"}]}, 1002, "messages[0].role"),
    ({"messages": [{"role": "user", "content": 5}]}, 1002, "messages[0].content"),
    ({"messages": [{"role": "user", "content": {}}]}, 1002, "messages[0].content"),
    ({"messages": [{"role": "user", "content": ["x"]}]}, 1002, "messages[0].content[0]"),
    ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, 1002, "messages[0].content[0]"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, 1002, "messages[0].content[0].text"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 1002, "messages[0].content[0].image_url"),
    ({"messages": [{"role": "assistant", "tool_calls": "x"}]}, 1002, "messages[0].tool_calls"),
    ({"messages": [{"role": "assistant", "tool_calls": [5]}]}, 1002, "messages[0].tool_calls[0]"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": {}}}]}]},
        1002,
        "messages[0].tool_calls[0].function",
    ),
    ({"prompt": 5}, 1002, "prompt"),
    ({"prompt": {"a": 1}}, 1002, "prompt"),
    ({"prompt": ["x", 5]}, 1002, "prompt"),
    ({"prompt": [1, -1]}, 1002, "prompt"),
    ({"prompt": ["x"] * 17}, 1002, "n"),
    ({**CHAT, "model": 5}, 1002, "model"),
    ({**CHAT, "model": ["m"]}, 1002, "model"),
    ({**CHAT, "max_tokens": 0}, 1002, "max_tokens"),
    ({**CHAT, "max_tokens": -1}, 1002, "max_tokens"),
    ({**CHAT, "max_tokens": 1.5}, 1002, "max_tokens"),
    ({**CHAT, "max_tokens": "5"}, 1002, "max_tokens"),
    ({**CHAT, "max_tokens": True}, 1002, "max_tokens"),
    ({**CHAT, "max_tokens": 10**30}, 1002, "max_tokens"),
    ({**CHAT, "max_tokens": 5, "max_completion_tokens": 0}, 1002, "max_completion_tokens"),
    ({**CHAT, "temperature": -0.1}, 1002, "temperature"),
    ({**CHAT, "temperature": 2.1}, 1002, "temperature"),
    ({**CHAT, "temperature": "0.7"}, 1002, "temperature"),
    ({**CHAT, "temperature": True}, 1002, "temperature"),
    ({**CHAT, "stream": "true"}, 1002, "stream"),
    ({**CHAT, "stream": 1}, 1002, "stream"),
    ({**CHAT, "stream": []}, 1002, "stream"),
    ({**CHAT, "stream_options": True}, 1002, "stream_options"),
    ({**CHAT, "stream_options": {"include_usage": "yes"}}, 1002, "stream_options.include_usage"),
    ({**CHAT, "n": 0}, 1002, "n"),
    ({**CHAT, "n": 17}, 1002, "n"),
    ({**CHAT, "n": "2"}, 1002, "n"),
    ({**CHAT, "top_p": 2}, 1002, "top_p"),
    ({**CHAT, "stop": 5}, 1002, "stop"),
    ({**CHAT, "stop": [5]}, 1002, "stop"),
    ({**CHAT, "tools": {}}, 1002, "tools"),
    ({**CHAT, "tools": ["x"]}, 1002, "tools"),
    ({**CHAT, "tool_choice": 5}, 1002, "tool_choice"),
    ({**CHAT, "response_format": "json"}, 1002, "response_format"),
    ({**CHAT, "response_format": {}}, 1002, "response_format"),
    ({**CHAT, "user": 5}, 1002, "user"),
    ({**CHAT, "model": "unknown"}, 1003, "model"),
]


async def test_the_body_says_the_mode_and_the_door_does_not(start):
    async with start("[limits]\nkey_per_minute = 10000\nip_per_minute = 10000") as gateway:
        for body, kind, words in MODES:
            for door in (CHAT_DOOR, TEXT_DOOR):
                status, answer = await gateway.ask({**body, **JSON}, door)
                assert status == 200, (body, answer)
                assert answer["object"] == kind, (body, answer)
                choice = answer["choices"][0]
                assert (choice["message"]["content"] if "message" in choice else choice["text"]) == words, (
                    body,
                    answer,
                )
                async with gateway.post(door, {**body, "stream": True}) as response:
                    *chunks, last = events_of(await response.read())
                assert last == "[DONE]"
                assert {each["object"] for each in chunks} == {kind.replace("chat.completion", "chat.completion.chunk")}
                assert joined(chunks, "content" if "chat" in kind else "text") == words, body


async def test_what_is_allowed(start):
    async with start() as gateway:
        for more in ALLOWED:
            status, answer = await gateway.ask({**CHAT, **JSON, **more})
            assert status == 200, (more, answer)


async def test_what_is_refused_and_which_field_is_named(start):
    """Each in JSON and for a stream: before the first event an error is a plain HTTP answer."""
    async with (
        FakeUpstream() as upstream,
        start(serving(upstream.url, top="[limits]\nkey_per_minute = 10000\nip_per_minute = 10000")) as gateway,
    ):
        for body, code, param in REFUSED:
            for stream in ({}, {"stream": True}) if "stream" not in body else ({},):
                status, answer = await gateway.ask({**body, **stream})
                assert status == 400, (body, answer)
                check_envelope(answer, code)
                assert answer["error"]["param"] == param, (body, answer)
        assert upstream.requests == [], "nothing that was refused reached an upstream"
        assert await gateway.events() == []


async def test_the_responses_shape_is_told_what_to_send_instead(start):
    async with start() as gateway:
        for language, words in [("zh", "messages"), ("en", "`input`")]:
            _, body = await gateway.ask({"input": "Hi"}, headers={"Accept-Language": language})
            assert "input" in check_envelope(body, 1001)
            assert words in body["message"]


async def test_defaults_go_upstream_only_where_the_client_sent_nothing(start):
    top = '[defaults]\nmodel = "m"\nmax_tokens = 77\ntemperature = 0.25\n'
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url, top=top)) as gateway:
        cases: list[tuple[dict[str, Any], int, float]] = [
            ({}, 77, 0.25),
            ({"max_tokens": 5}, 5, 0.25),
            ({"max_tokens": 5, "max_completion_tokens": 6}, 6, 0.25),
            ({"max_completion_tokens": 6}, 6, 0.25),
            ({"temperature": 1.5}, 77, 1.5),
            ({"temperature": 0}, 77, 0),
        ]
        for sent, limit, temperature in cases:
            assert (await gateway.ask({**CHAT, **sent}))[0] == 200
            body = upstream.requests[-1].json()
            assert (body["max_tokens"], body["temperature"], body["model"]) == (limit, temperature, "m-up"), sent
            assert "max_completion_tokens" not in body
            assert body["stream_options"] == {"include_usage": True}, "the gateway itself always asks for usage"


async def test_everything_else_is_passed_on(start):
    passed: dict[str, Any] = {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": "auto",
        "response_format": {"type": "json_object"},
        "stop": ["a"],
        "top_p": 0.5,
        "seed": 5,
        "user": "u",
        "parallel_tool_calls": False,
        "logit_bias": {"5": 1},
        "never_heard_of": {"deep": [1, {"er": None}]},
    }
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "what is this"}, image], "name": "me"}]
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url)) as gateway:
        async with gateway.post(body={"messages": messages, "model": "m", **passed}) as response:
            assert response.status == 200, await response.read()
            assert "X-Gateway-Dropped" not in response.headers
        request = upstream.requests[0]
        body = request.json()
        assert body["messages"] == messages
        assert {key: body[key] for key in passed} == passed
        assert request.headers["authorization"] == "Bearer sk-up0"
        assert not {"x-api-key", "cookie", "x-forwarded-for", "x-request-id"} & request.headers.keys()
        assert request.headers["user-agent"] == "tornadogw"
        assert gateway.key not in str(request.headers)
        assert request.headers["accept-encoding"] == "identity"


async def test_what_a_profile_leaves_out_is_told(start):
    row = '[plugin.rows.vendors.forgetful]\nlike = "vllm"\ndrop = ["seed", "logit_bias", "user"]\n'
    async with (
        FakeUpstream(Answer(body=said("hi"))) as upstream,
        start(serving(upstream.url, vendor="forgetful", top=row)) as gateway,
    ):
        for stream in (True, False):
            body = {**CHAT, "model": "m", "stream": stream, "logit_bias": {"5": 1}, "seed": 4, "top_p": 0.5}
            async with gateway.post(body=body) as response:
                assert response.headers["X-Gateway-Dropped"] == "logit_bias, seed"
                await response.read()
            assert upstream.requests[-1].json().keys() >= {"top_p"}
            assert not upstream.requests[-1].json().keys() & {"logit_bias", "seed"}
            assert (await last_event(gateway))["dr"] == ["logit_bias", "seed"]


async def test_deep_nesting_reaches_the_upstream(start):
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url)) as gateway:
        for depth in (200, 253, 254, 900, 1023):
            nested = b"[" * depth + b'"core"' + b"]" * depth
            body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"metadata":' + nested + b"}"
            status, answer = await gateway.ask(body)
            assert status == 200, (depth, answer)
            assert nested in upstream.requests[-1].body, depth


async def test_duplicate_keys_the_last_wins(start):
    async with start() as gateway:
        first = b'{"messages":[{"role":"user","content":"first"}],"stream":true,'
        body = first + b'"messages":[{"role":"user","content":"second","content":"third"}],"stream":false}'
        status, answer = await gateway.ask(body)
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "third")


async def test_ten_thousand_messages_are_accepted(start):
    messages = [{"role": ("user", "assistant")[number % 2], "content": f"message {number}"} for number in range(10_000)]
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url)) as gateway:
        status, _ = await gateway.ask({"messages": messages, "model": "m"})
        assert status == 200
        assert upstream.requests[0].json()["messages"] == messages


NO_JSON = [
    b"",
    b"   ",
    b"not json",
    b"{",
    b'{"messages": [}',
    b"[]",
    b'"text"',
    b"null",
    b"5",
    b'{"messages":[{"role":"user","content":"x"}]} trailing',
    b'{"messages":[{"role":"user","content":"x"}],"temperature":NaN}',
    b'{"messages":[{"role":"user","content":"x"}],"temperature":Infinity}',
    b'{"messages":[{"role":"user","content":"x"}],"temperature":1e400}',
    b'{"messages":[{"role":"user","content":"lone \\ud800 surrogate"}]}',
    b'{"messages":[{"role":"user","content":"\xff\xfe"}]}',
    b'{"messages":[{"role":"user","content":"\xed\xa0\x80"}]}',
    b"messages=hello",
    b'{"messages":' + b"[" * 1024 + b"]" * 1024 + b"}",
    b"[" * 1_000_000,
    b'{"a":' * 100_000,
    '{"messages":[{"role":"user","content":"x"}]}'.encode("utf-16"),
]


async def test_what_is_no_json_object(start):
    async with start() as gateway:
        for body in NO_JSON:
            for language in ("zh", "en"):
                status, answer = await gateway.ask(body, headers={"Accept-Language": language})
                assert status == 400, (body[:80], answer)
                check_envelope(answer, 1002, "invalid_request")


async def test_numbers_beyond_64_bits_do_not_break_anything(start):
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"seed":123456789012345678901234567890,"x":1e308}'
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url)) as gateway:
        status, answer = await gateway.ask(body)
        assert status == 200, answer
        assert orjson.loads(upstream.requests[0].body)["x"] == 1e308


async def test_the_echo_fails_on_demand(start):
    body = {"messages": [{"role": "user", "content": "echo:fail 3\none two three four"}]}
    async with start() as gateway:
        status, answer = await gateway.ask({**body, "stream": False})
        assert status == 503
        check_envelope(answer, 4001)
        async with gateway.post(body={**body, "stream": True}) as response:
            *chunks, last = events_of(await response.read())
        assert joined(chunks) == "one two "
        check_in_band(last, 4001)
