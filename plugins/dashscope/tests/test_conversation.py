"""Messages in the vendor's words: flat texts at one endpoint, parts at the other, calls and results by id."""

from __future__ import annotations

import json

import pytest
from tornadogw_dashscope import DashScope

from tornadogw import Call, Cannot, Credential, Draft

VENDOR = DashScope()
USER = {"role": "user", "content": "hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
ASKED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "42"}


def write(*messages, model="qwen-max", options=None, **params):
    draft = Draft(mode="chat", model="m", messages=messages, params=params)
    call = Call(id="r", draft=draft, model=model, base_url="http://a/", options=options or {})
    return VENDOR.request(call, Credential("d#1"), 0.0)


def said(*messages, **more):
    return json.loads(write(*messages, **more).body)["input"]["messages"]


def text(*texts):
    return [{"type": "text", "text": each} for each in texts]


def image(url: str) -> dict:
    return {"type": "image_url", "image_url": {"url": url}}


def test_roles_and_flat_texts():
    assert said(
        {"role": "developer", "content": "A"},
        {"role": "user", "content": text("b", "c")},
        {"role": "assistant", "content": "你好"},
        {"role": "user", "content": None},
    ) == [
        {"role": "system", "content": "A"},
        {"role": "user", "content": "b\nc"},
        {"role": "assistant", "content": "你好"},
        {"role": "user", "content": ""},
    ]


@pytest.mark.parametrize("url", ["data:image/png;base64,iVBORw0KGgo=", "https://x.example/a.png"])
def test_images_go_to_the_other_endpoint_in_parts(url):
    request = write({"role": "system", "content": "A"}, {"role": "user", "content": [*text("what?"), image(url)]})
    assert request.url == "http://a/services/aigc/multimodal-generation/generation"
    assert json.loads(request.body)["input"]["messages"] == [
        {"role": "system", "content": [{"text": "A"}]},
        {"role": "user", "content": [{"text": "what?"}, {"image": url}]},
    ]


@pytest.mark.parametrize("model", ["qwen-vl-plus", "qwen3-vl-235b-a22b", "qvq-max", "qwen-vl-ocr", "Qwen2.5-VL-72B"])
def test_models_of_the_multimodal_endpoint(model):
    request = write(USER, model=model)
    assert request.url == "http://a/services/aigc/multimodal-generation/generation"
    assert said(USER, model=model) == [{"role": "user", "content": [{"text": "hi"}]}]


def test_the_operator_knows_better():
    assert "/text-generation/" in write(USER, model="qwen-vl-plus", options={"endpoint": "text"}).url
    assert "/multimodal-generation/" in write(USER, options={"endpoint": "multimodal"}).url
    with pytest.raises(Cannot, match="text"):
        write(USER, options={"endpoint": "video"})


def test_a_tool_loop_with_thoughts():
    sent = said(USER, {**ASKED, "content": "Well.", "reasoning": "Hm.", "reasoning_content": "Hm."}, RESULT)
    assert sent[1] == {"role": "assistant", "content": "Well.", "reasoning_content": "Hm.", "tool_calls": [CALL]}
    assert sent[2] == {"role": "tool", "content": "42", "tool_call_id": "c1"}


def test_the_form_before_tools():
    request = write(
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "42"},
        functions=[{"name": "f"}],
        function_call={"name": "f"},
    )
    sent = json.loads(request.body)
    (call,) = sent["input"]["messages"][1]["tool_calls"]
    assert call["function"] == {"name": "f", "arguments": "{}"}
    assert sent["input"]["messages"][2] == {"role": "tool", "content": "42", "tool_call_id": call["id"], "name": "f"}
    assert sent["parameters"]["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert sent["parameters"]["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert request.dropped == ()


def test_fields_without_a_place_are_told():
    low = {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}}
    cached = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    assert write({**USER, "name": "Bob"}, {**USER, "content": [low, cached]}).dropped == (
        "messages.name",
        "messages.content.image_url.detail",
        "messages.content.cache_control",
    )


@pytest.mark.parametrize(
    ("messages", "name"),
    [
        ([], "messages"),
        ([{"role": "user", "content": [image("ftp://x.example/a")]}], "messages[0].content[0].image_url"),
        ([{"role": "user", "content": [{"type": "file", "file": {}}]}], "messages[0].content[0].file"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "messages[0].content[0].input_audio"),
        ([USER, {"role": "assistant", "tool_calls": [{"type": "custom"}]}], "messages[1].tool_calls[0].type"),
        ([USER, {"role": "assistant", "tool_calls": [{"id": "c"}]}], "messages[1].tool_calls[0].function"),
        (
            [USER, {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}],
            "messages[1].tool_calls[0].function.arguments",
        ),
        ([USER, {"role": "function", "name": ["f"], "content": "1"}], "messages[1].tool_call_id"),
        ([USER, {"role": "assistant", "function_call": "f"}], "messages[1].function_call"),
        ([USER, {"role": "assistant", "refusal": {"a": 1}}], "messages[1].content"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(messages, name):
    with pytest.raises(Cannot) as refused:
        write(*messages)
    assert refused.value.param == name


def test_an_image_is_refused_where_the_operator_chose_text():
    with pytest.raises(Cannot, match="text only"):
        write({"role": "user", "content": [image("https://x.example/a.png")]}, options={"endpoint": "text"})
