"""Whatever comes from outside: events, a failure or `Unreadable`; from clients a request or `Cannot`. Nothing else."""

from __future__ import annotations

import contextlib
import copy
import json

from hypothesis import given
from hypothesis import strategies as st
from tornadogw_gemini import Gemini, Vertex

from tornadogw import Call, Cannot, Credential, Draft, Event, Failure, Unreadable, UpstreamRequest
from tornadogw.testing import read_all

VENDORS = (Gemini(), Vertex())

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def object_of(**fields):
    """An object with some of these fields, each as it should be or anything at all."""
    return st.fixed_dictionaries({}, optional={name: value | anything for name, value in fields.items()})


texts = st.text(max_size=8)
partial = object_of(
    jsonPath=st.sampled_from(["$.a", "$.a[0]", "$.a[1].b", "$['x']", "$"]), stringValue=texts, numberValue=st.floats()
)
function_call = object_of(
    name=texts,
    id=texts,
    args=st.dictionaries(texts, anything, max_size=2),
    willContinue=st.booleans(),
    partialArgs=st.lists(partial, max_size=3),
)
part = object_of(
    text=texts,
    thought=st.booleans(),
    thoughtSignature=texts,
    functionCall=function_call,
    inlineData=object_of(mimeType=texts, data=texts),
    executableCode=anything,
)
candidate = object_of(
    index=st.integers(0, 3),
    content=object_of(parts=st.lists(part, max_size=3)),
    finishReason=st.sampled_from(["STOP", "SAFETY", "MALFORMED_RESPONSE", "", "NEW"]),
    logprobsResult=object_of(chosenCandidates=st.lists(object_of(token=texts)), topCandidates=st.lists(anything)),
    groundingMetadata=anything,
)
answers = object_of(
    candidates=st.lists(candidate, max_size=3),
    usageMetadata=object_of(
        promptTokenCount=st.integers(), candidatesTokenCount=st.integers(), totalTokenCount=st.integers()
    ),
    promptFeedback=object_of(blockReason=texts),
    error=object_of(code=st.integers(), message=texts, status=texts, details=st.lists(anything)),
    responseId=texts,
    modelVersion=texts,
)


def call(choices=2):
    draft = Draft(mode="chat", model="m", choices=choices)
    return Call(id="q", draft=draft, model="m", base_url="")


@given(st.lists(answers, max_size=4), st.booleans())
def test_answers_of_any_shape(said, as_stream):
    body = (
        b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in said)
        if as_stream
        else json.dumps(said).encode()
    )
    with contextlib.suppress(Unreadable):
        events = read_all(VENDORS[0], call(), [body])
        assert all(isinstance(event, Event | Failure) for event in events)


@given(st.binary(max_size=200))
def test_any_bytes(body):
    for read in (VENDORS[0].read_whole,):
        with contextlib.suppress(Unreadable):
            read(body, VENDORS[0].memo(call()))
    assert isinstance(VENDORS[0].failure(400, {}, body, 0.0), Failure)
    with contextlib.suppress(Unreadable):
        read_all(VENDORS[0], call(), [b"data: " + body + b"\n\n"])


tool_call = st.fixed_dictionaries(
    {},
    optional={
        "id": anything,
        "function": st.fixed_dictionaries({}, optional={"name": texts, "arguments": texts | st.just("{}")}),
        "extra_content": anything | st.fixed_dictionaries({"google": anything | object_of(thought_signature=texts)}),
    },
)
content = (
    st.none()
    | texts
    | st.lists(
        st.fixed_dictionaries({"type": st.just("text"), "text": texts})
        | st.fixed_dictionaries(
            {"type": st.just("image_url"), "image_url": st.just({"url": "data:image/png;base64,A"})}
        )
        | st.builds(
            lambda kind, inner: {"type": kind, kind: inner},
            st.sampled_from(["refusal", "file", "input_audio", "x"]),
            anything,
        ),
        max_size=2,
    )
)
message = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "function"]), "content": content},
    optional={
        "tool_calls": st.lists(tool_call, max_size=2),
        "function_call": anything,
        "tool_call_id": texts,
        "name": anything,
        "extra_content": anything,
    },
)
"""As the gateway's own check of messages lets through."""
params = st.fixed_dictionaries(
    {},
    optional={
        "tools": st.lists(st.dictionaries(texts | st.just("function"), anything, max_size=3), max_size=2),
        "functions": anything,
        "tool_choice": texts | st.dictionaries(st.sampled_from(["type", "function", "allowed_tools"]), anything),
        "function_call": anything,
        "response_format": st.fixed_dictionaries({"type": texts}, optional={"json_schema": anything}),
        "stop": texts | st.lists(texts),
        "n": st.integers(1, 16),
        "seed": anything,
        "logprobs": anything,
        "top_logprobs": anything,
        "reasoning_effort": anything,
        "thinking": anything,
        "extra_body": anything,
        "modalities": anything,
        "anything": anything,
    },
)


@given(st.lists(message, min_size=1, max_size=4), params, st.sampled_from(["gemini-2.5-pro", "gemini-3-flash", "x"]))
def test_requests_of_any_shape(messages, asked, model):
    asked = {name: value for name, value in asked.items() if value is not None}
    draft = Draft(mode="chat", model="m", messages=messages, params=asked)
    before = copy.deepcopy((messages, asked))
    for vendor in VENDORS:
        one = Call(id="q", draft=draft, model=model, base_url="http://x", options={"project": "p"})
        with contextlib.suppress(Cannot):
            request = vendor.request(one, Credential("k", "secret-key"), 0.0)
            assert isinstance(request, UpstreamRequest)
            assert isinstance(json.loads(request.body), dict)
            assert "secret-key" not in repr(request)
    assert (messages, asked) == before
