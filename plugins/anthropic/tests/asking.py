"""What the tests of writing share: one request, and what came of it."""

from __future__ import annotations

import json
from typing import Any

from tornadogw_anthropic import Anthropic

from tornadogw import Call, Credential, Draft, UpstreamRequest

VENDOR = Anthropic()
USER = {"role": "user", "content": "hi"}


def write(
    *messages: Any, model: str = "claude-sonnet-4-5", limit: int = 5000, options: Any = None, **params: Any
) -> UpstreamRequest:
    """The request for a client that sent these."""
    draft = Draft(mode="chat", model="m", messages=messages or (USER,), params=params)
    call = Call("r", draft, model, "https://api.example", options or {}, True, limit, None)
    return VENDOR.request(call, Credential("a#1", "sk-ant-1"), 0.0)


def body(*messages: Any, **more: Any) -> dict[str, Any]:
    return json.loads(write(*messages, **more).body)
