"""The conversation: turns, tool loops, thoughts that go back, images and documents."""

from __future__ import annotations

import pytest

from tornadogw import Cannot

from .asking import USER, body, write

PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
EPHEMERAL = {"type": "ephemeral"}


def call(identifier="t1", name="f", arguments='{"x":1}', **more):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def result(identifier="t1", content="42", **more):
    return {"role": "tool", "tool_call_id": identifier, "content": content, **more}


def test_a_tool_loop():
    """All results of one turn are in one message of the user's, before what the user says."""
    sent = body(
        USER,
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call(), call("t2", arguments="")]},
        result(),
        result("t2", [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PNG}}], is_error=True),
        {"role": "user", "content": "and?"},
    )
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    assert sent["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "t2", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "42"},
                {
                    "type": "tool_result",
                    "tool_use_id": "t2",
                    "content": [{"type": "text", "text": "a"}, image],
                    "is_error": True,
                },
                {"type": "text", "text": "and?"},
            ],
        },
    ]


def test_results_come_before_what_the_user_said_first():
    assistant = {"role": "assistant", "tool_calls": [call()]}
    sent = body(USER, assistant, {"role": "user", "content": "wait"}, result())
    assert [block["type"] for block in sent["messages"][-1]["content"]] == ["tool_result", "text"]


def test_ids_of_other_vendors_are_made_fit_on_both_sides():
    sent = body(USER, {"role": "assistant", "tool_calls": [call("functions.f:0")]}, result("functions.f:0"))
    assert sent["messages"][1]["content"][0]["id"] == "functions_f_0"
    assert sent["messages"][2]["content"][0]["tool_use_id"] == "functions_f_0"


def test_the_form_before_tool_calls():
    asked = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    sent = body(USER, asked, {"role": "function", "name": "f", "content": "1"})
    assert sent["messages"][1]["content"][0]["id"] == sent["messages"][2]["content"][0]["tool_use_id"] == "call_1"


def test_thoughts_go_back_unchanged_and_first():
    signed = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    opaque = {"type": "redacted_thinking", "data": "eA=="}
    said = {
        "role": "assistant",
        "content": "Yes.",
        "reasoning": "Hm.",
        "reasoning_content": "Hm.",
        "thinking_blocks": [signed, {"type": "thinking", "thinking": "unsigned"}, opaque, {"type": "text"}, 7],
        "tool_calls": [call()],
    }
    request = write(USER, said, result())
    assert request.dropped == ()
    assert body(USER, said, result())["messages"][1]["content"] == [
        signed,
        opaque,
        {"type": "text", "text": "Yes."},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
    ]


def test_thoughts_without_a_signature_are_left_out_and_told():
    request = write(USER, {"role": "assistant", "content": "a", "reasoning": "hm"}, USER)
    assert request.dropped == ("messages.reasoning",)


def test_images_and_documents():
    parts = [
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": PNG, "cache_control": EPHEMERAL},
        {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}, "title": "t"},
    ]
    assert body({"role": "user", "content": parts})["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
            "cache_control": EPHEMERAL,
        },
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}, "title": "t"},
    ]


def test_marks_of_what_to_cache_stay_where_they_are():
    sent = body(
        {"role": "system", "content": [{"type": "text", "text": "A", "cache_control": EPHEMERAL}]},
        {"role": "user", "content": "b", "cache_control": EPHEMERAL},
        {"role": "assistant", "tool_calls": [call()]},
        result(cache_control=EPHEMERAL),
    )
    assert sent["system"] == [{"type": "text", "text": "A", "cache_control": EPHEMERAL}]
    assert sent["messages"][0]["content"] == [{"type": "text", "text": "b", "cache_control": EPHEMERAL}]
    assert sent["messages"][2]["content"][0]["cache_control"] == EPHEMERAL


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "assistant", "tool_calls": [call(arguments="{")]}, "tool_calls[0].function.arguments"),
        ({"role": "assistant", "tool_calls": [call(arguments="[1]")]}, "tool_calls[0].function.arguments"),
        ({"role": "assistant", "tool_calls": [call(arguments="[" * 9999)]}, "tool_calls[0].function.arguments"),
        ({"role": "assistant", "tool_calls": [call(None)]}, "tool_calls[0].id"),
        ({"role": "assistant", "tool_calls": [call(name="")]}, "tool_calls[0].function.name"),
        ({"role": "assistant", "tool_calls": [{"id": "1", "type": "custom"}]}, "tool_calls[0].type"),
        ({"role": "assistant", "function_call": "f"}, "function_call.function.name"),
        ({"role": "tool", "content": "1"}, "tool_call_id"),
        ({"role": "function", "name": "g", "content": "1"}, "name"),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}, "content[0].input_audio"),
        ({"role": "user", "content": [{"type": "document"}]}, "content[0].document"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": "ftp://x"}]}, "content[0].image_url"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "data:image/tiff;base64,AA=="}]},
            "content[0].image_url",
        ),
        ({"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}, "content[0].file.file_data"),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:text/csv;base64,AA=="}}]},
            "content[0].file.file_data",
        ),
        ({"role": "system", "content": [{"type": "image_url", "image_url": PNG}]}, "content"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(message, param):
    with pytest.raises(Cannot) as refused:
        write(USER, message)
    assert refused.value.param == f"messages[1].{param}"


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "assistant", "content": "a"}, USER],
        [{"role": "system", "content": "a"}],
        [{"role": "user", "content": " "}],
    ],
)
def test_the_user_speaks_first(messages):
    with pytest.raises(Cannot) as refused:
        write(*messages)
    assert refused.value.param == "messages"
