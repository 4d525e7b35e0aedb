"""The one error tree. Each class has its HTTP status, contract code, `error.type`, `error.code` and its words.

    GatewayError
    ├── InvalidRequest 1002          ├── MissingInput 1001        ├── InvalidKey 2001
    │   ├── UnknownPath, WrongMethod ├── ModelMismatch 1003       ├── InsufficientBalance 2002
    │   ├── BodyTooSlow, BodyTooLarge├── NoUpstream 4001          ├── DailyLimit 2003
    │   ├── WrongMediaType           └── InternalError 5000       ├── RateLimited 2004
    │   ├── ContentRefused               └── Unavailable
    │   └── ContextTooLong

Vendors and plugins raise `Cannot`, `Refused` and `Unreadable`; the core turns them into one of the above.
The source of codes and words is contract.md and the seed document.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "BodyTooLarge",
    "BodyTooSlow",
    "Cannot",
    "Conflict",
    "ContentRefused",
    "ContextTooLong",
    "DailyLimit",
    "GatewayError",
    "InsufficientBalance",
    "InternalError",
    "InvalidKey",
    "InvalidRequest",
    "MissingInput",
    "ModelMismatch",
    "NoUpstream",
    "NotAllowed",
    "NotThere",
    "RateLimited",
    "Refused",
    "SettingsError",
    "Unavailable",
    "UnknownPath",
    "Unreadable",
    "UsageError",
    "WrongMediaType",
    "WrongMethod",
]


class GatewayError(Exception):
    """An answer in the contract's words.

    `zh` and `en` add detail to the class's own sentence; `retry_after` is whole seconds.
    """

    status: ClassVar[int] = 500
    code: ClassVar[int] = 5000
    type: ClassVar[str] = "server_error"
    slug: ClassVar[str] = "internal_error"
    words: ClassVar[tuple[str, str]] = ("服务器内部错误", "Internal server error")

    def __init__(self, *, zh: str = "", en: str = "", param: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(en or self.words[1])
        self.zh, self.en, self.param, self.retry_after = zh, en, param, retry_after

    def message(self, language: str) -> str:
        """The sentence for a reader of `language`: `zh` or `en`."""
        base, detail = (self.words[0], self.zh or self.en) if language == "zh" else (self.words[1], self.en or self.zh)
        return f"{base}: {detail}" if detail else base

    def envelope(self, language: str) -> dict[str, Any]:
        """The body: the seed's envelope and an error object side by side. `error` is last, `code` first."""
        text = self.message(language)
        return {"code": self.code, "message": text, "data": None, "error": self.error_object(text)}

    def in_band(self, language: str) -> dict[str, Any]:
        """The body of an error event inside a stream: `error` is the first key (clients.md section 4)."""
        text = self.message(language)
        return {"error": self.error_object(text), "code": self.code, "message": text}

    def error_object(self, text: str) -> dict[str, Any]:
        return {"message": text, "type": self.type, "param": self.param, "code": self.slug}


class MissingInput(GatewayError):
    status, code, type, slug = 400, 1001, "invalid_request_error", "missing_input"
    words = ("缺少prompt或messages参数", "Missing prompt or messages")


class InvalidRequest(GatewayError):
    status, code, type, slug = 400, 1002, "invalid_request_error", "invalid_request"
    words = ("请求格式错误", "Invalid request")


class UnknownPath(InvalidRequest):
    status, slug = 404, "not_found"
    words = ("接口不存在", "Unknown path")


class WrongMethod(InvalidRequest):
    status, slug = 405, "method_not_allowed"
    words = ("请求方法不支持", "Method not allowed")


class BodyTooSlow(InvalidRequest):
    status, slug = 408, "request_timeout"
    words = ("请求体接收超时", "The request body did not arrive in time")


class BodyTooLarge(InvalidRequest):
    status, slug = 413, "request_too_large"
    words = ("请求体过大", "The request body is too large")


class WrongMediaType(InvalidRequest):
    status, slug = 415, "unsupported_media_type"
    words = ("请求体类型不支持", "Unsupported media type")


class ContentRefused(InvalidRequest):
    slug = "content_filter"
    words = ("内容未通过审核", "The content was refused by the content policy")


class ContextTooLong(InvalidRequest):
    slug = "context_length_exceeded"
    words = ("输入超出模型上下文长度", "The input exceeds the model's context length")


class ModelMismatch(GatewayError):
    status, code, type, slug = 400, 1003, "invalid_request_error", "model_mismatch"
    words = ("模型类型不匹配", "The model does not exist, is not allowed or cannot do this")


class InvalidKey(GatewayError):
    status, code, type, slug = 401, 2001, "authentication_error", "invalid_api_key"
    words = ("API Key无效或已禁用", "The API key is invalid or disabled")


class InsufficientBalance(GatewayError):
    status, code, type, slug = 402, 2002, "insufficient_quota", "insufficient_balance"
    words = ("余额不足,请充值后重试", "Insufficient balance, please top up and try again")


class DailyLimit(GatewayError):
    status, code, type, slug = 402, 2003, "insufficient_quota", "daily_limit_reached"
    words = ("订阅日限额已达", "The daily limit of the subscription is used up")


class RateLimited(GatewayError):
    status, code, type, slug = 429, 2004, "rate_limit_error", "rate_limit_exceeded"
    words = ("请求过于频繁", "Too many requests")


class NoUpstream(GatewayError):
    status, code, type, slug = 503, 4001, "server_error", "no_upstream"
    words = ("无可用上游模型", "No upstream could answer")


class InternalError(GatewayError):
    """A bug of ours; the message never says more, the request id finds the log line."""


class Unavailable(InternalError):
    """A dependency of ours is away: 503 with `Retry-After`."""

    status, slug = 503, "temporarily_unavailable"
    words = ("服务暂时不可用,请稍后重试", "Temporarily unavailable, please try again shortly")


# --- raised by vendors and plugins, told to clients by the core -----------------------------------------------------


class Cannot(Exception):
    """A vendor cannot write this request: another route may. `param` names what it cannot do."""

    def __init__(self, param: str, why: str) -> None:
        super().__init__(f"{param}: {why}")
        self.param, self.why = param, why


class Refused(Exception):
    """A plugin refuses this request; the message goes to the client as 400 / 1002."""


class Unreadable(ValueError):
    """Bytes of an upstream that do not have the vendor's form."""


# --- told to operators ---------------------------------------------------------------------------------------------


class UsageError(Exception):
    """What somebody asked cannot be done; the sentence says what to do instead. Never a stack trace.

    `zh`: the same for readers of Chinese; `field`: which of what they gave is wrong, for a form to show it there.
    """

    def __init__(self, text: str, *, zh: str = "", field: str = "") -> None:
        super().__init__(text)
        self.zh, self.field = zh, field

    def message(self, language: str) -> str:
        """The sentence for a reader of `language`: `zh` or `en`."""
        return self.zh if language == "zh" and self.zh else str(self)


class NotThere(UsageError):
    """What was named does not exist."""


class Conflict(UsageError):
    """It is there already, or has changed meanwhile."""


class NotAllowed(UsageError):
    """Who asks has not the right to it."""


class SettingsError(UsageError):
    """A setting is wrong: names the key, its file and what would be right."""
