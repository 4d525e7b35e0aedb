"""The five steps of contract.md, on the headers that real clients send (clients.md, sections 1 and 2)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httputil import HTTPHeaders

from tornadogw.dialects.chat_negotiate import JSON_CLIENTS, prefers, wants_stream

PATTERN = re.compile(JSON_CLIENTS)
SDK = {"Accept": "application/json", "User-Agent": "OpenAI/Python 3.54.0", "X-Stainless-Lang": "python"}


def ask(explicit=None, key=None, prefix=True, **headers):
    named = HTTPHeaders({name.replace("_", "-"): value for name, value in headers.items()})
    return wants_stream(explicit, named, key, under_prefix=prefix, json_clients=PATTERN)


@pytest.mark.parametrize("explicit", [True, False])
def test_an_explicit_boolean_always_wins(explicit):
    for headers in (SDK, {"Accept": "text/event-stream"}, {}):
        assert (
            wants_stream(explicit, HTTPHeaders(headers), not explicit, under_prefix=not explicit, json_clients=PATTERN)
            is explicit
        )


def test_accept_decides_next():
    assert ask(Accept="text/event-stream", key=False, prefix=False) is True
    assert ask(Accept="application/json, text/event-stream", prefix=False) is True
    assert ask(Accept="application/json", key=True) is False


@pytest.mark.parametrize(
    "headers",
    [
        SDK,
        {"Accept": "*/*", "User-Agent": "OpenAI/v1 PythonBindings/0.28.1", "X-OpenAI-Client-User-Agent": "{}"},
        {"Accept": "*/*", "User-Agent": "ai/7.0.173 ai-sdk-provider-utils/4.0.9 runtime/node.js/22"},
        {"Accept": "*/*", "User-Agent": "ai/6.0.326 ai-sdk/openai-compatible/1.0"},
        {"Accept": "*/*", "User-Agent": "opencode/1.18.33 ai-sdk/openai-compatible/2"},
        {"Accept": "*/*", "User-Agent": "AsyncOpenAI/Python 2.54.0"},
        {"Accept": "*/*", "User-Agent": "_ModuleClient/Python 1.35.0"},
        {"Accept": "*/*", "User-Agent": "litellm/1.106.2"},
        {"Accept": "*/*", "User-Agent": "Agents/Python 0.24.0", "X-Stainless-Retry-Count": "0"},
    ],
)
def test_sdks_that_crash_on_sse_get_json(headers):
    assert wants_stream(None, HTTPHeaders(headers), True, under_prefix=True, json_clients=PATTERN) is False


@pytest.mark.parametrize(
    "agent",
    ["curl/8.5.0", "python-requests/2.32", "python-httpx/0.28", "Python/3.11 aiohttp/3.14", "node", "", "email/1"],
)
def test_others_follow_the_door(agent):
    assert ask(Accept="*/*", User_Agent=agent) is True
    assert ask(Accept="*/*", User_Agent=agent, prefix=False) is False


def test_the_key_decides_before_the_door():
    assert ask(Accept="*/*", key=False) is False
    assert ask(Accept="*/*", key=True, prefix=False) is True


@pytest.mark.parametrize(
    ("header", "default", "language"),
    [
        ("", "zh", "zh"),
        ("", "en", "en"),
        ("*", "zh", "zh"),
        ("*", "en", "en"),
        ("en", "zh", "en"),
        ("en-US,en;q=0.9", "zh", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "en", "zh"),
        ("en;q=0.5,zh;q=0.9", "en", "zh"),
        ("fr,de", "zh", "zh"),
        ("en, zh", "zh", "en"),
        ("zh, en", "en", "zh"),
        ("en;q=0", "zh", "zh"),
        ("en;q=x", "zh", "zh"),
    ],
)
def test_language(header, default, language):
    assert prefers(header, default) == language


@given(st.text())
def test_no_header_breaks_the_choice(header):
    assert prefers(header, "zh") in ("zh", "en")
