"""What is wrong with an upstream, in a sentence that an operator can act on. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from tornadogw.observe import mask
from tornadogw.transport import TransportError
from tornadogw.types import Failure, Value

__all__ = ["Diagnosis", "of_failure", "of_transport", "slow"]

_MONEY = re.compile(r"(?i)balance|billing|quota|credit|arrear|overdue|余额|欠费")
_PAYMENT, _UNAUTHORIZED, _FORBIDDEN, _MISSING, _TOO_MANY = 402, 401, 403, 404, 429
_REDIRECTS = range(300, 400)
_TRANSPORT: Mapping[str, tuple[str, str, str]] = {
    "tls": ("tls", "TLS 连接失败", "TLS fails"),
    "reset": ("broken", "连接中断", "the connection breaks off"),
    "lost": ("broken", "连接中断", "the connection breaks off"),
    "protocol": ("broken", "回答的不是 HTTP,或 base_url 有误", "it does not answer in HTTP, or base_url is wrong"),
}
_UNREACHABLE = ("unreachable", "无法连接,请检查 base_url、网络和代理", "unreachable: check base_url, network and proxy")
_BROKEN: Mapping[str, tuple[str, str, str]] = {
    "unreadable": ("unreadable", "回答无法读取", "the answer cannot be read"),
    "truncated": ("broken", "回答不完整", "the answer is not whole"),
    "empty": ("broken", "回答是空的", "the answer is empty"),
}
_SECRET_SHOWN = 6
"""Characters from which on a secret is looked for in what is shown; shorter ones would blacken common words."""


class Diagnosis(Value, frozen=True):
    """One problem: its name for programs, and the sentence in both languages."""

    problem: str
    """`key`, `balance`, `model`, `rate`, `unreachable`, `tls`, `broken`, `timeout`, `html`, `redirect`, `failing`,
    `unreadable` or `refused`.
    """
    zh: str
    en: str


def of_failure(failure: Failure, model: str, secrets: Iterable[str], now: float, *, page: bool = False) -> Diagnosis:
    """What a failed answer means. `model` is the vendor's name, `page`: the body is HTML, `now` are Unix seconds."""
    problem, zh, en = _meaning(failure, model, now, page=page)
    told = [f"HTTP {failure.status}"] if failure.status else []
    if not page and (words := _words(failure, secrets)):
        told.append(words)
    return Diagnosis(problem, _with(zh, told), _with(en, told))


def of_transport(error: TransportError, secrets: Iterable[str]) -> Diagnosis:
    """Why nothing, or no whole answer, came."""
    problem, zh, en = _TRANSPORT.get(error.kind, _UNREACHABLE)
    told = [_without(str(error), secrets)]
    return Diagnosis(problem, _with(zh, told), _with(en, told))


def slow(seconds: float) -> Diagnosis:
    """Nothing came in time."""
    return Diagnosis("timeout", f"{seconds:g} 秒内没有回答", f"no answer within {seconds:g} s")


def _meaning(failure: Failure, model: str, now: float, *, page: bool) -> tuple[str, str, str]:
    if told := _about_key(failure, model):
        return told
    if page:
        return "html", "回答的是网页而不是 API,请检查 base_url", "answers with a web page, no API: check base_url"
    if failure.status in _REDIRECTS:
        return "redirect", "地址已转移,请更改 base_url", "it redirects elsewhere: change base_url"
    if failure.code == "model_not_found" or failure.status == _MISSING:
        return "model", f"没有模型 {model},或 base_url 有误", f"the model {model} is unknown, or base_url is wrong"
    if failure.kind == "cool" and (failure.status == _TOO_MANY or failure.scope != "upstream+model"):
        until = _clock(now + failure.seconds)
        return "rate", f"请求过多,限流至 {until}", f"rate limited until {until}"
    if failure.kind in ("client", "cannot"):
        return "refused", f"拒绝了对 {model} 的请求", f"refuses the request for {model}"
    return _BROKEN.get(failure.code, ("failing", "上游出错", "the upstream fails"))


def _about_key(failure: Failure, model: str) -> tuple[str, str, str] | None:
    """What the owner of the key has to see to."""
    if _is_money(failure):
        return "balance", "余额或额度不足", "the account has no balance or quota left"
    disabled = failure.scope if failure.kind == "disable" else ""
    if failure.status == _UNAUTHORIZED or disabled == "key":
        return "key", "密钥无效或已停用", "the key is not accepted"
    if disabled == "key+model" or (failure.status == _FORBIDDEN and failure.kind == "cool"):
        return "key", f"密钥无权使用 {model}", f"the key may not use {model}"
    return None


def _is_money(failure: Failure) -> bool:
    """Codes are believed; words only where the status does not speak of the key itself."""
    if failure.status == _PAYMENT or (failure.kind == "disable" and _MONEY.search(failure.code)):
        return True
    speaks = failure.kind == "disable" and failure.status != _UNAUTHORIZED
    return speaks and _MONEY.search(failure.message) is not None


def _clock(moment: float) -> str:
    """Local time; a wait of nonsensical length has no moment."""
    if not math.isfinite(moment):
        return "?"
    try:
        return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):
        return "?"


def _words(failure: Failure, secrets: Iterable[str]) -> str:
    said = failure.message or failure.code
    return mask(_without(said, secrets))


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if len(secret) >= _SECRET_SHOWN:
            text = text.replace(secret, "***")
    return text


def _with(sentence: str, told: list[str]) -> str:
    return f"{sentence} ({', '.join(told)})" if told else sentence
