"""What the vendor is sent, and what it is not: addresses and parameters."""

from __future__ import annotations

import json

import pytest
from tornadogw_cohere import Cohere

from tornadogw import Call, Cannot, Credential, Draft

VENDOR = Cohere()
KEY = Credential("c#1", "co-secret")
USER = {"role": "user", "content": "hi"}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def write(*messages, model="command-a-03-2025", stream=True, max_tokens=1000, default=0.7, options=None, **params):
    """The request for a client that sent these; `temperature` is the client's own, `default` the gateway's."""
    own = params.pop("temperature", None)
    draft = Draft(mode="chat", model="m", messages=messages or (USER,), params=params, temperature=own)
    call = Call(
        id="r",
        draft=draft,
        model=model,
        base_url="https://api.example/",
        options=options or {},
        stream=stream,
        max_tokens=max_tokens,
        temperature=default if own is None else own,
    )
    return VENDOR.request(call, KEY, 0.0)


def body(*messages, **more):
    return json.loads(write(*messages, **more).body)


def test_where_and_how():
    request = write()
    assert (request.method, request.url) == ("POST", "https://api.example/v2/chat")
    assert request.headers == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "authorization": "Bearer co-secret",
    }
    assert "co-secret" not in repr(request)
    assert write(stream=False).headers["accept"] == "application/json"
    assert write(options={"client_name": "shop"}).headers["x-client-name"] == "shop"


def test_a_plain_request():
    assert body(max_tokens=7, default=0.5) == {
        "model": "command-a-03-2025",
        "messages": [USER],
        "max_tokens": 7,
        "stream": True,
        "temperature": 0.5,
    }
    plain = body(stream=False, default=None)
    assert plain["stream"] is False
    assert "temperature" not in plain


@pytest.mark.parametrize(("own", "sent"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (1.7, 1.0)])
def test_temperature_is_clamped(own, sent):
    assert body(temperature=own)["temperature"] == sent


@pytest.mark.parametrize(
    ("name", "value", "own", "sent"),
    [
        ("top_p", 0.5, "p", 0.5),
        ("top_p", 1, "p", 0.99),
        ("top_p", 0, "p", 0.01),
        ("top_k", 40, "k", 40),
        ("top_k", 9999, "k", 500),
        ("k", 3, "k", 3),
        ("seed", 7, "seed", 7),
        ("frequency_penalty", 1.5, "frequency_penalty", 1),
        ("presence_penalty", 0.2, "presence_penalty", 0.2),
        ("logprobs", True, "logprobs", True),
        ("stop", "END", "stop_sequences", ["END"]),
        ("stop", ["A", "B"], "stop_sequences", ["A", "B"]),
        ("documents", ["a text"], "documents", ["a text"]),
        ("citation_options", {"mode": "OFF"}, "citation_options", {"mode": "OFF"}),
        ("safety_mode", "STRICT", "safety_mode", "STRICT"),
        ("response_format", {"type": "json_object"}, "response_format", {"type": "json_object"}),
        (
            "response_format",
            {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": {"type": "object"}}},
            "response_format",
            {"type": "json_object", "json_schema": {"type": "object"}},
        ),
        ("thinking", {"type": "enabled", "token_budget": 5}, "thinking", {"type": "enabled", "token_budget": 5}),
        ("thinking", {"type": "enabled", "budget_tokens": 5}, "thinking", {"type": "enabled", "token_budget": 5}),
        ("thinking", {"type": "disabled"}, "thinking", {"type": "disabled"}),
    ],
)
def test_parameters_by_their_names_here(name, value, own, sent):
    request = write(**{name: value})
    assert json.loads(request.body)[own] == sent
    assert request.dropped == ()


@pytest.mark.parametrize(
    ("effort", "thinking"),
    [
        ("none", {"type": "disabled"}),
        ("minimal", {"type": "enabled", "token_budget": 100}),
        ("low", {"type": "enabled", "token_budget": 200}),
        ("medium", {"type": "enabled", "token_budget": 400}),
        ("high", {"type": "enabled"}),
    ],
)
def test_effort_is_a_part_of_the_output_limit(effort, thinking):
    for model in ("command-a-reasoning-08-2025", "command-a-plus-05-2026"):
        assert body(model=model, max_tokens=800, reasoning_effort=effort)["thinking"] == thinking
        assert VENDOR.traits(model).pace == "reasoning"


def test_models_that_do_not_think_are_told_nothing_of_it():
    request = write(reasoning_effort="low")
    assert request.dropped == ("reasoning_effort",)
    assert "thinking" not in json.loads(request.body)
    assert VENDOR.traits("command-a-03-2025").pace == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", "u-1"),
        ("logit_bias", {"5": 1}),
        ("top_logprobs", 3),
        ("presence_penalty", -1),
        ("frequency_penalty", -0.5),
        ("priority", 0),
        ("service_tier", "flex"),
        ("metadata", {"a": "b"}),
        ("yet_to_be_invented", 1),
    ],
)
def test_what_has_no_equivalent_is_left_out_and_told(name, value):
    request = write(**{name: value})
    assert name not in json.loads(request.body)
    assert request.dropped == (name,)


@pytest.mark.parametrize(
    "params",
    [
        {"n": 1},
        {"tools": []},
        {"tools": [], "tool_choice": "none"},
        {"response_format": {"type": "text"}},
        {"stop": []},
        {"logprobs": False},
        {"presence_penalty": 0, "frequency_penalty": 0.0},
        {"parallel_tool_calls": True},
    ],
)
def test_what_asks_for_nothing_is_served(params):
    request = write(**params)
    assert request.dropped == ()
    assert request.body == write().body


def test_empty_stops_are_left_out():
    request = write(stop=["", "END"])
    assert json.loads(request.body)["stop_sequences"] == ["END"]
    assert request.dropped == ("stop",)
    assert "stop_sequences" not in body(stop="")


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"n": 2}, "n"),
        ({"stop": list("abcdef")}, "stop"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_object"}, "tools": TOOLS}, "response_format"),
        ({"response_format": {"type": "json_object"}, "documents": ["d"]}, "response_format"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(params, name):
    with pytest.raises(Cannot) as refused:
        write(**params)
    assert refused.value.param == name


def test_completion_is_not_spoken():
    call = Call(id="r", draft=Draft(mode="completion", model="m", prompts=("a",)), model="m", base_url="https://a")
    assert VENDOR.traits("m").completion == "chat"
    with pytest.raises(Cannot):
        VENDOR.request(call, KEY, 0.0)


def test_what_nests_too_deeply_is_refused():
    deep: dict = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(Cannot):
        write(documents=[deep])


def test_invented_parameters_leave_the_record_small():
    many = {f"made_up_{number}": 1 for number in range(100_000)}
    assert write(**many).dropped == tuple(many)[:64]
    assert write(**{"x" * 1000: 1, "user": "u"}).dropped == ("x" * 64, "user")
