"""Each class of error, and how long to wait."""

from __future__ import annotations

import json

import pytest
from tornadogw_ollama import Ollama

VENDOR = Ollama()
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def fail(status: int, message: object = "", **headers: str):
    body = json.dumps({"error": message}).encode()
    return VENDOR.failure(status, {name.replace("_", "-"): text for name, text in headers.items()}, body, NOW)


@pytest.mark.parametrize(
    ("status", "message", "means", "scope", "code"),
    [
        (401, "unauthorized", "disable", "key", "unauthorized"),
        (402, "pay", "disable", "key", "unauthorized"),
        (403, "this model requires a subscription", "cool", "key+model", "forbidden"),
        (404, "model 'x' not found", "cannot", "upstream+model", "model_not_found"),
        (429, "too many requests", "cool", "key+model", "rate_limit"),
        (503, "server busy, please try again.  maximum pending requests exceeded", "cool", "upstream+model", "busy"),
        (503, "llm server loading model", "cool", "upstream+model", "busy"),
        (400, '"llama3" does not support thinking', "cannot", "upstream+model", "unsupported"),
        (400, "registry.ollama.ai/library/x does not support tools", "cannot", "upstream+model", "unsupported"),
        (400, "the input length exceeds the context length", "cannot", "upstream+model", "context_length_exceeded"),
        (500, "request exceeds the available context size", "cannot", "upstream+model", "context_length_exceeded"),
        (500, "this model is missing data required for image input", "cannot", "upstream+model", "unsupported"),
        (500, "model requires more system memory (8 GiB)", "cool", "upstream+model", "model_broken"),
        (500, "llama runner process has terminated: exit 2", "cool", "upstream+model", "model_broken"),
        (500, "something else", "elsewhere", "upstream+model", "error"),
        (502, "", "elsewhere", "upstream+model", "error"),
        (400, "json: cannot unmarshal", "client", "upstream+model", "invalid_request"),
        (400, "runner process", "client", "upstream+model", "invalid_request"),  # a client's words cost no model
        (413, "too large", "client", "upstream+model", "invalid_request"),
        (302, "", "elsewhere", "upstream+model", "error"),
        (405, "", "elsewhere", "upstream+model", "error"),
    ],
)
def test_classes(status, message, means, scope, code):
    failure = fail(status, message)
    assert (failure.kind, failure.scope, failure.code) == (means, scope, code)
    assert (failure.status, failure.message) == (status, message)


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ('"llama3" does not support thinking', "reasoning_effort"),
        ('think value "high" is not supported for this model', "reasoning_effort"),
        ("x does not support tools", "tools"),
        ("x does not support chat", None),
        ("invalid format: expected an object", "response_format"),
        ("something else", None),
    ],
)
def test_the_parameter_at_fault(message, param):
    assert fail(400, message).param == param


def test_errors_may_be_objects():
    assert fail(400, {"message": "no such thing"}).message == "no such thing"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after_ms": "1500", "retry_after": "7"}, 1.5),
        ({"retry_after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"retry_after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers, seconds):
    assert fail(429, "slow down", **headers).seconds == (20.0 if seconds is None else seconds)
    assert fail(503, "busy", **headers).seconds == (10.0 if seconds is None else seconds)


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"error": 1}', b"[" * 100_000])
def test_bodies_of_another_form(body):
    assert VENDOR.failure(502, {}, body, NOW).kind == "elsewhere"
    assert VENDOR.failure(503, {}, body, NOW).kind == "cool"
    assert VENDOR.failure(401, {}, body, NOW).kind == "disable"
