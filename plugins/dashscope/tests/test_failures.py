"""Each class of error, and how long to wait."""

from __future__ import annotations

import json

import pytest
from tornadogw_dashscope import DashScope

VENDOR = DashScope()
NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


def fail(status: int, code: object = "", message: object = "", **headers: str):
    body = json.dumps({"code": code, "message": message, "request_id": "q"}).encode()
    return VENDOR.failure(status, {name.replace("_", "-"): text for name, text in headers.items()}, body, NOW)


@pytest.mark.parametrize(
    ("status", "code", "message", "means", "scope", "told"),
    [
        (401, "InvalidApiKey", "Invalid API-key provided.", "disable", "key", "InvalidApiKey"),
        (400, "Arrearage", "Access denied", "disable", "key", "Arrearage"),
        (429, "PrepaidBillOverdue", "", "disable", "key", "PrepaidBillOverdue"),
        (403, "AccessDenied", "Access denied.", "cool", "key+model", "AccessDenied"),
        (403, "AccessDenied.Unpurchased", "", "cannot", "upstream+model", "model_not_found"),
        (403, "Model.AccessDenied", "", "cannot", "upstream+model", "model_not_found"),
        (403, "AllocationQuota.FreeTierOnly", "", "cannot", "upstream+model", "model_not_found"),
        (404, "ModelNotFound", "", "cannot", "upstream+model", "model_not_found"),
        (400, "InvalidParameter", "Model not exist.", "cannot", "upstream+model", "model_not_found"),
        (429, "Throttling", "", "cool", "key+model", "Throttling"),
        (429, "Throttling.RateQuota", "", "cool", "key+model", "Throttling.RateQuota"),
        (429, "Throttling.AllocationQuota", "", "cool", "key", "Throttling.AllocationQuota"),
        (400, "DataInspectionFailed", "", "client", "upstream+model", "content_filter"),
        (
            400,
            "InvalidParameter.DataInspection",
            "bad media",
            "client",
            "upstream+model",
            "InvalidParameter.DataInspection",
        ),
        (
            400,
            "InvalidParameter",
            "Range of input length should be [1, 30720]",
            "cannot",
            "upstream+model",
            "context_length_exceeded",
        ),
        (400, "InvalidParameter", "<400> wrong", "client", "upstream+model", "InvalidParameter"),
        (413, "BadRequest.TooLarge", "", "client", "upstream+model", "BadRequest.TooLarge"),
        (503, "ModelUnavailable", "", "cool", "upstream+model", "ModelUnavailable"),
        (408, "RequestTimeOut", "", "elsewhere", "upstream+model", "RequestTimeOut"),
        (500, "InternalError.Algo", "", "elsewhere", "upstream+model", "InternalError.Algo"),
        (
            500,
            "InternalError.Algo",
            "Range of input length should be",
            "cannot",
            "upstream+model",
            "context_length_exceeded",
        ),
        (500, "", "", "elsewhere", "upstream+model", "error"),
        (400, "New", "Arrearage, InvalidApiKey", "client", "upstream+model", "New"),  # words cost no key
        (302, "", "", "elsewhere", "upstream+model", "error"),
        (405, "", "", "elsewhere", "upstream+model", "error"),
    ],
)
def test_classes(status, code, message, means, scope, told):
    failure = fail(status, code, message)
    assert (failure.kind, failure.scope, failure.code) == (means, scope, told)
    assert (failure.status, failure.message) == (status, message)


@pytest.mark.parametrize(
    ("message", "param"), [("Range of max_tokens should be [1, 8192]", "max_tokens"), ("something else", None)]
)
def test_the_parameter_at_fault(message, param):
    assert fail(400, "InvalidParameter", message).param == param


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
    assert fail(429, "Throttling", **headers).seconds == (20.0 if seconds is None else seconds)
    assert fail(500, "InternalError", **headers).seconds == (seconds or 0.0)
    assert fail(401, "InvalidApiKey", **headers).seconds == 0.0


def test_who_asked_for_a_stream_is_refused_in_one():
    body = b'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"Arrearage","message":"Access denied"}\n\n'
    failure = VENDOR.failure(400, {}, body, NOW)
    assert (failure.kind, failure.code, failure.message) == ("disable", "Arrearage", "Access denied")


def test_the_compatible_endpoints_form():
    body = json.dumps({"error": {"code": "invalid_api_key", "message": "Incorrect API key"}}).encode()
    assert VENDOR.failure(400, {}, body, NOW).kind == "disable"


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"code": 1}', b"data:", b"[" * 100_000])
def test_bodies_of_another_form(body):
    assert VENDOR.failure(502, {}, body, NOW).kind == "elsewhere"
    assert VENDOR.failure(401, {}, body, NOW).kind == "disable"
    assert VENDOR.failure(404, {}, body, NOW).kind == "cannot"
    assert VENDOR.failure(400, {}, body, NOW).kind == "client"
