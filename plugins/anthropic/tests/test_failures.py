"""Each class of error, and how long to wait."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornadogw_anthropic import Anthropic
from tornadogw_anthropic.failures import _unquoted

VENDOR = Anthropic()
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def fail(status: int, kind: str = "", message: str = "", **headers: str):
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()
    return VENDOR.failure(status, {name.replace("_", "-"): text for name, text in headers.items()}, body, NOW)


@pytest.mark.parametrize(
    ("status", "kind", "message", "means", "scope"),
    [
        (401, "authentication_error", "invalid x-api-key", "disable", "key"),
        (402, "billing_error", "pay", "disable", "key"),
        (400, "invalid_request_error", "Your credit balance is too low to access the API", "disable", "key"),
        (400, "billing_error", "pay", "disable", "key"),
        (403, "", "go away", "cool", "key+model"),
        (403, "", "Your credit balance is too low", "disable", "key"),
        (400, "invalid_request_error", "metadata: billing is no such key", "client", "upstream+model"),
        (400, "invalid_request_error", "x: 'your credit balance is too low'", "client", "upstream+model"),
        (405, "", "no", "elsewhere", "upstream+model"),
        (415, "", "no", "elsewhere", "upstream+model"),
        (403, "permission_error", "not allowed to use this model", "disable", "key+model"),
        (404, "not_found_error", "model: x", "cannot", "upstream+model"),
        (413, "request_too_large", "too large", "client", "upstream+model"),
        (429, "rate_limit_error", "slow down", "cool", "key+model"),
        (529, "overloaded_error", "Overloaded", "cool", "upstream+model"),
        (500, "api_error", "Internal server error", "elsewhere", "upstream+model"),
        (503, "", "", "elsewhere", "upstream+model"),
        (504, "timeout_error", "", "elsewhere", "upstream+model"),
        (302, "", "", "elsewhere", "upstream+model"),
    ],
)
def test_classes(status, kind, message, means, scope):
    failure = fail(status, kind, message)
    assert (failure.kind, failure.scope, failure.message, failure.status) == (means, scope, message, status)


@pytest.mark.parametrize(
    ("message", "means", "code", "param"),
    [
        ("prompt is too long: 9 tokens > 8 maximum", "cannot", "context_length_exceeded", None),
        (
            "input length and `max_tokens` exceed context limit: 9 + 8 > 10",
            "cannot",
            "context_length_exceeded",
            None,
        ),
        ("Output blocked by content filtering policy", "client", "content_filter", None),
        ("temperature: range: 0..1", "client", "invalid_request_error", "temperature"),
        ("`temperature` is deprecated for this model.", "client", "invalid_request_error", "temperature"),
        ("messages.0.content: Field required", "client", "invalid_request_error", "messages.0.content"),
        ("stop_sequences.0: 'content filtering policy'", "client", "invalid_request_error", "stop_sequences.0"),
        ("user: `prompt is too long`", "client", "invalid_request_error", "user"),
        ("Something else", "client", "invalid_request_error", None),
    ],
)
def test_requests_at_fault(message, means, code, param):
    failure = fail(400, "invalid_request_error", message)
    assert (failure.kind, failure.code, failure.param) == (means, code, param)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after_ms": "1500", "retry_after": "7"}, 1.5),
        ({"retry_after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"retry_after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        (
            {
                "anthropic_ratelimit_requests_remaining": "3",
                "anthropic_ratelimit_requests_reset": "2027-01-15T09:00:00Z",
                "anthropic_ratelimit_tokens_remaining": "0",
                "anthropic_ratelimit_tokens_reset": "2027-01-15T08:00:12Z",
            },
            12.0,
        ),
        (
            {
                "anthropic_ratelimit_requests_remaining": "0",
                "anthropic_ratelimit_requests_reset": "9999-12-31T23:59:59-23:59",
            },
            86400.0,
        ),
        ({"retry_after": "Mon, 01 Jan 99999999999 00:00:00 GMT"}, 20.0),
        ({"retry_after": "soon"}, 20.0),
        ({}, 20.0),
    ],
)
def test_how_long_to_wait(headers, seconds):
    assert fail(429, "rate_limit_error", "slow down", **headers).seconds == seconds


def test_a_403_that_does_not_say_why_is_a_pause():
    assert fail(403).seconds == 300


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"error": "x"}', b"[" * 100_000])
def test_bodies_of_another_form(body):
    assert VENDOR.failure(502, {}, body, NOW).kind == "elsewhere"
    assert VENDOR.failure(429, {}, body, NOW).kind == "cool"


SIMPLE = re.compile(r"`.*?`|\".*?\"|(?<!\w)'.*?'(?!\w)", re.DOTALL)
"""What is quoted, in one expression, which takes minutes for many quotes that nothing closes."""


@given(st.text("`\"' ab\n", max_size=40))
def test_what_is_quoted_counts_nothing(text):
    assert _unquoted(text) == SIMPLE.sub("", text)


def test_quotes_that_nothing_closes_are_looked_for_once(monkeypatch):
    looked = []

    class Counted:
        def search(self, text, place):
            looked.append(place)

    monkeypatch.setattr("tornadogw_anthropic.failures.CLOSES", dict.fromkeys("`\"'", Counted()))
    assert fail(400, "invalid_request_error", " 'a" * 20_000).kind == "client"
    assert len(looked) == 1
