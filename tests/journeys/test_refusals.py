"""Every error of the contract's table: status, code, exact envelope, Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.journeys.wire import check_envelope, problem, said, serving
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

JSON = {"Content-Type": "application/json"}
ASK = {"model": "m", **CHAT}
DEAR = {**ASK, "max_tokens": 2_000_000_000}


class Refusal(NamedTuple):
    name: str
    body: Any
    status: int
    code: int
    type: str
    slug: str
    zh: str
    en: str
    headers: Mapping[str, str] = MappingProxyType({})
    answer: Answer = Answer()
    path: str = "/v1/chat/completions"


INVALID = "invalid_request_error"
REFUSALS = [
    Refusal(
        "neither", {}, 400, 1001, INVALID, "missing_input", "缺少prompt或messages参数", "Missing prompt or messages"
    ),
    Refusal(
        "empty",
        {"messages": []},
        400,
        1001,
        INVALID,
        "missing_input",
        "缺少prompt或messages参数: messages 为空",
        "Missing prompt or messages: messages is empty",
    ),
    Refusal(
        "range",
        {**ASK, "temperature": 3},
        400,
        1002,
        INVALID,
        "invalid_request",
        "请求格式错误: temperature 应在 0 到 2 之间",
        "Invalid request: temperature must be between 0 and 2",
    ),
    Refusal(
        "no path",
        ASK,
        404,
        1002,
        INVALID,
        "not_found",
        "接口不存在: /v1/nothing",
        "Unknown path: /v1/nothing",
        path="/v1/nothing",
    ),
    Refusal(
        "wrong verb",
        ASK,
        405,
        1002,
        INVALID,
        "method_not_allowed",
        "请求方法不支持",
        "Method not allowed",
        path="/v1/models",
    ),
    Refusal(
        "media type",
        ASK,
        415,
        1002,
        INVALID,
        "unsupported_media_type",
        "请求体类型不支持: 请使用 application/json",
        "Unsupported media type: send application/json",
        {"Content-Type": "multipart/form-data"},
    ),
    Refusal(
        "too large",
        b"x" * 10_001,
        413,
        1002,
        INVALID,
        "request_too_large",
        "请求体过大: 上限为 10000 字节",
        "The request body is too large: the limit is 10000 bytes",
    ),
    Refusal(
        "content",
        ASK,
        400,
        1002,
        INVALID,
        "content_filter",
        "内容未通过审核: bad words",
        "The content was refused by the content policy: bad words",
        answer=Answer(status=400, headers=JSON, body=problem("bad words", "content_filter")),
    ),
    Refusal(
        "context",
        ASK,
        400,
        1002,
        INVALID,
        "context_length_exceeded",
        "输入超出模型上下文长度: too long",
        "The input exceeds the model's context length: too long",
        answer=Answer(status=400, headers=JSON, body=problem("too long", "context_length_exceeded")),
    ),
    Refusal(
        "model",
        {**CHAT, "model": "gpt-none"},
        400,
        1003,
        INVALID,
        "model_mismatch",
        "模型类型不匹配: 模型 gpt-none 不存在",
        "The model does not exist, is not allowed or cannot do this: unknown model gpt-none",
    ),
    Refusal(
        "key",
        ASK,
        401,
        2001,
        "authentication_error",
        "invalid_api_key",
        "API Key无效或已禁用",
        "The API key is invalid or disabled",
        {"X-API-Key": "sk-wrong"},
    ),
    Refusal(
        "balance",
        DEAR,
        402,
        2002,
        "insufficient_quota",
        "insufficient_balance",
        "余额不足,请充值后重试",
        "Insufficient balance, please top up and try again",
    ),
    Refusal(
        "upstream",
        ASK,
        503,
        4001,
        "server_error",
        "no_upstream",
        "无可用上游模型: m: failed",
        "No upstream could answer: m: failed",
        answer=Answer(status=500, headers=JSON, body=problem()),
    ),
]
LANGUAGES = [
    ({}, "zh"),
    ({"Accept-Language": "*"}, "zh"),
    ({"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}, "zh"),
    ({"Accept-Language": "fr"}, "zh"),
    ({"Accept-Language": ";;;,q=,en;q=nonsense"}, "zh"),
    ({"Accept-Language": "en"}, "en"),
    ({"Accept-Language": "en-US,en;q=0.9"}, "en"),
    ({"Accept-Language": "fr, en;q=0.5, zh;q=0.4"}, "en"),
    ({"Accept-Language": "zh;q=0.1, en;q=0.2"}, "en"),
]
TOP = "[server]\nmax_body_bytes = 10000\n[limits]\nkey_per_minute = 10000\nip_per_minute = 10000\n"


async def test_every_refusal_says_the_same_in_every_place(start):
    async with FakeUpstream() as upstream, start(serving(upstream.url, top=TOP)) as gateway:
        for case in REFUSALS:
            for language in ("zh", "en"):
                upstream.play(case.answer)
                headers = {"Accept-Language": language, **case.headers}
                async with gateway.post(case.path, case.body, headers=headers) as response:
                    body = await response.json()
                    place = (case.name, language, body)
                    assert response.status == case.status, place
                    words = case.zh if language == "zh" else case.en
                    param = body["error"]["param"]
                    error = {"message": words, "type": case.type, "param": param, "code": case.slug}
                    assert body == {"code": case.code, "message": words, "data": None, "error": error}, place
                    assert param is None or isinstance(param, str), place
                    assert response.headers["Content-Type"] == "application/json; charset=utf-8", place
                    assert response.headers["X-Request-Id"], place
                    assert response.headers["Access-Control-Allow-Origin"] == "*", place
                    assert int(response.headers["x-ratelimit-limit-requests"]) == 10_000, place


async def test_the_language_is_the_clients_or_the_setting(start):
    async with start() as gateway:
        for headers, expected in LANGUAGES:
            _, body = await gateway.ask({}, headers=headers)
            assert ("缺少" in check_envelope(body, 1001)) is (expected == "zh"), headers
    async with start('[server]\nlanguage = "en"') as gateway:
        for headers, expected in [({}, "en"), ({"Accept-Language": "*"}, "en"), ({"Accept-Language": "zh"}, "zh")]:
            _, body = await gateway.ask({}, headers=headers)
            assert ("缺少" in check_envelope(body, 1001)) is (expected == "zh"), headers


async def test_the_first_that_applies_in_the_contracts_order(start):
    """IP limit, key, key's limit, size, JSON, mode, model, money: each case has its own fault and all later ones."""
    top = "[server]\nmax_body_bytes = 10000\n[limits]\nkey_per_minute = 8\nip_per_minute = 10\n"
    async with (
        FakeUpstream(Answer(body=said("hi"))) as upstream,
        start(serving(upstream.url, top=top), credit="0.0001") as gateway,
    ):
        bad_key = {"X-API-Key": "sk-wrong"}
        large, no_json = b"x" * 20_000, b"{"
        cases = [
            (large, bad_key, 401),
            (large, {}, 413),
            (no_json, {}, 400),
            ({"model": "unknown", "max_tokens": 10**9}, {}, 1001),
            ({"model": "unknown", "max_tokens": 0, **CHAT}, {}, 1002),
            ({**CHAT, "model": "unknown", "max_tokens": 10**9}, {}, 1003),
            ({**DEAR}, {}, 2002),
            ({**ASK, "max_tokens": 10}, {}, 0),
            ({**ASK, "max_tokens": 10}, {}, 0),
            (large, {}, 2004),
        ]
        for number, (body, headers, expected) in enumerate(cases):
            status, answer = await gateway.ask(body, headers=headers)
            assert expected in (status, answer.get("code", 0)), (number, answer)
        status, answer = await gateway.ask(large, headers=bad_key)
        assert status == 429, "the address comes before the key"
        check_envelope(answer, 2004)
        assert len(upstream.requests) == 2
