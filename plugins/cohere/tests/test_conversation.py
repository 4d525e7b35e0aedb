"""Messages and tools in the vendor's words."""

from __future__ import annotations

import json

import pytest
from tornadogw_cohere import Cohere

from tornadogw import Call, Cannot, Credential, Draft

VENDOR = Cohere()
USER = {"role": "user", "content": "hi"}
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"x": {}}}}
OTHER = {"name": "g", "parameters": {"type": "object"}}
TOOLS = [{"type": "function", "function": FUNCTION}, {"type": "function", "function": OTHER}]
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "42"}
THINKER = "command-a-reasoning-08-2025"


def write(*messages, model="command-a-03-2025", **params):
    draft = Draft(mode="chat", model="m", messages=messages or (USER,), params=params)
    return VENDOR.request(Call(id="r", draft=draft, model=model, base_url="https://a"), Credential("c#1", "k"), 0.0)


def said(*messages, **more):
    return json.loads(write(*messages, **more).body)["messages"]


def text(*texts):
    return [{"type": "text", "text": each} for each in texts]


def test_roles_and_texts():
    sent = said(
        {"role": "system", "content": "A"},
        {"role": "developer", "content": text("B", "C")},
        USER,
        {"role": "assistant", "content": "你好"},
        {"role": "user", "content": text("x")},
    )
    assert sent == [
        {"role": "system", "content": "A"},
        {"role": "system", "content": text("B", "C")},
        USER,
        {"role": "assistant", "content": "你好"},
        {"role": "user", "content": text("x")},
    ]


@pytest.mark.parametrize("url", ["https://x.example/a.png", "data:image/png;base64,iVBORw0KGgo="])
def test_images_go_as_they_are(url):
    image = {"type": "image_url", "image_url": {"url": url, "detail": "low", "own": 1}}
    (sent,) = said({"role": "user", "content": [*text("what?"), image]})
    assert sent["content"] == [*text("what?"), {"type": "image_url", "image_url": {"url": url, "detail": "low"}}]
    (sent,) = said({"role": "user", "content": [{"type": "image_url", "image_url": url}]})
    assert sent["content"] == [{"type": "image_url", "image_url": {"url": url}}]


def test_a_tool_loop():
    asked = {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning": "I will.", "tool_plan": "Plan."}
    assert said(USER, asked, RESULT)[1:] == [
        {"role": "assistant", "tool_calls": [CALL], "tool_plan": "Plan."},
        RESULT,
    ]
    del asked["tool_plan"]
    assert said(USER, asked, RESULT)[1]["tool_plan"] == "I will."


def test_thoughts_of_a_model_that_thinks_go_back_as_a_block():
    asked = {"role": "assistant", "content": "Well.", "tool_calls": [CALL], "reasoning_content": "Hm."}
    assert said(USER, asked, RESULT, model=THINKER)[1] == {
        "role": "assistant",
        "tool_calls": [CALL],
        "content": [{"type": "thinking", "thinking": "Hm."}, *text("Well.")],
    }


def test_thoughts_without_a_place_are_told():
    request = write(USER, {"role": "assistant", "content": "Well.", "reasoning": "Hm."}, USER)
    assert request.dropped == ("messages.reasoning",)
    assert json.loads(request.body)["messages"][1] == {"role": "assistant", "content": "Well."}


def test_citations_go_back():
    cited = {"start": 0, "end": 4, "text": "Well", "sources": [], "content_index": 1}
    answer = {"role": "assistant", "content": "Well.", "citations": [cited], "reasoning_content": "Hm."}
    assert said(USER, answer, model=THINKER)[1]["citations"] == [cited]
    (sent,) = said(USER, answer)[1]["citations"]
    assert "content_index" not in sent  # it counts blocks; without the thoughts there is one


def test_results_may_be_parts_and_documents():
    document = {"type": "document", "document": {"id": "d", "data": {"title": "T"}}}
    sent = said(USER, {"role": "assistant", "tool_calls": [CALL]}, {**RESULT, "content": [*text("a"), document]})
    assert sent[2] == {**RESULT, "content": [*text("a"), document]}


def test_a_call_without_arguments_has_an_empty_object():
    bare = {"id": "c1", "function": {"name": "f"}}
    (call,) = said(USER, {"role": "assistant", "tool_calls": [bare]}, RESULT)[1]["tool_calls"]
    assert call == {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_the_form_before_tools():
    request = write(
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "42"},
        functions=[FUNCTION],
        function_call={"name": "f"},
    )
    sent = json.loads(request.body)
    (call,) = sent["messages"][1]["tool_calls"]
    assert call["function"] == {"name": "f", "arguments": "{}"}
    assert sent["messages"][2] == {"role": "tool", "tool_call_id": call["id"], "content": "42"}
    assert sent["tools"] == [{"type": "function", "function": FUNCTION}]
    assert sent["tool_choice"] == "REQUIRED"
    assert request.dropped == ()


@pytest.mark.parametrize(
    ("choice", "word", "names"),
    [
        ("auto", None, ["f", "g"]),
        ("none", "NONE", ["f", "g"]),
        ("required", "REQUIRED", ["f", "g"]),
        ({"type": "function", "function": {"name": "g"}}, "REQUIRED", ["g"]),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOLS[0]]}},
            None,
            ["f"],
        ),
    ],
)
def test_tools_and_the_choice_among_them(choice, word, names):
    sent = json.loads(write(tools=TOOLS, tool_choice=choice).body)
    assert sent.get("tool_choice") == word
    assert [tool["function"]["name"] for tool in sent["tools"]] == names


def test_a_tool_without_parameters_takes_an_empty_object():
    (tool,) = json.loads(write(tools=[{"type": "function", "function": {"name": "f"}}]).body)["tools"]
    assert tool["function"] == {"name": "f", "parameters": {"type": "object", "properties": {}}}


def test_strict_is_for_all_tools_or_none():
    strict = {"type": "function", "function": {**OTHER, "strict": True}}
    sent = json.loads(write(tools=[strict]).body)
    assert sent["strict_tools"] is True
    assert "strict" not in sent["tools"][0]["function"]
    mixed = write(tools=[strict, TOOLS[0]])
    assert "strict_tools" not in json.loads(mixed.body)
    assert mixed.dropped == ("tools.strict",)


def test_calls_one_by_one_cannot_be_asked_for():
    assert write(tools=TOOLS, parallel_tool_calls=False).dropped == ("parallel_tool_calls",)


def test_fields_without_a_place_are_told():
    assert write({**USER, "name": "Bob"}, {"role": "assistant", "content": "x", "audio": {"id": 1}}).dropped == (
        "messages.name",
        "messages.audio",
    )


IMAGE = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}


@pytest.mark.parametrize(
    ("messages", "params", "name"),
    [
        ([{"role": "system", "content": [IMAGE]}], {}, "messages[0].content[0].image_url"),
        ([{"role": "user", "content": [{"type": "file", "file": {}}]}], {}, "messages[0].content[0].file"),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], {}, "messages[0].content[0].input_audio"),
        ([USER, {"role": "assistant", "tool_calls": [{"function": {}}]}], {}, "messages[1].tool_calls[0].id"),
        ([USER, {"role": "assistant", "tool_calls": [{"type": "custom"}]}], {}, "messages[1].tool_calls[0].type"),
        ([USER, {"role": "tool", "content": "1"}], {}, "messages[1].tool_call_id"),
        ([USER, {"role": "function", "name": "f", "content": "1"}], {}, "messages[1].name"),
        ([USER, {"role": "function", "name": ["f"], "content": "1"}], {}, "messages[1].name"),
        ([USER, {"role": "assistant", "function_call": "f"}], {}, "messages[1].function_call"),
        ([USER], {"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ([USER], {"tools": [{"type": "function"}]}, "tools[0].function"),
        ([USER], {"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ([USER], {"tool_choice": "required"}, "tool_choice"),
        ([USER], {"tools": TOOLS, "tool_choice": "all"}, "tool_choice"),
        ([USER], {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "h"}}}, "tool_choice"),
        ([USER], {"tools": TOOLS, "tool_choice": {"type": "custom", "custom": {"name": "f"}}}, "tool_choice"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(messages, params, name):
    with pytest.raises(Cannot) as refused:
        write(*messages, **params)
    assert refused.value.param == name
