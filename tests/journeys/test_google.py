"""Recorded answers of generateContent through the whole gateway, tool loops with signatures, and tokens that expire."""

from __future__ import annotations

import json
import os
from functools import partial
from importlib.metadata import EntryPoint

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.journeys.replay import heard_json, heard_stream
from tests.running import CHAT
from tests.shared import ROOT, lacking
from tornadogw.plugins import load_plugins
from tornadogw.testing import Answer, FakeUpstream, MissingRecordings, find_recordings, load_recordings


def recordings():
    try:
        found = load_recordings(find_recordings(ROOT, os.environ), ["gemini", "vertex"])
    except MissingRecordings as error:
        lacking(str(error))
    return [each for each in found if each.status == 200]


RECORDINGS = recordings()
FAILING = "UNEXPECTED_TOOL_CALL"
REASONS = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}
JSON = {"Content-Type": "application/json"}
ASKED = {"messages": [{"role": "user", "content": "Say what you said before. " * 300}], "max_tokens": 4000}
"""Long enough for the tokens that were reported then."""


@pytest.fixture(autouse=True)
def package(monkeypatch):
    """The package as if it were installed."""
    monkeypatch.syspath_prepend(str(ROOT / "plugins/gemini"))
    points = [EntryPoint("gemini", "tornadogw_gemini", "tornadogw")]
    monkeypatch.setattr("tests.running.load_plugins", partial(load_plugins, points=points))


def settings(url, *, vendor="gemini", key="AIza-test", model="gemini-3-flash-preview"):
    options = 'options = { project = "p", location = "europe-west4" }' if vendor == "vertex" else ""
    return f"""
[[upstreams]]
name = "up"
vendor = "{vendor}"
base_url = "{url}"
keys = ['{key}']
{options}

[[models]]
name = "m"
price = {{ input = "1", output = "2" }}
routes = [{{ upstream = "up", model = "{model}" }}]
"""


def responses(recording):
    """Naively: what the body holds."""
    body = recording.body.decode()
    if body.startswith("data"):
        return [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data")]
    said = json.loads(body)
    return said if isinstance(said, list) else [said]


def recorded(recording):
    """(text, reasoning, names of tools, reason, tokens of prompt and completion), read apart from the gateway."""
    said = responses(recording)
    candidates = [each["candidates"][0] for each in said if each.get("candidates")]
    parts = [part for each in candidates for part in each.get("content", {}).get("parts", [])]
    names = [part["functionCall"]["name"] for part in parts if part.get("functionCall", {}).get("name")]
    reason = next(each["finishReason"] for each in candidates if "finishReason" in each)
    counts = said[-1]["usageMetadata"]
    prompt, completion = (
        sum(counts.get(name, 0) for name in each)
        for each in (
            ("promptTokenCount", "toolUsePromptTokenCount"),
            ("candidatesTokenCount", "thoughtsTokenCount"),
        )
    )
    text, thoughts = (
        "".join(part["text"] for part in parts if "text" in part and part.get("thought", False) is thought)
        for thought in (False, True)
    )
    return text, thoughts, names, "tool_calls" if names else REASONS.get(reason, reason), (prompt, completion)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
@pytest.mark.parametrize("recording", RECORDINGS, ids=str)
async def test_a_client_reads_what_was_recorded(start, recording, stream):
    text, thoughts, names, reason, (prompt, completion) = recorded(recording)
    kind = {"Content-Type": recording.headers.get("content-type", "text/event-stream")}
    key, vendor = ("ya29.token", "vertex") if recording.vendor == "vertex" else ("AIza-test", "gemini")
    answer = Answer(body=recording.body, headers=kind, split=997)
    async with FakeUpstream(answer) as upstream, start(settings(upstream.url, vendor=vendor, key=key)) as gateway:
        body = {**ASKED, "model": "m", "stream": stream, "stream_options": {"include_usage": True}}
        async with gateway.post(body=body) as response:
            status, raw = response.status, await response.read()
        if reason == "tool_calls" and FAILING in str(responses(recording)):
            assert (status, json.loads(raw)["code"]) == (503, 4001)
            return
        assert status == 200, raw
        if stream:
            choices, head, last = heard_stream(raw)
            assert raw.endswith(b"data: [DONE]\n\n")
            shown, model = last["usage"], head["model"]
        else:
            shown, model = json.loads(raw)["usage"], json.loads(raw)["model"]
            choices = heard_json(json.loads(raw))
        (told,) = choices.values()
        assert (told.text, told.reasoning, told.finish) == (text, thoughts, reason)
        assert [call[1] for call in told.tools] == names
        assert all(isinstance(json.loads(call[2]), dict) for call in told.tools)
        assert model == responses(recording)[0]["modelVersion"]
        assert (shown["prompt_tokens"], shown["completion_tokens"]) == (prompt, completion)
        [event] = await gateway.events()
        assert (event["i"], event["o"], event["src"]) == (prompt, completion, "reported")


CALLS = {
    "responseId": "r1",
    "modelVersion": "gemini-3-flash-preview",
    "candidates": [
        {
            "content": {
                "parts": [
                    {"functionCall": {"name": "weather", "args": {"city": "東京"}}, "thoughtSignature": "Cu+A/c=="},
                    {"functionCall": {"name": "time", "args": {}}},
                ]
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 9, "totalTokenCount": 18},
}
SPOKEN = {
    "candidates": [{"content": {"parts": [{"text": "Rain."}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11},
}


def sse(said):
    return Answer(body=b"data: %b\r\n\r\n" % json.dumps(said).encode())


@pytest.mark.parametrize("forgetful", [True, False], ids=["drops unknown fields", "keeps all"])
async def test_a_tool_loop_brings_the_signature_back(start, forgetful):
    async with FakeUpstream(sse(CALLS), sse(SPOKEN)) as upstream, start(settings(upstream.url)) as gateway:
        _, first = await gateway.ask({**CHAT, "model": "m"})
        message = first["choices"][0]["message"]
        assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "Cu+A/c=="}}
        if forgetful:
            calls = [{key: call[key] for key in ("id", "type", "function")} for call in message["tool_calls"]]
            message = {"role": "assistant", "content": message["content"], "tool_calls": calls}
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "17"} for call in message["tool_calls"]]
        messages = [*CHAT["messages"], message, *results]
        _, second = await gateway.ask({"messages": messages, "model": "m"})
        assert second["choices"][0]["message"]["content"] == "Rain."
        _, said, results = upstream.requests[1].json()["contents"]
        assert said["parts"] == CALLS["candidates"][0]["content"]["parts"]
        assert [part["functionResponse"]["name"] for part in results["parts"]] == ["weather", "time"]


# --- tokens ----------------------------------------------------------------------------------------------------------


def key_file(url):
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "gateway@p.iam.gserviceaccount.com",
            "private_key": pem.decode(),
            "token_uri": f"{url}/token",
        }
    )


def bought(name):
    body = json.dumps({"access_token": f"ya29.{name}", "expires_in": 3599}).encode()
    return Answer(body=body, headers=JSON)


UNAUTHORIZED = Answer(
    status=401,
    body=b'{"error":{"code":401,"message":"Request had invalid credentials ya29.first","status":"UNAUTHENTICATED"}}',
    headers=JSON,
)


def sent(upstream):
    """What came: the path where a token was asked for, else what the call carried."""
    return [request.headers.get("authorization", request.path) for request in upstream.requests]


async def test_a_service_account_buys_one_token_for_all_calls(start):
    async with FakeUpstream(bought("first"), sse(SPOKEN)) as upstream:
        async with start(settings(upstream.url, vendor="vertex", key=key_file(upstream.url))) as gateway:
            for _ in range(2):
                status, answer = await gateway.ask({**CHAT, "model": "m"})
                assert (status, answer["choices"][0]["message"]["content"]) == (200, "Rain.")
        assert sent(upstream) == ["/token", "Bearer ya29.first", "Bearer ya29.first"]
        assert upstream.requests[1].path == (
            "/v1beta1/projects/p/locations/europe-west4/publishers/google/models/gemini-3-flash-preview"
            ":streamGenerateContent?alt=sse"
        )


async def test_an_expired_token_is_bought_anew_once(start):
    async with FakeUpstream(bought("first"), UNAUTHORIZED, bought("second"), sse(SPOKEN)) as upstream:
        gateway = start(settings(upstream.url, vendor="vertex", key=key_file(upstream.url)))
        async with gateway as running, running.post(body={**CHAT, "model": "m"}) as response:
            assert (response.status, response.headers["X-Gateway-Attempts"]) == (200, "2")
            await response.read()
        assert sent(upstream) == ["/token", "Bearer ya29.first", "/token", "Bearer ya29.second"]


async def test_a_credential_that_buys_nothing_is_left_alone(start, caplog):
    refused = Answer(status=400, body=b'{"error":"invalid_grant","error_description":"account deleted"}', headers=JSON)
    async with FakeUpstream(refused) as upstream:
        secret = key_file(upstream.url)
        async with start(settings(upstream.url, vendor="vertex", key=secret)) as gateway:
            for _ in range(2):
                status, answer = await gateway.ask({**CHAT, "model": "m"})
                assert (status, answer["code"]) == (503, 4001)
        assert sent(upstream) == ["/token"]
        assert "PRIVATE KEY" not in caplog.text + json.dumps(answer)


async def test_a_token_that_is_refused_twice_disables_the_key_and_is_shown_to_nobody(start, caplog):
    async with FakeUpstream(bought("first"), UNAUTHORIZED, bought("second"), UNAUTHORIZED) as upstream:
        async with start(settings(upstream.url, vendor="vertex", key=key_file(upstream.url))) as gateway:
            for _ in range(2):
                status, answer = await gateway.ask({**CHAT, "model": "m"})
                assert (status, answer["code"]) == (503, 4001)
        assert len(upstream.requests) == 4
        assert "ya29" not in json.dumps(answer)
        assert "ya29.second" not in caplog.text
