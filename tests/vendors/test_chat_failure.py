"""Errors of every shape, and whose fault they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.types import Failure
from tornadogw.vendors.chat_failure import broken, classify, failure_of, problem_in
from tornadogw.vendors.rows import load

PROFILES = {row.name: row.profile for row in load()}
NOW = 1_790_000_000.0


def failure(vendor, status, body, headers=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return failure_of(PROFILES[vendor], status, headers or {}, raw, NOW)


def error(message="", **rest):
    return {"error": {"message": message, **rest}}


KEY, BILLING = ("disable", "key"), ("disable", "key")
RATE, OVERLOADED = ("cool", "key+model"), ("cool", "upstream+model")
BARRED = RATE
CLIENT, CANNOT, ELSEWHERE = ("client", "upstream+model"), ("cannot", "upstream+model"), ("elsewhere", "upstream+model")


@pytest.mark.parametrize(
    ("vendor", "status", "body", "right"),
    [
        # keys
        ("openai", 401, error("Incorrect API key provided", code="invalid_api_key"), KEY),
        ("xai", 400, {"code": "invalid-argument", "error": "Incorrect API key provided: sk-***"}, KEY),
        ("zhipu", 401, error("令牌已过期或验证不正确", code="1002"), KEY),
        ("moonshot", 401, error("Invalid Authentication", type="invalid_authentication_error"), KEY),
        ("qwen", 403, error("Access denied"), BARRED),
        ("qwen", 403, error("Access denied", type="permission_error"), KEY),
        ("openai", 403, error("No.", code=403, status="PERMISSION_DENIED"), KEY),
        ("openai", 400, [error("API key not valid.", code=400, details=[{"reason": "API_KEY_INVALID"}])], KEY),
        ("openai", 400, error("API key not valid. Please pass a valid API key."), KEY),
        ("mistral", 401, {"detail": "Unauthorized"}, KEY),
        # money
        ("deepseek", 402, error("Insufficient Balance", code="invalid_request_error", type="unknown_error"), BILLING),
        ("qwen", 400, error("Access denied, your account", code="Arrearage"), BILLING),
        ("ark", 403, error("overdue", code="AccountOverdueError"), BILLING),
        ("zhipu", 429, error("您的账户已欠费", code="1113"), BILLING),
        ("openai", 429, error("You exceeded your current quota", code="insufficient_quota"), BILLING),
        ("moonshot", 429, error("quota", type="exceeded_current_quota_error"), BILLING),
        ("openrouter", 402, error("Insufficient credits", code=402), BILLING),
        ("openai", 400, error("Your credit balance is too low to access the API."), BILLING),
        ("xai", 403, error("Your newly created team doesn't have any credits yet."), BARRED),
        ("xai", 429, error("Your newly created team doesn't have any credits yet."), BILLING),
        # rates and overload
        ("openai", 429, error("Rate limit reached", type="tokens", code="rate_limit_exceeded"), RATE),
        ("ark", 429, error("rpm", code="RateLimitExceeded.EndpointRPMExceeded"), RATE),
        ("qwen", 429, error("too fast", code="Throttling.RateQuota"), RATE),
        ("zhipu", 429, error("并发", code="1302"), RATE),
        ("siliconflow", 429, b"Request was rejected due to rate limiting", RATE),
        ("moonshot", 429, error("The engine is currently overloaded", type="engine_overloaded_error"), OVERLOADED),
        ("ark", 429, error("busy", code="ServerOverloaded"), OVERLOADED),
        ("llamacpp", 503, error("Loading model", code=503, type="unavailable_error"), OVERLOADED),
        ("openai", 529, b"", OVERLOADED),
        # models, contexts, policies
        ("deepseek", 400, error("Model Not Exist", code="invalid_request_error"), CANNOT),
        ("azure", 404, error("The API deployment does not exist.", code="DeploymentNotFound"), CANNOT),
        ("ark", 404, error("no such endpoint", code="InvalidEndpointOrModel.NotFound"), CANNOT),
        ("openai", 403, error("Project does not have access to model `o3`", code="model_not_found"), CANNOT),
        ("vllm", 404, b"404 page not found", CANNOT),
        ("deepseek", 400, error("This model's maximum context length is 65536 tokens."), CANNOT),
        ("llamacpp", 400, error("too big", type="exceed_context_size_error", n_ctx=512), CANNOT),
        ("groq", 413, error("Request too large", code="rate_limit_exceeded"), CANNOT),
        ("azure", 429, error("The input exceeds this model's maximum context length"), CANNOT),
        ("qwen", 400, error("Output data may contain inappropriate content.", code="data_inspection_failed"), CLIENT),
        ("zhipu", 400, error("系统检测到输入或生成内容可能包含不安全或敏感内容", code="1301"), CLIENT),
        ("moonshot", 400, error("The request was rejected", type="content_filter"), CLIENT),
        # the rest
        ("openai", 400, error("Unknown parameter: 'foo'.", code="unknown_parameter", param="foo"), CLIENT),
        ("openai", 422, b"", CLIENT),
        ("openai", 413, b"", CLIENT),
        ("groq", 400, error("no call", code="tool_use_failed"), ELSEWHERE),
        ("openai", 500, error("The server had an error", type="server_error"), ELSEWHERE),
        ("openai", 502, b"<html><h1>502 Bad Gateway</h1>", ELSEWHERE),
        ("openai", 403, b"<!doctype html>Attention Required!", ELSEWHERE),
        ("perplexity", 401, b"<html><h1>401 Authorization Required</h1>", KEY),
        *(("openai", status, error("No."), ELSEWHERE) for status in (405, 406, 407, 408, 409, 410, 411, 415, 417, 418)),
        *(("openai", status, error("No."), ELSEWHERE) for status in (421, 425, 426, 428, 431, 451, 498, 499)),
        ("openai", 406, error("Too long.", code="context_length_exceeded"), CANNOT),
        ("vllm", 422, error("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9 `inputs` tokens"), CANNOT),
        ("openai", 424, b"", ELSEWHERE),
        ("openai", 302, b"", ELSEWHERE),
    ],
)  # fmt: skip
def test_the_table(vendor, status, body, right):
    told = failure(vendor, status, body)
    assert (told.kind, told.scope) == right
    assert told.status == status
    assert told.code


@pytest.mark.parametrize(
    ("vendor", "body", "code"),
    [
        ("azure", error("filtered", code="content_filter"), "content_filter"),
        (
            "azure",
            error("filtered", code="BadRequest", innererror={"code": "ResponsibleAIPolicyViolation"}),
            "content_filter",
        ),
        ("openai", error("too long", code="context_length_exceeded"), "context_length_exceeded"),
        ("mistral", {"object": "error", "message": "Invalid model: x", "code": "1500"}, "model_not_found"),
        ("openai", error("bad", code="unsupported_value"), "unsupported_value"),
        ("openai", error("bad"), "client"),
    ],
)  # fmt: skip
def test_the_code_is_the_cores_word_where_it_acts_on_it(vendor, body, code):
    assert failure(vendor, 400, body).code == code


COSTLY = [
    words
    for words, found in PROFILES["siliconflow"].words.items()
    if found in ("key", "billing", "quota", "rate", "overloaded")
]
OPENINGS = list(PROFILES["xai"].openings)
ECHOES = [
    "Invalid value: '{}'. Supported values are: 'none', 'auto' and 'required'.",
    'tool_choice: "{}" is not one of ["none", "auto"]',
    "Failed to deserialize the JSON body: unknown variant `{}`, expected `auto`",
    "参数错误:“{}”",
    "Unknown tool choice {}",
    "tool_choice is {}. Please retry in 9h",
]


@pytest.mark.parametrize("vendor", ["openai", "xai", "siliconflow"])
@pytest.mark.parametrize("echo", ECHOES)
def test_a_client_disables_nothing_with_words_that_are_said_back(vendor, echo):
    for words in [*COSTLY, *OPENINGS]:
        for said in (words, f"{words}: x", f"x' \" ` {words} x", f"x' {words} 'y", words.title()):
            message = echo.format(said)
            shapes = [
                error(message),
                error(message, type="invalid_request_error", param="tool_choice", code=None),
                {"object": "error", "message": message, "type": "BadRequestError", "code": 400},
                {"code": "invalid-argument", "error": message},
                {"detail": [{"loc": ["body", "tool_choice"], "msg": message, "input": said}]},
                error("Provider returned error", code=400, metadata={"raw": message}),
                message.encode(),
            ]
            for status in (400, 404, 422):
                for shape in shapes:
                    told = failure(vendor, status, shape)
                    assert told.kind in ("client", "cannot"), (status, shape, told)
            for shape in shapes[:4]:
                assert classify(PROFILES[vendor], problem_in(shape), 0, {}, NOW).kind in ("client", "elsewhere")


@pytest.mark.parametrize("echo", ECHOES[:4])
@pytest.mark.parametrize(
    "said", ["{}", "x' {} 'y", 'x" {} "y', "` {} `", "x' {}", "{}" + " x" * 4000, "é" * 3000 + "' {}"]
)
def test_quoted_words_count_with_no_status(echo, said):
    for words in COSTLY:
        message = echo.format(said.format(words))
        for status, right in ((500, ELSEWHERE), (503, ELSEWHERE), (429, RATE), (403, BARRED)):
            for body in (error(message), message.encode()):
                told = failure("siliconflow", status, body)
                assert (told.kind, told.scope) == right, (status, body, told)


def test_harmless_words_in_quotes_count_neither():
    assert failure("openai", 400, error("Invalid value: 'content policy'")).code == "client"
    assert failure("openai", 400, error("The model's 'x' is wrong: the maximum context length is 7")).kind == "cannot"


def test_words_around_quotes_count_where_they_may():
    assert failure("openai", 503, error("Model 'x' is overloaded")).kind == "cool"
    assert failure("openai", 503, error("This model's servers aren't up: it's overloaded")).kind == "cool"


def test_an_opening_counts_at_the_beginning_and_for_no_parameter():
    assert failure("xai", 400, error("Incorrect API key provided: sk")).kind == "disable"
    assert failure("xai", 400, error("Incorrect API key provided: sk", param="tool_choice")).kind == "client"
    assert failure("xai", 400, error("Say: incorrect API key provided")).kind == "client"
    assert failure("openai", 400, error("Incorrect API key provided: sk")).kind == "client"


def test_waits():
    assert failure("openai", 429, b"", {"retry-after": "7"}).seconds == 7
    assert failure("openai", 429, b"").seconds == 20
    assert failure("openai", 529, b"").seconds == 10
    assert failure("openai", 403, b"").seconds == 300
    assert failure("openai", 503, error("Invalid value: 'retry in 9h'")).seconds == 0
    assert failure("openai", 503, b"", {"retry-after": "4"}) == Failure(
        "elsewhere", seconds=4, code="retry", message="", status=503
    )
    quota = error("You exceeded your current quota", code="insufficient_quota")
    assert failure("openai", 429, quota, {"retry-after": "5"}).kind == "disable"
    assert failure("openai", 429, quota, {"retry-after": "900"}).seconds == 900
    assert failure("openai", 401, b"", {"retry-after": "5"}).seconds == 0


def test_a_refused_default_of_ours_is_named():
    told = failure("vllm", 400, error("'temperature' does not support 0.7 with this model"))
    assert told.param == "temperature"
    assert failure("openai", 400, error("no", param="max_tokens")).param == "max_tokens"
    assert failure("openai", 500, error("temperature too high in the machine room")).param is None


@pytest.mark.parametrize(
    ("body", "message", "codes", "status"),
    [
        (error("m", code="c", type="t"), "m", ("c", "t"), 0),
        (error("m", code=429, metadata={"raw": "limited upstream"}), "m limited upstream", (), 429),
        ({"error": {"message": "m", "code": "x"}, "status_code": 1}, "m", ("x",), 0),
        ({"error": {"message": "m", "status_code": 400}}, "m", (), 400),
        ({"error": "m", "code": "c"}, "m", ("c",), 0),
        ({"error": ["a"]}, '["a"]', (), 0),
        ({"base_resp": {"status_code": 1008, "status_msg": "no balance"}}, "no balance", ("1008",), 0),
        ({"code": 20012, "message": "Model does not exist", "data": None}, "Model does not exist", ("20012",), 0),
        ({"detail": [{"msg": "field required"}]}, '[{"msg":"field required"}]', (), 0),
        ([{"error": {"message": "m"}}], "m", (), 0),
        ({"error": {"message": {"text": "m"}}}, '{"text":"m"}', (), 0),
    ],
)  # fmt: skip
def test_every_shape_of_an_error(body, message, codes, status):
    problem = problem_in(body)
    assert problem is not None
    assert (problem.message, problem.codes, problem.status) == (message, codes, status)


@pytest.mark.parametrize(
    "body",
    [
        {},
        None,
        [],
        "error",
        {"error": None, "choices": []},
        {"error": {}},
        {"choices": [], "message": "x", "code": 1},
        {"base_resp": {"status_code": 0}, "choices": []},
        {"message": "hello"},
    ],
)
def test_what_is_no_error(body):
    assert problem_in(body) is None


def test_broken_answers_are_tried_elsewhere():
    assert broken("truncated", "cut") == Failure("elsewhere", code="truncated", message="cut")


@given(st.sampled_from(sorted(PROFILES)), st.integers(300, 999), st.binary(max_size=200))
def test_any_bytes_are_a_failure(vendor, status, body):
    assert isinstance(failure(vendor, status, body), Failure)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from("error message code type status metadata raw param base_resp detail".split()), inner
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_a_failure(body):
    assert isinstance(failure("openai", 400, body), Failure)
