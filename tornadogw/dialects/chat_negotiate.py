"""What a client wants that its body does not say: SSE or JSON (contract.md, the five steps), Chinese or English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

__all__ = ["JSON_CLIENTS", "prefers", "wants_stream"]

JSON_CLIENTS = r"(^|\s)(OpenAI/|AsyncOpenAI/|_ModuleClient/|ai/\d|ai-sdk|litellm/)"
"""`User-Agent`s that crash on SSE they did not ask for (clients.md section 2)."""


def wants_stream(
    explicit: bool | None,
    headers: Mapping[str, str],
    key_default: bool | None,
    *,
    under_prefix: bool,
    json_clients: re.Pattern[str],
) -> bool:
    """The five steps of contract.md. `headers` look names up without regard to case."""
    if explicit is not None:
        return explicit
    accept = headers.get("Accept", "").lower()
    if "text/event-stream" in accept:
        return True
    if "application/json" in accept or _is_sdk(headers, json_clients):
        return False
    if key_default is not None:
        return key_default
    return under_prefix


def _is_sdk(headers: Mapping[str, str], json_clients: re.Pattern[str]) -> bool:
    if "X-OpenAI-Client-User-Agent" in headers or "X-Stainless-Lang" in headers:
        return True
    if json_clients.search(headers.get("User-Agent", "")):
        return True
    return any(name.lower().startswith("x-stainless-") for name in headers)


def prefers(accept_language: str, default: Literal["zh", "en"]) -> Literal["zh", "en"]:
    """`zh` or `en`, whichever `Accept-Language` weighs higher; the default for `*`, for neither and for nonsense."""
    weights: dict[str, float] = {}
    for item in accept_language.split(",")[:32]:
        tag, _, options = item.partition(";")
        language = tag.strip().lower().split("-")[0]
        if language in ("zh", "en"):
            weights[language] = max(weights.get(language, 0.0), _weight(options))
    zh, en = weights.get("zh", 0.0), weights.get("en", 0.0)
    if zh == en:
        return default if zh == 0 or not weights else _first(accept_language, default)
    return "zh" if zh > en else "en"


def _first(accept_language: str, default: Literal["zh", "en"]) -> Literal["zh", "en"]:
    found = re.search(r"(?:^|,)\s*(zh|en)\b", accept_language.lower())
    if not found:
        return default
    return "zh" if found.group(1) == "zh" else "en"


def _weight(options: str) -> float:
    name, _, value = options.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
