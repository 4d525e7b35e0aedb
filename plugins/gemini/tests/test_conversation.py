"""Messages and tools in the vendor's words."""

from __future__ import annotations

import json

import pytest
from tornadogw_gemini import Gemini, Vertex

from tornadogw import Call, Cannot, Credential, Draft

KEY = Credential("g#1", "AIza-secret")
USER = {"role": "user", "content": "hi"}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def write(*messages, vendor=None, key=KEY, model="gemini-2.5-flash", stream=True, options=None, default=0.7, **params):
    """The request for a client that sent these; `temperature` is the client's own, `default` the gateway's."""
    vendor = vendor or Gemini()
    own = params.pop("temperature", None)
    draft = Draft(mode="chat", model="m", messages=messages or (USER,), params=params, temperature=own)
    call = Call(
        id="r",
        draft=draft,
        model=model,
        base_url=vendor.base_url,
        options=options or {},
        stream=stream,
        max_tokens=1000,
        temperature=default if own is None else own,
    )
    return vendor.request(call, key, 0.0)


def body(*messages, **more):
    return json.loads(write(*messages, **more).body)


def contents(*messages, **more):
    return body(*messages, **more)["contents"]


def user(*parts):
    return {"role": "user", "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}


def model(*parts):
    return {**user(*parts), "role": "model"}


# --- messages ----------------------------------------------------------------------------------------------------


def test_instructions_stand_apart_and_neighbours_are_one_turn():
    said = body(
        {"role": "system", "content": "be brief"},
        {"role": "developer", "content": [{"type": "text", "text": "be kind"}]},
        USER,
        {"role": "user", "content": "there"},
        {"role": "assistant", "content": "yes"},
        {"role": "assistant", "content": ""},
        USER,
    )
    assert said["systemInstruction"] == {"parts": [{"text": "be brief"}, {"text": "be kind"}]}
    assert said["contents"] == [user("hi", "there"), model("yes"), user("hi")]


def test_a_turn_there_must_be():
    assert contents({"role": "system", "content": "say hi"}) == [user("say hi")]
    assert "systemInstruction" not in body({"role": "system", "content": "say hi"})
    assert contents({"role": "user", "content": ""}) == [user("")]
    with pytest.raises(Cannot, match="messages"):
        Gemini().request(
            Call(id="r", draft=Draft(mode="completion", model="m", prompts=["a"]), model="m", base_url=""), KEY, 0.0
        )


def test_media_are_sent_inline():
    parts = [
        {"type": "text", "text": "look"},
        IMAGE,
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC", "filename": "a.pdf"}},
    ]
    assert contents({"role": "user", "content": parts}) == [
        user(
            "look",
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            {"inlineData": {"mimeType": "audio/mp3", "data": "BBBB"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "CCCC"}},
        )
    ]


def image(url):
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}


def test_only_vertex_fetches_addresses():
    options, key = {"project": "p"}, Credential("k", "t")
    for url, kind in (
        ("https://x/a.png?b=.gif", "image/png"),
        ("http://x/a", "image/jpeg"),
        ("HTTPS://x/a.PDF", "application/pdf"),
    ):
        assert contents(image(url), vendor=Vertex(), key=key, options=options) == [
            user({"fileData": {"mimeType": kind, "fileUri": url}})
        ]
    with pytest.raises(Cannot, match=r"messages\[0\].content\[0\].image_url"):
        write(image("https://x/a.png"))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "gs://private/a.png"}},
        {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
        {"type": "image_url", "image_url": {"url": "data:image/png,plain"}},
        {"type": "image_url", "image_url": {"url": "data:;base64"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": 5},
        {"type": "input_audio", "input_audio": {"data": 5}},
        {"type": "thinking", "thinking": "x"},
    ],
)
def test_what_it_cannot_see_is_refused_by_name(part):
    vendor, key, options = Vertex(), Credential("k", "t"), {"project": "p"}
    with pytest.raises(Cannot, match=r"messages\[0\].content\[0\]"):
        write({"role": "user", "content": [part]}, vendor=vendor, key=key, options=options)


def test_instructions_are_text():
    with pytest.raises(Cannot, match=r"messages\[0\].content\[0\].image_url"):
        write({"role": "system", "content": [IMAGE]}, USER)


# --- tools -------------------------------------------------------------------------------------------------------


def call(identity="call_1", name="f", arguments='{"a": 1}', **more):
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def said(*calls, content=None, **more):
    return {"role": "assistant", "content": content, "tool_calls": list(calls), **more}


def result(content="ok", identity="call_1", **more):
    return {"role": "tool", "tool_call_id": identity, "content": content, **more}


def test_a_tool_loop():
    turns = contents(
        USER,
        said(call("call_1"), call("call_2", "g", ""), content="let me see"),
        result("17 C"),
        result('{"b": [1]}', "call_2"),
        {"role": "user", "content": "and?"},
    )
    assert turns[1] == model(
        "let me see",
        {"functionCall": {"id": "call_1", "name": "f", "args": {"a": 1}}},
        {"functionCall": {"id": "call_2", "name": "g", "args": {}}},
    )
    assert turns[2] == user(
        {"functionResponse": {"id": "call_1", "name": "f", "response": {"result": "17 C"}}},
        {"functionResponse": {"id": "call_2", "name": "g", "response": {"b": [1]}}},
        "and?",
    )


def test_ids_of_our_own_making_stay_here():
    own = "call_0123456789abcdef"
    turns = contents(USER, said(call(own)), result(identity=own))
    assert turns[1] == model({"functionCall": {"name": "f", "args": {"a": 1}}})
    assert turns[2] == user({"functionResponse": {"name": "f", "response": {"result": "ok"}}})


def test_what_a_tool_shows_stands_behind_its_answer():
    parts = [{"type": "text", "text": "a"}, IMAGE, {"type": "text", "text": "b"}]
    turns = contents(USER, said(call()), result(parts))
    assert turns[2] == user(
        {"functionResponse": {"id": "call_1", "name": "f", "response": {"result": "ab"}}},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
    )


def test_functions_as_they_were_called_before():
    turns = contents(
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "ok"},
        functions=[{"name": "f"}],
        function_call={"name": "f"},
    )
    assert turns[1] == model({"functionCall": {"name": "f", "args": {}}})
    assert turns[2] == user({"functionResponse": {"name": "f", "response": {"result": "ok"}}})
    sent = body(functions=[{"name": "f"}], function_call={"name": "f"})
    assert sent["tools"] == [{"functionDeclarations": [{"name": "f"}]}]
    assert sent["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": ["f"]}


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([USER, result()], r"messages\[1\].tool_call_id"),
        ([USER, {"role": "tool", "tool_call_id": [], "content": "x"}], r"messages\[1\].tool_call_id"),
        ([USER, said(call(arguments="{"))], r"tool_calls\[0\].arguments"),
        ([USER, said(call(arguments="[]"))], r"tool_calls\[0\].arguments"),
        ([USER, said(call(name=""))], r"tool_calls\[0\]"),
        ([USER, said({"id": ["x"]})], r"tool_calls\[0\]"),
        ([USER, {"role": "assistant", "function_call": 5}], r"messages\[1\].function_call"),
    ],
)
def test_a_tool_loop_that_makes_no_sense_is_refused(messages, param):
    with pytest.raises(Cannot, match=param):
        write(*messages)


def test_tools_are_declared():
    sent = body(tools=[TOOL, {"type": "function", "function": {"name": "g", "strict": True}}])
    assert sent["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}},
                {"name": "g"},
            ]
        }
    ]
    assert "toolConfig" not in sent
    assert write(tools=[{"type": "function", "function": {"name": "g", "strict": True}}]).dropped == (
        "tools.function.strict",
    )


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", None),
        ("required", {"mode": "ANY"}),
        ("none", {"mode": "NONE"}),
        ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}},
            {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOL]}},
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
    ],
)
def test_the_choice_of_a_tool(choice, expected):
    said = body(tools=[TOOL], tool_choice=choice).get("toolConfig")
    assert said == (expected and {"functionCallingConfig": expected})


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, r"tools\[0\].type"),
        ({"tools": [{"type": "function"}]}, r"tools\[0\].function"),
        ({"functions": 5}, "functions"),
        ({"tools": [TOOL], "tool_choice": "maybe"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": 5}}, "tool_choice"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"reasoning_effort": "enormous"}, "reasoning_effort"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(params, param):
    with pytest.raises(Cannot, match=param):
        write(**params)
