"""The error tree: codes and words of the contract, both error shapes."""

from __future__ import annotations

import json

import pytest

from tornadogw import errors

CONTRACT = {
    1001: {400},
    1002: {400, 404, 405, 408, 413, 415},
    1003: {400},
    2001: {401},
    2002: {402},
    2003: {402},
    2004: {429},
    4001: {503},
    5000: {500, 503},
}
SEED = {
    errors.MissingInput: "缺少prompt或messages参数",
    errors.InvalidRequest: "请求格式错误",
    errors.ModelMismatch: "模型类型不匹配",
    errors.InvalidKey: "API Key无效或已禁用",
    errors.InsufficientBalance: "余额不足,请充值后重试",
    errors.DailyLimit: "订阅日限额已达",
    errors.RateLimited: "请求过于频繁",
    errors.NoUpstream: "无可用上游模型",
    errors.InternalError: "服务器内部错误",
}


def told_to_clients():
    kinds = (getattr(errors, name) for name in errors.__all__)
    return [kind for kind in kinds if issubclass(kind, errors.GatewayError)]


def test_codes_and_statuses_are_the_contracts():
    found = {}
    for kind in told_to_clients():
        found.setdefault(kind.code, set()).add(kind.status)
    assert found == CONTRACT


@pytest.mark.parametrize(("kind", "words"), SEED.items())
def test_the_seeds_words(kind, words):
    assert kind().message("zh") == words


def test_slugs_tell_errors_apart():
    slugs = [kind.slug for kind in told_to_clients() if kind is not errors.GatewayError]
    assert len(slugs) == len(set(slugs))


def test_quota_is_never_429():
    assert errors.InsufficientBalance.status == 402
    assert errors.InsufficientBalance.type == "insufficient_quota"


def test_the_envelope_has_both_shapes():
    error = errors.InvalidRequest(zh="温度", en="temperature", param="temperature")
    assert json.dumps(error.envelope("en")) == json.dumps(
        {
            "code": 1002,
            "message": "Invalid request: temperature",
            "data": None,
            "error": {
                "message": "Invalid request: temperature",
                "type": "invalid_request_error",
                "param": "temperature",
                "code": "invalid_request",
            },
        }
    )
    assert error.envelope("zh")["message"] == "请求格式错误: 温度"


def test_inside_a_stream_error_is_the_first_key():
    event = errors.NoUpstream().in_band("en")
    assert list(event) == ["error", "code", "message"]
    assert event["error"]["message"] == event["message"] == "No upstream could answer"


@pytest.mark.parametrize(("given", "language", "detail"), [({"zh": "甲"}, "en", "甲"), ({"en": "a"}, "zh", "a")])
def test_a_detail_in_one_language_serves_both(given, language, detail):
    assert errors.NoUpstream(**given).message(language).endswith(f": {detail}")


def test_what_a_log_line_says():
    assert str(errors.RateLimited(retry_after=3)) == "Too many requests"
    assert str(errors.RateLimited(en="this key")) == "this key"
    assert errors.RateLimited(retry_after=3).retry_after == 3


def test_a_refusal_names_the_parameter():
    cannot = errors.Cannot("n", "one choice only")
    assert (cannot.param, cannot.why, str(cannot)) == ("n", "one choice only", "n: one choice only")


def test_what_operators_read_is_no_client_error():
    assert issubclass(errors.SettingsError, errors.UsageError)
    assert not issubclass(errors.UsageError, errors.GatewayError)
