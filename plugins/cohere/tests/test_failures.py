"""Each class of error, and how long to wait."""

from __future__ import annotations

import json

import pytest
from tornadogw_cohere import Cohere

VENDOR = Cohere()
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def fail(status: int, message: str = "", kind: str = "", **headers: str):
    body = json.dumps({"id": "1", "message": message, **({"error_type": kind} if kind else {})}).encode()
    return VENDOR.failure(status, {name.replace("_", "-"): text for name, text in headers.items()}, body, NOW)


@pytest.mark.parametrize(
    ("status", "message", "means", "scope", "code"),
    [
        (401, "invalid api token", "disable", "key", "unauthorized"),
        (402, "Please add or update your payment method", "disable", "key", "unauthorized"),
        (403, "no", "cool", "key+model", "forbidden"),
        (404, "model 'x' was removed", "cannot", "upstream+model", "model_not_found"),
        (429, "You are past the per minute request limit", "cool", "key+model", "rate_limit"),
        (429, "Trial key, which is limited to 1000 API calls / month.", "cool", "key", "quota"),
        (498, "blocked", "client", "upstream+model", "content_filter"),
        (499, "request cancelled", "elsewhere", "upstream+model", "error"),
        (500, "internal", "elsewhere", "upstream+model", "error"),
        (501, "not yet", "cannot", "upstream+model", "not_implemented"),
        (503, "", "elsewhere", "upstream+model", "error"),
        (504, "", "elsewhere", "upstream+model", "error"),
        (302, "", "elsewhere", "upstream+model", "error"),
        (405, "", "elsewhere", "upstream+model", "error"),
        (422, "valid JSON is wanted", "client", "upstream+model", "invalid_request"),
        (413, "too large", "client", "upstream+model", "invalid_request"),
    ],
)
def test_classes(status, message, means, scope, code):
    failure = fail(status, message)
    assert (failure.kind, failure.scope, failure.code) == (means, scope, code)
    assert (failure.status, failure.message) == (status, message)


@pytest.mark.parametrize(
    ("message", "kind", "means", "code", "param"),
    [
        ("", "TOO_MANY_TOKENS", "cannot", "context_length_exceeded", None),
        ("too many tokens: size limit exceeded by 9 tokens", "", "cannot", "context_length_exceeded", None),
        ("the text 'too many tokens' is bad", "", "client", "invalid_request", None),
        ("invalid request: temperature must be between 0 and 1.0 inclusive.", "", "client", "invalid_request", None),
        ("invalid request: 'p' must be between 0.01 and 0.99", "", "client", "invalid_request", "top_p"),
        ("max_tokens must be positive", "", "client", "invalid_request", "max_tokens"),
        ("invalid request: response_format is not supported with RAG.", "", "cannot", "invalid_request", None),
        ("invalid request: thinking is not supported by the model", "", "cannot", "invalid_request", None),
        ("the tool 'x not supported y' is broken", "", "client", "invalid_request", None),
        ("nonsense must be avoided", "", "client", "invalid_request", None),
    ],
)
def test_requests_at_fault(message, kind, means, code, param):
    failure = fail(400, message, kind)
    assert (failure.kind, failure.code) == (means, code)
    if param:
        assert failure.param == param


def test_a_refused_default_is_named():
    assert fail(400, "invalid request: temperature must be between 0 and 1.0 inclusive.").param == "temperature"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after_ms": "1500", "retry_after": "7"}, 1.5),
        ({"retry_after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"retry_after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"retry_after": "soon"}, 20.0),
        ({"x_trial_endpoint_call_limit": "40"}, 20.0),
        ({}, 20.0),
    ],
)
def test_how_long_to_wait(headers, seconds):
    assert fail(429, "slow down", **headers).seconds == seconds


def test_a_months_calls_are_back_with_the_next_month():
    month = "You are using a Trial key, which is limited to 1000 API calls / month"
    assert fail(429, month).seconds == 1_801_440_000.0 - NOW  # 2027-02-01T00:00:00Z
    assert fail(429, month, retry_after="60").seconds == 60.0


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"message": 1}', b"[" * 100_000])
def test_bodies_of_another_form(body):
    assert VENDOR.failure(502, {}, body, NOW).kind == "elsewhere"
    assert VENDOR.failure(429, {}, body, NOW).kind == "cool"
    assert VENDOR.failure(401, {}, body, NOW).kind == "disable"
