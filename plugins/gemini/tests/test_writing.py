"""What the vendor is sent, and what it is not."""

from __future__ import annotations

import json

import pytest
from tornadogw_gemini import Gemini, Vertex

from tornadogw import Call, Cannot, Credential, Draft

KEY = Credential("g#1", "AIza-secret")
USER = {"role": "user", "content": "hi"}


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


def config(**more):
    said = body(**more)["generationConfig"]
    said.pop("maxOutputTokens")
    said.pop("temperature", None)
    return said


# --- addresses and keys ------------------------------------------------------------------------------------------


def test_the_studios_address_and_key():
    request = write(stream=True)
    base = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash"
    assert request.url == base + ":streamGenerateContent?alt=sse"
    assert write(stream=False).url == base + ":generateContent"
    assert request.headers["x-goog-api-key"] == "AIza-secret"
    assert "authorization" not in request.headers
    assert "AIza" not in request.url + repr(request)
    assert write(model="tunedModels/x y", options={"api_version": "v1"}, stream=False).url == (
        "https://generativelanguage.googleapis.com/v1/tunedModels/x%20y:generateContent"
    )
    assert "x-goog-api-key" not in write(key=Credential("g")).headers


@pytest.mark.parametrize(
    ("options", "origin", "place"),
    [
        ({}, "aiplatform.googleapis.com", "global"),
        ({"location": "global"}, "aiplatform.googleapis.com", "global"),
        ({"location": "europe-west4"}, "europe-west4-aiplatform.googleapis.com", "europe-west4"),
        ({"location": "eu"}, "aiplatform.eu.rep.googleapis.com", "eu"),
    ],
)
def test_vertexs_address_is_where_the_model_runs(options, origin, place):
    request = write(vendor=Vertex(), key=Credential("k", "ya29.t"), options={"project": "p", **options}, stream=False)
    assert request.url == (
        f"https://{origin}/v1beta1/projects/p/locations/{place}/publishers/google/models/gemini-2.5-flash"
        ":generateContent"
    )
    assert request.headers["authorization"] == "Bearer ya29.t"
    assert "x-goog-api-key" not in request.headers


def test_vertex_with_an_api_key_needs_no_project():
    request = write(vendor=Vertex(), key=Credential("k", "AQ.x"), stream=False)
    assert request.url.endswith("googleapis.com/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent")
    assert request.headers["x-goog-api-key"] == "AQ.x"
    with pytest.raises(Cannot, match=r"options\.project"):
        write(vendor=Vertex(), key=Credential("k", "ya29.t"))


def test_other_models_of_vertex():
    options = {"project": "p"}
    for name, path in (
        ("meta/llama-4", "projects/p/locations/global/publishers/meta/models/llama-4"),
        ("publishers/google/models/g", "projects/p/locations/global/publishers/google/models/g"),
        ("projects/q/locations/l/endpoints/1", "projects/q/locations/l/endpoints/1"),
    ):
        request = write(vendor=Vertex(), key=Credential("k", "t"), options=options, model=name, stream=False)
        assert request.url == f"https://aiplatform.googleapis.com/v1beta1/{path}:generateContent"


# --- the rest ----------------------------------------------------------------------------------------------------


def test_parameters_have_their_places():
    said = config(
        model="gemini-2.0-flash",
        top_p=0.5,
        top_k=40,
        n=2,
        seed=-1,
        stop=["a", ""],
        presence_penalty=1,
        frequency_penalty=-1,
        logprobs=True,
        top_logprobs=3,
    )
    assert said == {
        "topP": 0.5,
        "topK": 40,
        "candidateCount": 2,
        "seed": 2**31 - 1,
        "stopSequences": ["a"],
        "presencePenalty": 1,
        "frequencyPenalty": -1,
        "responseLogprobs": True,
        "logprobs": 3,
    }
    assert body(temperature=0)["generationConfig"]["temperature"] == 0
    assert body()["generationConfig"] == {
        "maxOutputTokens": 1000,
        "temperature": 0.7,
        "thinkingConfig": {"includeThoughts": True},
    }
    assert "temperature" not in body(default=None)["generationConfig"]


def test_forms_of_the_answer():
    old = {"model": "gemini-2.0-flash"}
    assert config(**old, response_format={"type": "text"}) == {}
    assert config(**old, response_format={"type": "json_object"}) == {"responseMimeType": "application/json"}
    schema = {"type": "object", "additionalProperties": False}
    assert config(**old, response_format={"type": "json_schema", "json_schema": {"schema": schema}}) == {
        "responseMimeType": "application/json",
        "responseJsonSchema": schema,
    }


def test_what_has_no_place_is_told():
    asked = {
        "user": "u",
        "logit_bias": {"1": 2},
        "parallel_tool_calls": False,
        "stop": [""],
        "seed": "x",
        "service_tier": "flex",
        "thinking": {"type": "enabled"},
        "extra_body": {"google": {"cached_content": "c", "thinking_config": {}}, "other": 1},
    }
    assert set(write(**asked).dropped) == {
        "user",
        "logit_bias",
        "parallel_tool_calls",
        "stop",
        "seed",
        "service_tier",
        "thinking",
        "extra_body.google.cached_content",
        "extra_body.other",
    }
    assert write(n=1, parallel_tool_calls=True, store=False, modalities=["text"], logprobs=False).dropped == ()
    assert write({"role": "user", "content": "hi", "name": "bob"}, USER).dropped == ()
    assert write(USER, {"role": "assistant", "content": "a", "reasoning": "r"}).dropped == ("messages.reasoning",)
    assert len(write(**{f"x{number}": 1 for number in range(99)}).dropped) == 64


def test_the_operators_safety_settings():
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    assert body(options={"safety_settings": settings})["safetySettings"] == settings


def test_deep_nesting_is_refused_not_a_bug():
    deep = {}
    for _ in range(600):
        deep = {"a": deep}
    with pytest.raises(Cannot, match="nested"):
        write(tools=[{"type": "function", "function": {"name": "f", "parameters": deep}}])
