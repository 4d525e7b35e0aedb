"""Whose fault an error is, for how long, and who may still answer."""

from __future__ import annotations

import json

import pytest
from tornadogw_gemini import Gemini

VENDOR = Gemini()


def failure(status, message="", code="", *details, now=0.0, **more):
    error = {"code": status, "message": message, "status": code, "details": list(details), **more}
    return VENDOR.failure(status, {}, json.dumps({"error": error}).encode(), now)


def reason(name):
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": name}


def quota(*names):
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name} for name in names]}


def retry(delay):
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


PER_DAY, PER_MINUTE = "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "GenerateRequestsPerMinutePerProjectPerModel"


@pytest.mark.parametrize(
    ("said", "kind", "scope", "seconds"),
    [
        (failure(429, "slow", "RESOURCE_EXHAUSTED", quota(PER_MINUTE), retry("48s")), "cool", "key+model", 48.0),
        (failure(429, "slow", "RESOURCE_EXHAUSTED", retry("0.5s")), "cool", "key+model", 0.5),
        (failure(429, "Please retry in 48.9s.", "RESOURCE_EXHAUSTED"), "cool", "key+model", 48.9),
        (failure(429, "Please retry in 1h2m3s.", "RESOURCE_EXHAUSTED"), "cool", "key+model", 3723.0),
        (failure(429, "Resource exhausted. Please try again later.", ""), "cool", "key+model", 20.0),
        (failure(429, "", "", retry("soon")), "cool", "key+model", 20.0),
        (failure(429, "metric: x, limit: 0, model: y", "", quota(PER_DAY)), "disable", "key+model", 0.0),
        (failure(429, "metric: x, limit: 0.5", ""), "cool", "key+model", 20.0),
        (failure(429, "Your prepayment credits are depleted.", ""), "disable", "key", 0.0),
        (failure(400, "x", "INVALID_ARGUMENT", reason("API_KEY_INVALID")), "disable", "key", 0.0),
        (failure(400, "API key expired. Please renew the API key.", "INVALID_ARGUMENT"), "disable", "key", 0.0),
        (failure(403, "x", "PERMISSION_DENIED", reason("SERVICE_DISABLED")), "disable", "key", 0.0),
        (failure(403, "x", "PERMISSION_DENIED", reason("BILLING_DISABLED")), "disable", "key", 0.0),
        (failure(403, "Your API key was reported as leaked.", "PERMISSION_DENIED"), "disable", "key", 0.0),
        (failure(403, "Permission 'predict' denied on resource", "PERMISSION_DENIED"), "disable", "key+model", 0.0),
        (failure(403, "<html>"), "cool", "key+model", 300.0),
        (failure(401, "invalid credentials", "UNAUTHENTICATED"), "disable", "key", 0.0),
        (failure(404, "models/x is not found", "NOT_FOUND"), "cannot", "upstream+model", 0.0),
        (failure(503, "The model is overloaded.", "UNAVAILABLE"), "cool", "upstream+model", 10.0),
        (failure(503, "", "UNAVAILABLE", retry("3s")), "cool", "upstream+model", 3.0),
        (failure(500, "An internal error", "INTERNAL"), "elsewhere", "upstream+model", 0.0),
        (failure(504, "", "DEADLINE_EXCEEDED"), "elsewhere", "upstream+model", 0.0),
        (
            failure(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"),
            "cool",
            "upstream+model",
            300.0,
        ),
        (failure(400, "Something else", "FAILED_PRECONDITION"), "elsewhere", "upstream+model", 0.0),
        (failure(400, "Invalid value", "INVALID_ARGUMENT"), "client", "upstream+model", 0.0),
        (failure(413, "too large", ""), "client", "upstream+model", 0.0),
    ],
)
def test_classes(said, kind, scope, seconds):
    assert (said.kind, said.scope, said.seconds) == (kind, scope, seconds)


@pytest.mark.parametrize(
    ("now", "seconds"), [(0.0, 8 * 3600), (7 * 3600.0, 3600), (8 * 3600.0, 86400), (9 * 3600.0, 23 * 3600)]
)
def test_a_days_quota_lasts_until_midnight_at_the_pacific(now, seconds):
    """Whatever short delay stands beside it."""
    said = failure(429, "x", "RESOURCE_EXHAUSTED", quota(PER_MINUTE, PER_DAY), retry("3s"), now=86400 * 20000 + now)
    assert (said.kind, said.scope, said.seconds) == ("cool", "key+model", seconds)


def test_the_clients_own_words_disable_nothing():
    quoted = "Invalid JSON payload received. Unknown name \"API key not valid\" at 'tools[0]': Cannot find field."
    assert failure(400, quoted, "INVALID_ARGUMENT").kind == "client"


@pytest.mark.parametrize(
    ("message", "details", "param"),
    [
        ("Invalid value at 'generation_config.temperature' (TYPE_FLOAT)", [], "temperature"),
        ("Invalid value at 'generationConfig.topP'", [], "top_p"),
        ("x", [{"fieldViolations": [{"field": "generation_config.stop_sequences[0]"}]}], "stop"),
        ("x", [{"fieldViolations": [{"field": "tools[0].function_declarations[1].name"}]}], "tools"),
        ("x", [{"fieldViolations": [{"field": "contents[3].parts"}]}], "messages"),
        ("x", [{"fieldViolations": [5, {"field": 5}]}, {"fieldViolations": 5}, 5], None),
        ("no idea", [], None),
    ],
)
def test_the_parameter_is_the_clients(message, details, param):
    said = failure(400, message, "INVALID_ARGUMENT", *details)
    assert (said.kind, said.param) == ("client", param)


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("Multiple candidates is not enabled for this model", "n"),
        ("JSON mode is not enabled for models/gemma-3-27b-it", "response_format"),
        ("Function calling is not enabled for models/gemma-3-27b-it", "tools"),
        ("Telepathy is not supported by the model", None),
    ],
)
def test_what_this_model_lacks_another_may_have(message, param):
    said = failure(400, message, "INVALID_ARGUMENT")
    assert (said.kind, said.code, said.param) == ("cannot", "unsupported", param)


def test_the_context():
    said = failure(
        400,
        "The input token count (1250074) exceeds the maximum number of tokens allowed (1048576).",
        "INVALID_ARGUMENT",
    )
    assert (said.kind, said.code) == ("cannot", "context_length_exceeded")


def test_an_array_of_errors():
    said = VENDOR.failure(429, {}, b'[{"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}}]', 0.0)
    assert (said.kind, said.message) == ("cool", "m")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"5", b'{"error": 5}', b'{"error": {"details": 5, "message": {}}}', b"\xff"]
)
@pytest.mark.parametrize("status", [300, 400, 401, 403, 404, 418, 429, 500, 503, 529])
def test_any_body_gives_a_failure(status, body):
    assert VENDOR.failure(status, {}, body, 0.0).status == status


def test_a_text_for_an_error():
    assert VENDOR.failure(500, {}, b'{"error": "boom"}', 0.0).message == "boom"
