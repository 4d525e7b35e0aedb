"""What the vendor is sent, and what it is not."""

from __future__ import annotations

import json

import pytest
from tornadogw_anthropic import Anthropic

from tornadogw import Call, Cannot, Credential, Draft

VENDOR = Anthropic()
KEY = Credential("a#1", "sk-ant-1")
USER = {"role": "user", "content": "hi"}


def write(*messages, model="claude-haiku-4-5", stream=True, max_tokens=1000, default=0.7, options=None, **params):
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


def text(*texts):
    return [{"type": "text", "text": each} for each in texts]


def test_where_and_how():
    request = write()
    assert (request.method, request.url) == ("POST", "https://api.example/v1/messages")
    assert request.headers == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "anthropic-version": "2023-06-01",
        "x-api-key": "sk-ant-1",
    }
    assert "sk-ant" not in repr(request)
    assert write(stream=False).headers["accept"] == "application/json"


def test_options_of_the_upstream():
    headers = write(options={"api_version": "2027-01-01", "beta": ["a", "b"]}).headers
    assert (headers["anthropic-version"], headers["anthropic-beta"]) == ("2027-01-01", "a,b")


def test_a_plain_request():
    assert body(max_tokens=7) == {
        "model": "claude-haiku-4-5",
        "max_tokens": 7,
        "messages": [{"role": "user", "content": text("hi")}],
        "stream": True,
        "temperature": 0.7,
    }
    assert "stream" not in body(stream=False)


def test_system_and_developer_are_joined():
    sent = body({"role": "system", "content": "A"}, USER, {"role": "developer", "content": text("B", "C")})
    assert sent["system"] == "A\n\nB\n\nC"
    assert [each["role"] for each in sent["messages"]] == ["user"]


def test_turns_are_merged_and_blank_texts_left_out():
    sent = body(
        {"role": "user", "content": text("a", "  ", "b")},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "user", "content": "你好"},
    )
    assert sent["messages"] == [
        {"role": "user", "content": text("a", "b", "c")},
        {"role": "assistant", "content": text("no")},
        {"role": "user", "content": text("你好")},
    ]


def test_a_prefilled_answer_ends_in_no_blank():
    assert body(USER, {"role": "assistant", "content": "Well \n"})["messages"][-1]["content"] == text("Well")


@pytest.mark.parametrize(("own", "sent"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (1.7, 1.0)])
def test_temperature_is_clamped(own, sent):
    assert body(temperature=own)["temperature"] == sent


@pytest.mark.parametrize(
    "model",
    [
        "claude-opus-4-7",
        "claude-opus-4-8-20260101",
        "anthropic.claude-opus-4-10",
        "claude-opus-5",
        "claude-sonnet-5",
        "claude-haiku-6-20270101",
        "claude-fable-5",
        "Claude-Mythos",
    ],
)
def test_sampling_is_left_out_where_it_is_refused(model):
    assert not VENDOR.traits(model).temperature
    request = write(model=model, temperature=0.3, top_p=0.5, top_k=3)
    assert not {"temperature", "top_p", "top_k"} & json.loads(request.body).keys()
    assert request.dropped == ("temperature", "top_p", "top_k")
    assert write(model=model).dropped == ()  # the gateway's own default is nobody's loss


@pytest.mark.parametrize(
    "model",
    [
        "claude-3-5-sonnet-20241022",
        "claude-3-opus-20240229",
        "claude-opus-4-20250514",
        "claude-opus-4-1-20250805",
        "claude-opus-4-5",
        "claude-sonnet-4-0",
        "claude-sonnet-4-6",
        "claude-haiku-4-5-20251001",
    ],
)
def test_sampling_is_kept_elsewhere(model):
    assert VENDOR.traits(model).temperature
    assert body(model=model, temperature=0.3)["temperature"] == 0.3


def test_our_default_temperature_gives_way_to_top_p():
    assert "temperature" not in body(top_p=0.5)
    assert body(top_p=0.5, temperature=0.3)["temperature"] == 0.3


def test_thinking_passes_and_takes_sampling_away():
    request = write(thinking={"type": "enabled", "budget_tokens": 2000}, temperature=0.3)
    sent = json.loads(request.body)
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert "temperature" not in sent
    assert request.dropped == ("temperature",)


def test_stop_and_user():
    request = write(stop=["END", "\n"], user="u-1")
    sent = json.loads(request.body)
    assert (sent["stop_sequences"], sent["metadata"]) == (["END"], {"user_id": "u-1"})
    assert request.dropped == ("stop",)
    assert body(stop="END")["stop_sequences"] == ["END"]


@pytest.mark.parametrize("user", ["someone@example.com", "+49 170 1234567"])
def test_a_person_is_no_user_id(user):
    assert write(user=user).dropped == ("user",)


@pytest.mark.parametrize(
    "name", ["seed", "logprobs", "presence_penalty", "service_tier", "web_search_options", "yet_to_be_invented"]
)
def test_what_has_no_equivalent_is_left_out_and_told(name):
    request = write(**{name: 1})
    assert name not in json.loads(request.body)
    assert request.dropped == (name,)


def test_fields_of_messages_are_told_too():
    request = write({**USER, "name": "Bob"}, {"role": "assistant", "content": "x", "reasoning": "hm"}, USER)
    assert request.dropped == ("messages.name", "messages.reasoning")


@pytest.mark.parametrize(
    "params", [{"n": 1}, {"tools": []}, {"response_format": {"type": "text"}}, {"n": 1, "functions": []}]
)
def test_what_asks_for_nothing_is_served(params):
    assert write(**params).dropped == ()


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"n": 2}, "n"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(params, name):
    with pytest.raises(Cannot) as refused:
        write(**params)
    assert refused.value.param == name


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "my answer", "schema": SCHEMA}}


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-haiku-4-5-20251001", "claude-opus-5", "claude-fable-5"])
def test_a_schema_for_the_answer(model):
    sent = body(model=model, response_format=FORMAT, reasoning_effort="none")
    assert sent["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert "tools" not in sent


def test_older_models_are_made_to_call_a_tool_with_it():
    sent = body(model="claude-sonnet-4-20250514", response_format=FORMAT)
    (tool,) = sent["tools"]
    assert (tool["name"], tool["input_schema"]) == ("my_answer", SCHEMA)
    assert sent["tool_choice"] == {"type": "tool", "name": "my_answer", "disable_parallel_tool_use": True}
    with pytest.raises(Cannot) as refused:
        body(model="claude-3-5-haiku", response_format=FORMAT, tools=[{"type": "function", "function": {"name": "f"}}])
    assert refused.value.param == "response_format"


def test_json_without_a_schema_is_asked_for_in_words():
    sent = body({"role": "system", "content": "A"}, USER, response_format={"type": "json_object"})
    assert sent["system"].startswith("A\n\n")
    assert "JSON" in sent["system"]


def test_completion_is_not_spoken():
    call = Call(id="r", draft=Draft(mode="completion", model="m", prompts=("a",)), model="m", base_url="https://a")
    assert VENDOR.traits("m").completion == "chat"
    with pytest.raises(Cannot):
        VENDOR.request(call, KEY, 0.0)


def test_invented_parameters_leave_the_record_small():
    many = {f"made_up_{number}": 1 for number in range(100_000)}
    assert write(**many).dropped == tuple(many)[:64]
    assert write(**{"x" * 1000: 1, "seed": 7}).dropped == ("x" * 64, "seed")
