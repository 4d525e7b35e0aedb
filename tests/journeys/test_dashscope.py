"""Recorded answers of DashScope's own API through the whole gateway, a tool loop, several choices, and errors."""

from __future__ import annotations

import json
from functools import partial
from importlib.metadata import EntryPoint

import pytest

from tests.journeys.replay import heard_json, heard_stream
from tests.running import CHAT
from tests.shared import ROOT, recordings
from tornadogw.plugins import load_plugins
from tornadogw.testing import Answer, FakeUpstream

ASKED = {"messages": [{"role": "user", "content": "Say what you said before. " * 300}], "max_tokens": 4000}
"""Long enough for the tokens that were reported then."""
CALL = {"type": "function", "function": {"name": "get_time", "arguments": '{"city": "東京"}'}}
PATH = "/services/aigc/text-generation/generation"


RECORDINGS = [each for each in recordings("dashscope-native") if each.status == 200]


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    """The package as if it were installed."""
    monkeypatch.syspath_prepend(str(ROOT / "plugins/dashscope"))
    points = [EntryPoint("dashscope", "tornadogw_dashscope", "tornadogw")]
    monkeypatch.setattr("tests.running.load_plugins", partial(load_plugins, points=points))


def settings(url, **options):
    told = ", ".join(f'{name} = "{value}"' for name, value in options.items())
    return f"""
[[upstreams]]
name = "up"
vendor = "dashscope"
base_url = "{url}"
keys = ["sk-up"]
options = {{ {told} }}

[[models]]
name = "m"
price = {{ input = "1", output = "2" }}
routes = [{{ upstream = "up", model = "theirs" }}]
"""


def event(message, reason="null", index=0):
    choice = {"index": index, "message": {"role": "assistant", "content": "", **message}, "finish_reason": reason}
    return {"output": {"choices": [choice]}, "usage": {"input_tokens": 3, "output_tokens": 2}, "request_id": "q"}


def stream(*said, kind="result"):
    return b"".join(
        b"id:1\nevent:%b\n:HTTP_STATUS/200\ndata:%b\n\n" % (kind.encode(), json.dumps(each).encode()) for each in said
    )


# --- recordings ------------------------------------------------------------------------------------------------------


def recorded(recording):
    """(text, names and arguments of tools, reason, tokens), read apart from the gateway."""
    body = recording.body.decode()
    data = [line[5:] for line in body.splitlines() if line.startswith("data:")] or [body]
    text, tools, reason, said = "", [], "stop", {}
    for said in map(json.loads, data):
        for choice in said["output"].get("choices", [{"message": {"content": said["output"].get("text")}}]):
            content = choice["message"]["content"]
            text += content if isinstance(content, str) else "".join(part["text"] for part in content)
            reason = choice.get("finish_reason", "stop")
            for call in choice["message"].get("tool_calls", ()):
                function = call["function"]
                if "name" in function:
                    tools.append([function["name"], ""])
                tools[-1][1] += function.get("arguments", "")
    return text, tools, reason, (said["usage"]["input_tokens"], said["usage"]["output_tokens"])


@pytest.mark.parametrize("asked_to_stream", [True, False], ids=["stream", "json"])
@pytest.mark.parametrize("recording", RECORDINGS, ids=str)
async def test_a_client_reads_what_was_recorded(start, recording, asked_to_stream):
    text, tools, reason, tokens = recorded(recording)
    answer = Answer(body=recording.body, headers={"Content-Type": recording.headers["content-type"]}, split=997)
    endpoint = "multimodal" if "multimodal" in recording.path else "text"
    async with (
        FakeUpstream(answer) as upstream,
        start(settings(f"{upstream.url}/api/v1", endpoint=endpoint)) as gateway,
    ):
        body = {**ASKED, "model": "m", "stream": asked_to_stream, "stream_options": {"include_usage": True}}
        async with gateway.post(body=body) as response:
            status, raw = response.status, await response.read()
        assert status == 200, raw
        if asked_to_stream:
            assert raw.endswith(b"data: [DONE]\n\n")
            choices, _, last = heard_stream(raw)
            shown = last["usage"]
        else:
            choices, shown = heard_json(json.loads(raw)), json.loads(raw)["usage"]
        (told,) = choices.values()
        assert (told.text, told.finish) == (text, reason)
        assert [[name, arguments] for _, name, arguments in told.tools] == tools
        assert (shown["prompt_tokens"], shown["completion_tokens"]) == tokens
        [charged] = await gateway.events()
        assert (charged["i"], charged["o"], charged["src"]) == (*tokens, "reported")
        assert upstream.requests[0].path == recording.path
        assert upstream.requests[0].headers["x-dashscope-sse"] == "enable"  # JSON is folded from a stream


# --- by hand ---------------------------------------------------------------------------------------------------------


async def test_a_tool_loop_with_thoughts(start):
    called = stream(
        event({"reasoning_content": "I ask."}),
        event({"tool_calls": [{"index": 0, "id": "call_1", **CALL}]}),
        event({}, "tool_calls"),
    )
    spoken = stream(event({"content": "Noon."}), event({}, "stop"))
    async with (
        FakeUpstream(Answer(body=called), Answer(body=spoken)) as upstream,
        start(settings(upstream.url)) as gateway,
    ):
        _, first = await gateway.ask({**CHAT, "model": "m"})
        message = first["choices"][0]["message"]
        assert (message["reasoning"], first["choices"][0]["finish_reason"]) == ("I ask.", "tool_calls")
        assert message["tool_calls"] == [{"id": "call_1", **CALL}]
        result = {"role": "tool", "tool_call_id": "call_1", "content": "12:00"}
        _, second = await gateway.ask({"messages": [*CHAT["messages"], message, result], "model": "m"})
        assert second["choices"][0]["message"]["content"] == "Noon."
        asked, answered = upstream.requests[1].json()["input"]["messages"][-2:]
        assert asked == {
            "role": "assistant",
            "content": "",
            "reasoning_content": "I ask.",
            "tool_calls": [{"id": "call_1", **CALL}],
        }
        assert answered == result


async def test_several_choices(start):
    body = stream(event({"content": "A"}), event({"content": "B"}, "stop", 1), event({}, "length"))
    async with FakeUpstream(Answer(body=body)) as upstream, start(settings(upstream.url)) as gateway:
        _, answer = await gateway.ask({**CHAT, "model": "m", "n": 2})
        told = heard_json(answer)
        assert {index: (choice.text, choice.finish) for index, choice in told.items()} == {
            0: ("A", "length"),
            1: ("B", "stop"),
        }
        assert upstream.requests[0].json()["parameters"]["n"] == 2
        assert upstream.requests[0].path == PATH


async def test_a_completion_goes_through_chat(start):
    body = stream(event({"content": "upon a time"}), event({}, "stop"))
    async with FakeUpstream(Answer(body=body)) as upstream, start(settings(upstream.url)) as gateway:
        _, answer = await gateway.ask({"prompt": "Once", "model": "m"})
        assert (answer["object"], answer["choices"][0]["text"]) == ("text_completion", "upon a time")
        assert upstream.requests[0].json()["input"]["messages"] == [{"role": "user", "content": "Once"}]


@pytest.mark.parametrize("ending", ["eof", "reset"])
async def test_a_body_that_ends_early_is_an_error_in_band(start, ending):
    answer = Answer(body=stream(event({"content": "Noon."})), ending=ending)
    async with FakeUpstream(answer) as upstream, start(settings(upstream.url)) as gateway:
        async with gateway.post(body={**CHAT, "model": "m", "stream": True}) as response:
            raw = await response.read()
        assert b"Noon." in raw
        assert b'data: {"error":' in raw
        assert b"[DONE]" not in raw


@pytest.mark.parametrize(
    ("status", "code", "ours"),
    [
        (400, "InvalidParameter", (400, 1002)),
        (400, "DataInspectionFailed", (400, 1002)),
        (401, "InvalidApiKey", (503, 4001)),
        (429, "Throttling.RateQuota", (503, 4001)),
        (200, "InternalError.Algo", (503, 4001)),
    ],
)
@pytest.mark.parametrize("as_event", [True, False])
async def test_errors(start, status, code, ours, as_event, claim_log):
    if status == 401:
        claim_log("tornadogw.health", "is disabled")
    said = {"code": code, "message": "No.", "request_id": "q"}
    body = stream(said, kind="error") if as_event else json.dumps(said).encode()
    kind = "text/event-stream" if as_event else "application/json"
    answer = Answer(body=body, status=status, headers={"Content-Type": kind})
    async with FakeUpstream(answer) as upstream, start(settings(upstream.url)) as gateway:
        response = await gateway.post(body={**CHAT, "model": "m", "stream": True})
        assert (response.status, (await response.json())["code"]) == ours


@pytest.mark.parametrize(
    ("more", "param"), [({"n": 5}, "n"), ({"tools": [CALL], "tool_choice": "required"}, "tool_choice")]
)
async def test_what_cannot_be_done_is_named(start, more, param):
    async with FakeUpstream() as upstream, start(settings(upstream.url)) as gateway:
        async with gateway.post(body={**CHAT, "model": "m", **more}) as response:
            body = await response.json()
        assert (response.status, body["code"], body["error"]["param"]) == (400, 1002, param)
        assert not upstream.requests
