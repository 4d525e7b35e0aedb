"""A real engine through the gateway, over plain HTTP: both modes, both forms, limits, aborts, and what they cost."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.journeys.replay import heard_json, heard_stream
from tests.live.conftest import INPUT, OUTPUT, waited

TEXT = "你好,世界🌍é龙🐉"
"""Characters with a token of their own, of several tokens, and of none: these come byte by byte."""
SAY = {"grammar": f'root ::= "{TEXT}"', "temperature": 0}
"""The engine's own parameter: makes it say exactly this."""
HELLO = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}]}
LONG = {**HELLO, "max_tokens": 950, "ignore_eos": True}
"""About half a second of work."""


def post(gateway: Any, body: dict[str, Any], path: str = "/v1/chat/completions", **options: Any) -> requests.Response:
    return requests.post(gateway.url + path, json=body, headers=gateway.headers, timeout=60, **options)


def direct(engine: Any, body: dict[str, Any], path: str = "/v1/chat/completions") -> Any:
    """The same asked of the engine itself."""
    return requests.post(engine.url + path, json=body, timeout=60).json()


def test_chat_as_json(gateway, engine):
    body = {**HELLO, **SAY, "max_tokens": 60}
    answer = post(gateway, body)
    assert (answer.status_code, answer.headers["X-Gateway-Attempts"]) == (200, "1")
    told = heard_json(answer.json())[0]
    assert (told.text, told.finish) == (TEXT, "stop")
    assert answer.json()["model"] == "tiny-random", "the engine reports the path of its file"
    own = direct(engine, body)["usage"]
    usage = answer.json()["usage"]
    assert {key: usage[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")} == {
        key: own[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")
    }


def test_chat_as_stream(gateway):
    body = {**HELLO, **SAY, "max_tokens": 60, "stream": True, "stream_options": {"include_usage": True}}
    answer = post(gateway, body)
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.content.endswith(b"data: [DONE]\n\n")
    choices, head, after = heard_stream(answer.content)
    assert (choices[0].text, choices[0].finish) == (TEXT, "stop")
    assert (head["object"], head["model"]) == ("chat.completion.chunk", "tiny-random")
    assert after["usage"]["completion_tokens"] >= len(TEXT)


def test_what_the_client_reads_is_what_is_charged(gateway):
    before = gateway.spent()
    usage = post(gateway, {**HELLO, "max_tokens": 40, "ignore_eos": True}).json()["usage"]
    assert usage["completion_tokens"] == 40
    assert gateway.spent() - before == INPUT * usage["prompt_tokens"] + OUTPUT * 40


def test_an_output_limit_is_a_finish_reason(gateway):
    told = heard_json(post(gateway, {**HELLO, "max_tokens": 7, "ignore_eos": True}).json())[0]
    assert told.finish == "length"


@pytest.mark.parametrize("prompt", ["Once upon a time", ["One", "Two"], [5, 6, 7]], ids=["text", "texts", "tokens"])
def test_completion_is_the_engines_own(gateway, engine, prompt):
    body = {"model": "tiny", "prompt": prompt, "max_tokens": 60, **SAY}
    answer = post(gateway, body, "/v1/completions").json()
    assert answer["object"] == "text_completion"
    own = direct(engine, body, "/v1/completions")
    own = own if isinstance(own, dict) else own[0]
    assert answer["usage"]["prompt_tokens"] == own["usage"]["prompt_tokens"], "no chat template stands around it"
    assert [choice["text"] for choice in answer["choices"]] == [choice["text"] for choice in own["choices"]]
    stream = {**body, "stream": True, "stream_options": {"include_usage": True}}
    choices, head, after = heard_stream(post(gateway, stream, "/v1/completions").content)
    assert head["object"] == "text_completion"
    assert [told.text for _, told in sorted(choices.items())] == [choice["text"] for choice in answer["choices"]]
    assert after["usage"]["completion_tokens"] == answer["usage"]["completion_tokens"]


def test_parameters_that_only_the_engine_knows_come_back(gateway):
    answer = post(gateway, {**HELLO, **SAY, "logprobs": True, "top_logprobs": 2}).json()
    said = [each["token"] for each in answer["choices"][0]["logprobs"]["content"]]
    assert said[:2] == ["你", "好"]


def test_a_prompt_that_is_too_long(gateway):
    before = gateway.spent()
    for stream in (True, False):
        answer = post(gateway, {**HELLO, "messages": [{"role": "user", "content": "x " * 4000}], "stream": stream})
        assert answer.status_code == 400
        body = answer.json()
        assert (body["code"], body["error"]["code"]) == (1002, "context_length_exceeded")
        assert "context" in body["message"]
    assert gateway.spent() == before


def test_a_client_that_leaves_a_stream_stops_the_engine_and_pays(gateway, engine):
    before, made = gateway.spent(), engine.metric("tokens_predicted_total")
    with post(gateway, {**LONG, "stream": True}, stream=True) as answer:
        assert next(answer.iter_lines()).startswith(b"data: {")
    waited("the engine is idle", engine.is_idle)
    generated = engine.metric("tokens_predicted_total") - made
    assert 0 < generated < 900
    paid = gateway.spent() - before
    assert OUTPUT < paid < OUTPUT * 900


def test_a_client_that_leaves_before_its_json_stops_the_engine_and_pays(gateway, engine):
    before, made = gateway.spent(), engine.metric("tokens_predicted_total")
    place = urlsplit(gateway.url)
    headers = {**gateway.headers, "Content-Type": "application/json"}
    with closing(HTTPConnection(place.hostname or "", place.port, timeout=60)) as client:
        client.request("POST", "/v1/chat/completions", json.dumps(LONG), headers)
        waited("the engine works", lambda: not engine.is_idle())
    waited("the engine is idle", engine.is_idle)
    assert engine.metric("tokens_predicted_total") - made < 900
    assert 0 < gateway.spent() - before < OUTPUT * 900


def test_many_at_once_are_all_whole(gateway):
    """The engine serves two at a time; the others wait their turn."""

    def ask(number: int) -> str:
        body = {**HELLO, "grammar": f'root ::= "number {number} 🚀"', "stream": True}
        choices, _, _ = heard_stream(post(gateway, body).content)
        return choices[0].text

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(ask, range(24))) == [f"number {number} 🚀" for number in range(24)]


def test_the_model_is_listed(gateway):
    listed = requests.get(f"{gateway.url}/v1/models", headers=gateway.headers, timeout=60).json()
    assert {model["id"] for model in listed["data"]} == {"auto", "tiny", "echo"}
    assert json.dumps(listed).isascii()
