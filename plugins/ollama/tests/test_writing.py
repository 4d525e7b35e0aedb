"""What the engine is sent, and what it is not."""

from __future__ import annotations

import json

import pytest
from tornadogw_ollama import Ollama

from tornadogw import Call, Cannot, Credential, Draft

VENDOR = Ollama()
USER = {"role": "user", "content": "hi"}
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}}
TOOLS = [{"type": "function", "function": FUNCTION}]


def write(*messages, stream=True, max_tokens=1000, default=0.7, options=None, secret="", **params):
    """The request for a client that sent these; `temperature` is the client's own, `default` the gateway's."""
    own = params.pop("temperature", None)
    draft = Draft(mode="chat", model="m", messages=messages or (USER,), params=params, temperature=own)
    call = Call(
        id="r",
        draft=draft,
        model="llama3.1",
        base_url="http://engine.example:11434/",
        options=options or {},
        stream=stream,
        max_tokens=max_tokens,
        temperature=default if own is None else own,
    )
    return VENDOR.request(call, Credential("o#1", secret), 0.0)


def body(*messages, **more):
    return json.loads(write(*messages, **more).body)


def test_where_and_how():
    request = write()
    assert (request.method, request.url) == ("POST", "http://engine.example:11434/api/chat")
    assert request.headers == {"content-type": "application/json", "accept": "application/x-ndjson"}
    assert write(stream=False).headers["accept"] == "application/json"


def test_a_key_is_sent_where_there_is_one():
    request = write(secret="ol-secret")
    assert request.headers["authorization"] == "Bearer ol-secret"
    assert "ol-secret" not in repr(request)


def test_a_plain_request():
    assert body(max_tokens=7) == {
        "model": "llama3.1",
        "messages": [USER],
        "stream": True,
        "options": {"num_predict": 7, "temperature": 0.7},
    }
    plain = body(stream=False, default=None)
    assert plain["stream"] is False  # the engine's default is true
    assert "temperature" not in plain["options"]


def test_what_the_core_must_know():
    traits = VENDOR.traits("llama3.1")
    assert (traits.pace, traits.completion, traits.json) == ("self-hosted", "chat", "stream")
    assert not traits.image_urls


def test_options_of_the_upstream():
    sent = body(options={"num_ctx": 8192, "keep_alive": "10m"})
    assert (sent["options"]["num_ctx"], sent["keep_alive"]) == (8192, "10m")


@pytest.mark.parametrize(
    ("name", "value", "own", "sent"),
    [
        ("top_p", 0.5, "top_p", 0.5),
        ("top_k", 40, "top_k", 40),
        ("min_p", 0.1, "min_p", 0.1),
        ("seed", 7, "seed", 7),
        ("presence_penalty", -1, "presence_penalty", -1),
        ("frequency_penalty", 2, "frequency_penalty", 2),
        ("repeat_penalty", 1.1, "repeat_penalty", 1.1),
        ("temperature", 2, "temperature", 2),
        ("stop", "END", "stop", ["END"]),
        ("stop", ["A", "B"], "stop", ["A", "B"]),
    ],
)
def test_options_of_the_request(name, value, own, sent):
    request = write(**{name: value})
    assert json.loads(request.body)["options"][own] == sent
    assert request.dropped == ()


@pytest.mark.parametrize(
    ("name", "value", "own", "sent"),
    [
        ("logprobs", True, "logprobs", True),
        ("top_logprobs", 3, "top_logprobs", 3),
        ("response_format", {"type": "json_object"}, "format", "json"),
        (
            "response_format",
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
            "format",
            {"type": "object"},
        ),
        ("reasoning_effort", "none", "think", False),
        ("reasoning_effort", "minimal", "think", "low"),
        ("reasoning_effort", "low", "think", "low"),
        ("reasoning_effort", "medium", "think", "medium"),
        ("reasoning_effort", "high", "think", "high"),
        ("reasoning_effort", "xhigh", "think", "high"),
        ("think", True, "think", True),
        ("think", "low", "think", "low"),
        ("thinking", {"type": "enabled", "budget_tokens": 9}, "think", True),
        ("thinking", {"type": "disabled"}, "think", False),
        ("tools", TOOLS, "tools", TOOLS),
    ],
)
def test_parameters_by_their_names_here(name, value, own, sent):
    request = write(**{name: value})
    assert json.loads(request.body)[own] == sent
    assert request.dropped == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", "u-1"),
        ("logit_bias", {"5": 1}),
        ("parallel_tool_calls", False),
        ("keep_alive", -1),
        ("num_ctx", 999999),
        ("reasoning_effort", "immense"),
        ("think", 3),
        ("yet_to_be_invented", 1),
    ],
)
def test_what_has_no_equivalent_is_left_out_and_told(name, value):
    request = write(**{name: value})
    assert request.body == write().body
    assert request.dropped == (name,)


@pytest.mark.parametrize(
    "params",
    [
        {"n": 1},
        {"tools": []},
        {"tool_choice": "none"},
        {"response_format": {"type": "text"}},
        {"stop": []},
        {"logprobs": False},
        {"parallel_tool_calls": True},
    ],
)
def test_what_asks_for_nothing_is_served(params):
    request = write(**params)
    assert request.dropped == ()
    assert request.body == write().body


def test_a_client_does_not_configure_the_engine():
    """Another `num_ctx` reloads the model, for everybody."""
    params = {"options": {"num_ctx": 999999}}
    draft = Draft(mode="chat", model="m", messages=(USER,), params=params)
    request = VENDOR.request(Call(id="r", draft=draft, model="m", base_url="http://a"), Credential("o#1"), 0.0)
    assert json.loads(request.body)["options"] == {"num_predict": 1000}
    assert request.dropped == ("options",)


def test_empty_stops_are_left_out():
    request = write(stop=["", "END"])
    assert json.loads(request.body)["options"]["stop"] == ["END"]
    assert request.dropped == ("stop",)


def test_no_tool_is_used_where_none_is_sent():
    request = write(tools=TOOLS, tool_choice="none")
    assert "tools" not in json.loads(request.body)
    assert body(tools=TOOLS, tool_choice="auto")["tools"] == TOOLS


def test_strict_tools_are_told():
    request = write(tools=[{"type": "function", "function": {**FUNCTION, "strict": True}}])
    assert json.loads(request.body)["tools"] == TOOLS
    assert request.dropped == ("tools.strict",)


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"n": 2}, "n"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"tools": TOOLS, "tool_choice": "required"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"functions": [FUNCTION], "function_call": {"name": "f"}}, "function_call"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"functions": [{"name": 1}]}, "functions[0]"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(params, name):
    with pytest.raises(Cannot) as refused:
        write(**params)
    assert refused.value.param == name


def test_completion_is_not_spoken():
    call = Call(id="r", draft=Draft(mode="completion", model="m", prompts=("a",)), model="m", base_url="https://a")
    with pytest.raises(Cannot):
        VENDOR.request(call, Credential("o#1"), 0.0)


def test_what_nests_too_deeply_is_refused():
    deep: dict = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(Cannot):
        write(tools=[{"type": "function", "function": {**FUNCTION, "parameters": deep}}])


def test_invented_parameters_leave_the_record_small():
    many = {f"made_up_{number}": 1 for number in range(100_000)}
    assert write(**many).dropped == tuple(many)[:64]
    assert write(**{"x" * 1000: 1, "user": "u"}).dropped == ("x" * 64, "user")
