"""Messages in the engine's words: flat text, bare images, arguments as objects, results by name."""

from __future__ import annotations

import json

import pytest
from tornadogw_ollama import Ollama

from tornadogw import Call, Cannot, Credential, Draft

VENDOR = Ollama()
USER = {"role": "user", "content": "hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
ASKED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "42"}


def write(*messages, **params):
    draft = Draft(mode="chat", model="m", messages=messages, params=params)
    return VENDOR.request(Call(id="r", draft=draft, model="m", base_url="http://a"), Credential("o#1"), 0.0)


def said(*messages):
    return json.loads(write(*messages).body)["messages"]


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


def test_images_are_bare_base64():
    data = "data:image/png;base64,iVBORw0KGgo="
    (sent,) = said({"role": "user", "content": [*text("what?"), image(data), {"type": "image_url", "image_url": data}]})
    assert sent == {"role": "user", "content": "what?", "images": ["iVBORw0KGgo="] * 2}


def test_a_tool_loop():
    sent = said(USER, {**ASKED, "content": "Well.", "reasoning": "Hm.", "reasoning_content": "Hm."}, RESULT)
    function = {"name": "f", "arguments": {"x": 1}}
    assert sent[1] == {
        "role": "assistant",
        "content": "Well.",
        "thinking": "Hm.",
        "tool_calls": [{"id": "c1", "function": function}],
    }
    assert sent[2] == {"role": "tool", "content": "42", "tool_name": "f", "tool_call_id": "c1"}


def test_results_of_parallel_calls_find_their_names():
    other = {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}}
    results = [{**RESULT, "tool_call_id": "c2"}, {**RESULT, "content": text("4", "2")}]
    sent = said(USER, {**ASKED, "tool_calls": [CALL, other]}, *results)
    assert [call["function"] for call in sent[1]["tool_calls"]] == [
        {"name": "f", "arguments": {"x": 1}},
        {"name": "g", "arguments": {}},
    ]
    assert [(turn["tool_name"], turn["content"]) for turn in sent[2:]] == [("g", "42"), ("f", "4\n2")]


def test_the_form_before_tools():
    request = write(
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "42"},
        functions=[{"name": "f"}],
        function_call="auto",
    )
    sent = json.loads(request.body)
    assert sent["messages"][1]["tool_calls"] == [{"function": {"name": "f", "arguments": {}}}]
    assert sent["messages"][2] == {"role": "tool", "content": "42", "tool_name": "f"}
    assert sent["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert request.dropped == ()


def test_fields_without_a_place_are_told():
    assert write({**USER, "name": "Bob"}, {**ASKED, "audio": {"id": 1}}, RESULT).dropped == (
        "messages.name",
        "messages.audio",
    )


def calling(**function: object) -> list:
    return [USER, {"role": "assistant", "tool_calls": [{"id": "c1", "function": function}]}]


@pytest.mark.parametrize(
    ("messages", "name"),
    [
        ([{"role": "user", "content": [image("https://x.example/a.png")]}], "messages[0].content[0].image_url"),
        ([{"role": "user", "content": [image("data:image/png,raw")]}], "messages[0].content[0].image_url"),
        ([{"role": "user", "content": [{"type": "file", "file": {}}]}], "messages[0].content[0].file"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], "messages[0].content[0].input_audio"),
        ([USER, {"role": "assistant", "tool_calls": [{"type": "custom"}]}], "messages[1].tool_calls[0].type"),
        (calling(), "messages[1].tool_calls[0].function"),
        (calling(name="f", arguments="{"), "messages[1].tool_calls[0].function.arguments"),
        (calling(name="f", arguments="[1]"), "messages[1].tool_calls[0].function.arguments"),
        (calling(name="f", arguments="[" * 100_000), "messages[1].tool_calls[0].function.arguments"),
        ([USER, RESULT], "messages[1].tool_call_id"),
        ([USER, {"role": "function", "name": ["f"], "content": "1"}], "messages[1].tool_call_id"),
        ([USER, {"role": "assistant", "function_call": "f"}], "messages[1].function_call"),
        ([USER, {"role": "assistant", "refusal": {"a": 1}}], "messages[1].content"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(messages, name):
    with pytest.raises(Cannot) as refused:
        write(*messages)
    assert refused.value.param == name
