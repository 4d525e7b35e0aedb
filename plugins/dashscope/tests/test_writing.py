"""What is sent: addresses, headers, parameters, and what is refused or left out."""

from __future__ import annotations

import json

import pytest
from tornadogw_dashscope import DashScope

from tornadogw import Call, Cannot, Credential, Draft

VENDOR = DashScope()
USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def write(stream=True, temperature=None, model="qwen-max", options=None, **params):
    draft = Draft(mode="chat", model="m", messages=[USER], params=params)
    call = Call(
        id="r",
        draft=draft,
        model=model,
        base_url=VENDOR.base_url,
        stream=stream,
        temperature=temperature,
        max_tokens=7,
        options=options or {},
    )
    return VENDOR.request(call, Credential("d#1", "sk-secret"), 0.0)


def parameters(**asked):
    return json.loads(write(**asked).body)["parameters"]


def test_a_stream():
    request = write(options={"workspace": "ws_1"})
    assert request.url == "https://dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation"
    assert request.headers == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "x-dashscope-sse": "enable",
        "x-dashscope-workspace": "ws_1",
        "authorization": "Bearer sk-secret",
    }
    assert json.loads(request.body) == {
        "model": "qwen-max",
        "input": {"messages": [USER]},
        "parameters": {"result_format": "message", "max_tokens": 7, "incremental_output": True},
    }
    assert "sk-secret" not in repr(request)


def test_json():
    request = write(stream=False)
    assert request.headers["accept"] == "application/json"
    assert "x-dashscope-sse" not in request.headers
    assert json.loads(request.body)["parameters"] == {"result_format": "message", "max_tokens": 7}


def test_parameters_that_are_the_same():
    same = {
        "top_p": 0.5,
        "top_k": 3,
        "seed": 1,
        "presence_penalty": 0.5,
        "repetition_penalty": 1.1,
        "logprobs": True,
        "top_logprobs": 2,
        "response_format": {"type": "json_object"},
        "enable_thinking": True,
        "thinking_budget": 9,
        "n": 4,
    }
    assert parameters(**same).items() >= same.items()
    assert write(**same).dropped == ()


@pytest.mark.parametrize(("asked", "sent"), [(0.7, 0.7), (0, 0), (2, 1.99)])
def test_temperatures_end_below_two(asked, sent):
    assert parameters(temperature=asked)["temperature"] == sent


@pytest.mark.parametrize(
    ("asked", "thinks"),
    [
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": "low"}, True),
        ({"thinking": {"type": "disabled"}}, False),
        ({"thinking": {"type": "enabled"}}, True),
    ],
)
def test_thinking(asked, thinks):
    assert parameters(**asked)["enable_thinking"] is thinks


@pytest.mark.parametrize(("asked", "sent"), [(["a"], ["a"]), (["a", "b"], ["a", "b"]), (["a", ""], ["a"])])
def test_stops(asked, sent):
    assert parameters(stop=asked)["stop"] == sent
    assert write(stop=asked).dropped == (("stop",) if "" in asked else ())
    assert parameters(stop="a")["stop"] == ["a"]


def test_tools():
    named = {"type": "function", "function": {"name": "f"}}
    assert (
        parameters(tools=[TOOL], parallel_tool_calls=False).items()
        >= {
            "tools": [TOOL],
            "parallel_tool_calls": False,
        }.items()
    )
    assert "tool_choice" not in parameters(tools=[TOOL], tool_choice="auto")
    assert parameters(tools=[TOOL], tool_choice="none")["tool_choice"] == "none"
    assert parameters(tools=[TOOL], tool_choice=named)["tool_choice"] == named
    strict = {"type": "function", "function": {"name": "f", "strict": True}}
    assert write(tools=[strict]).dropped == ("tools.strict",)


def test_what_asks_for_nothing_is_not_sent():
    neutral = {"n": 1, "logprobs": False, "stop": [], "response_format": {"type": "text"}, "store": False}
    assert parameters(**neutral).keys() == {"result_format", "max_tokens", "incremental_output"}
    assert write(**neutral).dropped == ()


def test_what_is_left_out_is_told():
    left = {"user": "u", "frequency_penalty": 0.5, "logit_bias": {"1": 1}, "enable_search": True, "search_options": {}}
    assert write(**left).dropped == tuple(left)
    assert parameters(**left).keys() == {"result_format", "max_tokens", "incremental_output"}


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"n": 5}, "n"),
        ({"n": 2, "tools": [TOOL]}, "n"),
        ({"n": 2, "model": "qwen-vl-max"}, "n"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ({"functions": [{"name": "f"}], "function_call": "any"}, "function_call"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"functions": [{}]}, "functions[0]"),
        ({"seed": float("nan")}, "body"),
        ({"model": "m\ud800"}, "body"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(asked, name):
    with pytest.raises(Cannot) as refused:
        write(**asked)
    assert refused.value.param == name


def test_names_of_clients_stay_short_and_few():
    dropped = write(**{f"x{at}" * 99: 1 for at in range(99)}).dropped
    assert len(dropped) == 64
    assert max(map(len, dropped)) == 64


@pytest.mark.parametrize(
    ("model", "pace"), [("qwq-plus", "reasoning"), ("qwen3-thinking", "reasoning"), ("qwen-max", "")]
)
def test_pace(model, pace):
    assert VENDOR.traits(model).pace == pace
