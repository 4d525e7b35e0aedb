"""Whose fault each vendor's errors are: the codes and texts of vendor-wire sections 2 and 4, line by line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vendors.oracle import ENGINES
from tornadogw.types import Call, Draft, Failure, Frame, Stop

NOW = 1_790_000_000.0


def fail(vendor: str, status: int, body: Any, **headers: str) -> Failure:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return ENGINES[vendor].failure(status, named, json.dumps(body).encode(), NOW)


def error(message: str = "", **rest: Any) -> dict[str, Any]:
    return {"error": {"message": message, **rest}}


@pytest.mark.parametrize(
    ("vendor", "status", "body"),
    [
        ("openai", 401, error(code="invalid_api_key")),
        ("azure", 401, error("Access denied due to invalid subscription key", code="401")),
        ("deepseek", 401, error("Authentication Fails", type="authentication_error")),
        ("deepseek", 402, error("Insufficient Balance")),
        ("qwen", 401, error(code="invalid_api_key")),
        ("qwen", 400, error(code="Arrearage")),
        *(
            ("zhipu", status, error(code=code))
            for status in (400, 401)
            for code in ("1000", "1001", "1002", "1003", "1004")
        ),
        *(("zhipu", 429, error(code=code)) for code in ("1112", "1113", "1121")),
        ("zai", 429, error(code="1113")),
        ("moonshot", 401, error(type="invalid_authentication_error")),
        ("moonshot", 429, error(type="exceeded_current_quota_error")),
        ("moonshot-ai", 403, error(type="exceeded_current_quota_error")),
        ("ark", 401, error(code="AuthenticationError")),
        ("ark", 403, error(code="AccountOverdueError")),
        ("minimax", 200, {"base_resp": {"status_code": 1004, "status_msg": "auth"}}),
        ("minimax", 200, {"base_resp": {"status_code": 1008, "status_msg": "balance"}}),
        ("openrouter", 402, error("Insufficient credits", code=402)),
        ("xai", 400, {"code": "invalid-argument", "error": "Incorrect API key provided: xa***"}),
        ("mistral", 401, {"detail": "Unauthorized"}),
        ("openai", 429, error(code="insufficient_quota")),
        ("openai", 403, error(type="permission_error")),
        ("openai", 400, error("Your credit balance is too low to access it")),
    ],
)
def test_the_key_is_of_no_use(vendor, status, body):
    failure = fail(vendor, status, body)
    assert (failure.kind, failure.scope) == ("disable", "key")


@pytest.mark.parametrize(
    ("vendor", "body"),
    [
        ("openai", error(code="rate_limit_exceeded")),
        ("openai", error(type="rate_limit_error")),
        ("azure", error(code="RateLimitReached")),
        ("azure", error(code="429")),
        ("qwen", error(code="Throttling.RateQuota")),
        ("qwen", error(code="limit_requests")),
        ("zhipu", error(code="1302")),
        ("zhipu", error(code="1303")),
        ("moonshot", error(type="rate_limit_reached_error")),
        ("ark", error(code="RateLimitExceeded.EndpointRPMExceeded")),
        ("ark", error(code="RateLimitExceeded.EndpointTPMExceeded")),
        ("ark", error(code="EndpointTPMExceeded")),
        ("minimax", {"base_resp": {"status_code": 1002, "status_msg": "rate"}}),
        ("minimax", {"base_resp": {"status_code": 1039, "status_msg": "tpm"}}),
        ("siliconflow", {"message": "rate limiting"}),
        ("openai", error(code=429, status="RESOURCE_EXHAUSTED")),
    ],
)
def test_the_key_rests(vendor, body):
    failure = fail(vendor, 429, body)
    assert (failure.kind, failure.scope, failure.seconds) == ("cool", "key+model", 20.0)
    assert fail(vendor, 429, body, retry_after="7", retry_after_ms="1500").seconds == 1.5
    assert fail(vendor, 429, body, retry_after="7", x_ratelimit_reset_requests="9s").seconds == 7
    assert fail(vendor, 429, body, x_ratelimit_reset_requests="6m0s").seconds == 360
    assert fail(vendor, 429, body, x_ratelimit_reset_tokens="8.64s").seconds == 8.64


@pytest.mark.parametrize(
    ("vendor", "status", "body"),
    [
        ("openai", 529, error()),
        ("openai", 503, error(type="overloaded_error")),
        ("openai", 503, error(code=503, status="UNAVAILABLE")),
        ("moonshot", 429, error("The engine is currently overloaded", type="engine_overloaded_error")),
        ("ark", 429, error(code="ServerOverloaded")),
        ("ark", 503, error(code="ModelNotReadyException")),
        ("zhipu", 429, error(code="1305")),
        ("siliconflow", 503, {"code": 50505, "message": "busy"}),
        ("siliconflow", 503, error("System is too busy now")),
        ("llamacpp", 503, error("Loading model")),
    ],
)
def test_the_model_rests_a_little(vendor, status, body):
    failure = fail(vendor, status, body)
    assert (failure.kind, failure.scope) == ("cool", "upstream+model")
    assert 5 <= failure.seconds <= 30


@pytest.mark.parametrize(
    ("vendor", "status", "body"),
    [
        ("openai", 404, error(code="model_not_found")),
        ("azure", 404, error(code="DeploymentNotFound")),
        ("ark", 404, error(code="InvalidEndpointOrModel.NotFound")),
        ("zhipu", 400, error(code="1211")),
        ("qwen", 403, error(code="AccessDenied.Unpurchased")),
        ("qwen", 403, error(code="Model.AccessDenied")),
        ("siliconflow", 400, {"code": 20012, "message": "Model does not exist", "data": None}),
        ("mistral", 400, {"object": "error", "message": "Invalid model: x", "code": "1500"}),
    ],
)
def test_the_model_is_not_there(vendor, status, body):
    failure = fail(vendor, status, body)
    assert (failure.kind, failure.code) == ("cannot", "model_not_found")


CONTEXTS = [
    ("openai", error(code="context_length_exceeded")),
    ("openai", error("prompt is too long: 3333404 tokens > 200000 maximum")),
    ("openai", error("The input token count (1250074) exceeds the maximum number of tokens allowed (1048576).")),
    ("deepseek", error("This model's maximum context length is 131072 tokens.")),
    ("openrouter", error("This endpoint's maximum context length is 131072 tokens.")),
    ("openai", error("Input Tokens Exceeded")),
    ("openai", error("Input is too long for requested model.")),
    ("perplexity", error(type="too_many_prompt_tokens", code=400)),
    ("llamacpp", error(type="exceed_context_size_error", n_prompt_tokens=9, n_ctx=8)),
    ("moonshot", error("Invalid request: Your request exceeded model token limit: 8192")),
    ("zhipu", error(code="1261")),
]


@pytest.mark.parametrize(("vendor", "body"), CONTEXTS)
@pytest.mark.parametrize("status", [400, 413, 422, 429])
def test_the_prompt_is_too_long_whatever_the_status(vendor, body, status):
    failure = fail(vendor, status, body)
    assert (failure.kind, failure.code) == ("cannot", "context_length_exceeded")


@pytest.mark.parametrize(
    ("vendor", "body"),
    [
        ("azure", error(code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"})),
        ("qwen", error(code="data_inspection_failed")),
        ("qwen", error(code="DataInspectionFailed")),
        ("moonshot", error(type="content_filter")),
        ("zhipu", error(code="1301")),
        ("ark", error(code="InputTextSensitiveContentDetected")),
        ("minimax", {"base_resp": {"status_code": 1026}}),
        ("minimax", {"base_resp": {"status_code": 1027}}),
    ],
)
def test_the_content_is_refused(vendor, body):
    failure = fail(vendor, 400, body)
    assert (failure.kind, failure.code) == ("client", "content_filter")


@pytest.mark.parametrize(
    ("vendor", "status", "body"),
    [
        ("llamacpp", 500, error("tools param requires --jinja flag", code=500, type="server_error")),
        ("llamacpp", 500, error("image input is not supported - hint: provide the mmproj", code=500)),
        ("ollama-openai", 400, error("registry.ollama.ai/library/x does not support tools", type="api_error")),
        ("ollama-openai", 400, error('"x" does not support thinking', type="api_error")),
    ],
)
def test_the_model_cannot_do_it_but_another_may(vendor, status, body):
    failure = fail(vendor, status, body)
    assert (failure.kind, failure.code) == ("cannot", "unsupported")


@pytest.mark.parametrize(
    ("vendor", "status", "body"),
    [
        *(("openai", status, error("No.")) for status in (408, 424, 500, 502, 503, 504)),
        ("groq", 400, error(code="tool_use_failed", failed_generation="x")),
        ("openrouter", 502, error("down", code=502)),
        ("minimax", 200, {"base_resp": {"status_code": 1013}}),
    ],
)
def test_another_may_answer_at_once(vendor, status, body):
    assert fail(vendor, status, body).kind == "elsewhere"


@pytest.mark.parametrize(
    ("vendor", "status", "body"),
    [
        ("openai", 400, error("Unknown parameter", code="unknown_parameter")),
        ("deepseek", 422, error("bad")),
        ("openai", 413, error("large")),
        ("zhipu", 400, error(code="1214")),
        ("minimax", 400, {"base_resp": {"status_code": 2013}}),
        ("mistral", 422, {"detail": [{"msg": "bad"}]}),
    ],
)
def test_the_client_is_at_fault(vendor, status, body):
    assert fail(vendor, status, body).kind == "client"


@pytest.mark.parametrize("words", ["incorrect api key", "invalid authentication"])
def test_a_limit_says_nothing_of_keys(words):
    failure = fail("openai", 429, error(f"Too much. {words}"))
    assert (failure.kind, failure.scope) == ("cool", "key+model")
    assert fail("openai", 401, error(words)).kind == "disable"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 403])
@pytest.mark.parametrize("words", ["invalid api key", "insufficient balance", "exceeded your current quota", "欠费"])
def test_words_of_a_broken_machine_take_no_key_from_everybody(status, words):
    failure = fail("siliconflow", status, error(f"Unknown tool choice {words}"))
    assert (failure.kind, failure.scope, failure.seconds) == ("cool", "key+model", 300.0)


# --- errors inside a 200 ---------------------------------------------------------------------------------------------


def read(vendor: str, *frames: tuple[str, Any], whole: bool = False) -> list[Any]:
    memo = ENGINES[vendor].memo(Call("r", Draft("chat", "m"), "m", "https://a.example"))
    engine = ENGINES[vendor]
    events = [
        event for kind, body in frames for event in engine.read(Frame(json.dumps(body).encode(), kind, whole), memo)
    ]
    return [*events, *engine.end(memo)]


TEXT = {"id": "a", "model": "m", "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]}


def test_a_limit_is_known_by_its_code_alone():
    for vendor, code in (("zhipu", "1302"), ("zhipu", "1303"), ("minimax", "1039"), ("qwen", "Throttling.RateQuota")):
        *_, failure = read(vendor, ("", error("m", code=code)))
        assert (failure.kind, failure.scope) == ("cool", "key+model"), code


@pytest.mark.parametrize(
    ("vendor", "frame", "kind", "code"),
    [
        ("groq", ("error", error("m", code="tool_use_failed", status_code=400)), "elsewhere", "tool_use_failed"),
        ("openrouter", ("", {**TEXT, "error": {"code": 429, "message": "limited"}}), "cool", "rate"),
        ("openrouter", ("", {**TEXT, "error": {"code": 402, "message": "none"}}), "disable", "billing"),
        ("openrouter", ("", {**TEXT, "error": {"code": 503, "message": "none"}}), "elsewhere", "retry"),
        ("minimax", ("", {"base_resp": {"status_code": 1002, "status_msg": "rate"}, "choices": []}), "cool", "1002"),
        ("openai", ("error", error("m", type="server_error")), "elsewhere", "server_error"),
        ("vllm", ("", {"object": "error", "message": "m", "type": "x", "code": 500}), "elsewhere", "x"),
    ],
)
def test_an_error_in_a_stream_ends_it(vendor, frame, kind, code):
    *_, failure = read(vendor, ("", TEXT), frame, ("", TEXT))
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.code) == (kind, code)


@pytest.mark.parametrize(
    ("vendor", "body", "kind", "code"),
    [
        ("azure", error("filtered", code="content_filter", status=400), "client", "content_filter"),
        ("minimax", {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "no"}}, "disable", "1008"),
        ("minimax", {"choices": None, "base_resp": {"status_code": 1039, "status_msg": "no"}}, "cool", "1039"),
        ("siliconflow", {"code": 20012, "message": "no", "data": None}, "cannot", "model_not_found"),
    ],
)
def test_an_error_as_a_whole_answer(vendor, body, kind, code):
    *_, failure = read(vendor, ("", body), whole=True)
    assert (failure.kind, failure.code) == (kind, code)


def test_a_choice_without_a_message_is_filtered():
    body = {"id": "a", "model": "m", "choices": [{"index": 0, "finish_reason": "content_filter"}]}
    assert read("azure", ("", body), whole=True)[-1] == Stop("content_filter")


@pytest.mark.parametrize(
    ("vendor", "reason", "told"),
    [
        ("openai", "function_call", "function_call"),
        ("zhipu", "sensitive", "content_filter"),
        ("qianfan", "sensitive", "content_filter"),
        ("mistral", "model_length", "length"),
        ("together", "eos", "stop"),
        ("ark", "content_filter", "content_filter"),
    ],
)
def test_finish_reasons(vendor, reason, told):
    chunk = {**TEXT, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    assert read(vendor, ("", chunk))[-1] == Stop(told)


@pytest.mark.parametrize(
    ("vendor", "reason"),
    [
        ("zhipu", "network_error"),
        ("deepseek", "insufficient_system_resource"),
        ("openrouter", "error"),
        ("mistral", "error"),
        ("vllm", "abort"),
    ],
)
def test_reasons_that_are_failures(vendor, reason):
    chunk = {**TEXT, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    failure = read(vendor, ("", TEXT), ("", chunk))[-1]
    assert (failure.kind, failure.code) == ("elsewhere", reason)
