"""What the vendor is sent, and what it is not."""

from __future__ import annotations

import json

import pytest
from tornadogw_bedrock import Bedrock

from tornadogw import Call, Cannot, Credential, Draft

VENDOR = Bedrock()
USER = {"role": "user", "content": "hi"}
PNG = "data:image/png;base64,iVBORw0KGgo="
CLAUDE, NOVA = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-lite-v1:0"


def write(*messages, model=NOVA, limit=5000, options=None, temperature=None, **params):
    draft = Draft(mode="chat", model="m", messages=messages or (USER,), params=params, temperature=temperature)
    own = 0.7 if temperature is None else temperature
    call = Call("r", draft, model, VENDOR.base_url, options or {}, True, limit, own)
    return VENDOR.request(call, Credential("a#1", "ABSK"), 1.8e9)


def body(*messages, **more):
    return json.loads(write(*messages, **more).body)


def tool(name="f", **function):
    return {"type": "function", "function": {"name": name, **function}}


def call(identifier="t1", name="f", arguments='{"x":1}'):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_a_plain_request():
    sent = body({"role": "system", "content": "A"}, {"role": "developer", "content": "B"}, USER, stop="x", top_p=0.5)
    assert sent == {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "inferenceConfig": {"maxTokens": 5000, "stopSequences": ["x"], "topP": 0.5},
        "system": [{"text": "A"}, {"text": "B"}],
    }
    assert body(temperature=1.7)["inferenceConfig"]["temperature"] == 1.0


def test_a_tool_loop_with_thoughts():
    signed = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    opaque = {"type": "redacted_thinking", "data": "eA=="}
    asked = {"role": "assistant", "content": "Let me see.", "thinking_blocks": [signed, opaque, {"type": "x"}, 1]}
    result = {"role": "tool", "tool_call_id": "a:b", "content": [{"type": "image_url", "image_url": PNG}]}
    failed = {"role": "tool", "tool_call_id": "t2", "content": "", "is_error": True}
    sent = body(USER, {**asked, "tool_calls": [call("a:b"), call("t2", "g", "")]}, result, failed, model=CLAUDE)
    _, answer, results = sent["messages"]
    assert answer["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "eA=="}},
        {"text": "Let me see."},
        {"toolUse": {"toolUseId": "a_b", "name": "f", "input": {"x": 1}}},
        {"toolUse": {"toolUseId": "t2", "name": "g", "input": {}}},
    ]
    image = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}
    assert results["content"] == [
        {"toolResult": {"toolUseId": "a_b", "content": [image]}},
        {"toolResult": {"toolUseId": "t2", "content": [{"text": "(nothing)"}], "status": "error"}},
    ]
    assert [each["toolSpec"]["name"] for each in sent["toolConfig"]["tools"]] == ["f", "g"]


def test_results_come_before_what_the_user_said_first():
    result = {"role": "tool", "tool_call_id": "t1", "content": "1"}
    sent = body(USER, {"role": "assistant", "tool_calls": [call()]}, {"role": "user", "content": "wait"}, result)
    assert [next(iter(block)) for block in sent["messages"][-1]["content"]] == ["toolResult", "text"]


def test_long_ids_stay_apart():
    calls = [call("x" * 80 + end) for end in "ab"]
    results = [{"role": "tool", "tool_call_id": each["id"], "content": "1"} for each in calls]
    sent = body(USER, {"role": "assistant", "tool_calls": calls}, *results)
    made = [block["toolUse"]["toolUseId"] for block in sent["messages"][1]["content"]]
    assert len(set(made)) == 2
    assert all(len(each) <= 64 for each in made)
    assert made == [block["toolResult"]["toolUseId"] for block in sent["messages"][2]["content"]]


def test_documents_and_cache_points():
    file = {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a/b_c.pdf"}
    parts = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}, {"type": "file", "file": file}]
    assert body({"role": "user", "content": parts})["messages"][0]["content"] == [
        {"text": "x"},
        {"cachePoint": {"type": "default"}},
        {"document": {"format": "pdf", "name": "a b c pdf", "source": {"bytes": "JVBERi0="}}},
    ]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "g"}}, {"tool": {"name": "g"}}),
    ],
)
def test_the_choice(asked, sent):
    said = body(tools=[tool(description="d", strict=True), tool("g")], tool_choice=asked)
    assert said["toolConfig"]["toolChoice"] == sent
    assert said["toolConfig"]["tools"][0]["toolSpec"] == {
        "name": "f",
        "description": "d",
        "inputSchema": {"json": {"type": "object", "properties": {}}},
        "strict": True,
    }


def test_no_tool_at_all():
    assert "toolConfig" not in body(tools=[tool()], tool_choice="none")
    used = {"role": "assistant", "tool_calls": [call()]}
    request = write(
        USER, used, {"role": "tool", "tool_call_id": "t1", "content": "1"}, tools=[tool()], tool_choice="none"
    )
    assert request.dropped == ("tool_choice",)
    assert "toolChoice" not in json.loads(request.body)["toolConfig"]


def test_fields_of_the_model():
    assert body(model=CLAUDE, top_k=5, top_p=0.5)["additionalModelRequestFields"] == {"top_k": 5}
    assert body(top_k=5)["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 5}}
    assert write(model="meta.llama", top_k=5, reasoning_effort="low").dropped == ("reasoning_effort", "top_k")
    said = body(model=CLAUDE, reasoning_effort="medium", temperature=0.5)
    assert said["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    assert said["inferenceConfig"] == {"maxTokens": 5000}
    forced = write(model=CLAUDE, reasoning_effort="low", tools=[tool()], tool_choice="required")
    assert forced.dropped == ("reasoning_effort",)
    assert write(model="us.anthropic.claude-opus-5", temperature=0.5, top_k=3).dropped == ("temperature", "top_k")


def test_a_schema_for_the_answer():
    shape = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    said = body(model=CLAUDE, response_format=shape)["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert said == {"name": "n", "schema": '{"type":"object"}'}
    older = body(response_format=shape)["toolConfig"]
    assert older["toolChoice"] == {"tool": {"name": "n"}}
    assert "JSON" in body(response_format={"type": "json_object"})["system"][0]["text"]


def test_the_operators_guardrail():
    own = {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    assert body(options={"guardrail": own})["guardrailConfig"] == own
    assert write(guardrailConfig=own).dropped == ("guardrailConfig",)


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"n": 2}, "n"),
        ({"audio": {}}, "audio"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [tool()], "tool_choice": {"name": "g"}}, "tool_choice"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(params, param):
    with pytest.raises(Cannot) as refused:
        write(**params)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "assistant", "tool_calls": [call(arguments="[")]}, "tool_calls[0].function.arguments"),
        ({"role": "assistant", "tool_calls": [call(None)]}, "tool_calls[0].id"),
        ({"role": "tool", "content": "1"}, "tool_call_id"),
        ({"role": "function", "name": "g", "content": "1"}, "name"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "https://x.test/a.png"}]},
            "content[0].image_url",
        ),
        ({"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}, "content[0].file.file_data"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "content[0].input_audio"),
        ({"role": "system", "content": [{"type": "image_url", "image_url": PNG}]}, "content"),
    ],
)
def test_messages_that_cannot_be_said_are_refused_by_name(message, param):
    with pytest.raises(Cannot) as refused:
        write(USER, message)
    assert refused.value.param == f"messages[1].{param}"


@pytest.mark.parametrize("name", ["seed", "user", "logprobs", "presence_penalty", "service_tier", "made_up"])
def test_what_has_no_equivalent_is_left_out_and_told(name):
    assert write(**{name: 1}).dropped == (name,)
