"""SSE or JSON when the body does not say: the five steps, with the headers that real clients were seen to send."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.running import CHAT, new_key

STAINLESS = {
    "X-Stainless-Lang": "python",
    "X-Stainless-Package-Version": "3.54.0",
    "X-Stainless-OS": "Linux",
    "X-Stainless-Arch": "x64",
    "X-Stainless-Runtime": "CPython",
    "X-Stainless-Async": "false",
    "x-stainless-retry-count": "0",
}
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
NODE = {"accept-language": "*", "sec-fetch-mode": "cors"}


class Client(NamedTuple):
    """Its headers, and what it gets without `stream` under the prefix and under /v1."""

    name: str
    headers: dict[str, str]
    prefix: str
    v1: str = "json"


CLIENTS = [
    Client(
        "openai-python 3.54", {"Accept": "application/json", "User-Agent": "OpenAI/Python 3.54.0", **STAINLESS}, "json"
    ),
    Client(
        "openai-python async",
        {"Accept": "application/json", "User-Agent": "AsyncOpenAI/Python 3.54.0", **STAINLESS},
        "json",
    ),
    Client(
        "openai-python 0.28",
        {"Accept": "*/*", "User-Agent": "OpenAI/v1 PythonBindings/0.28.1", "X-OpenAI-Client-User-Agent": "{}"},
        "json",
    ),
    Client(
        "openai-python 0.28 behind a proxy",
        {"Accept": "*/*", "User-Agent": "proxy/1", "X-OpenAI-Client-User-Agent": "{}"},
        "json",
    ),
    Client("openai CLI", {"Accept": "application/json", "User-Agent": "_ModuleClient/Python 1.35.0"}, "json"),
    Client("openai CLI without Accept", {"Accept": "*/*", "User-Agent": "_ModuleClient/Python 1.35.0"}, "json"),
    Client(
        "openai-node 7", {"Accept": "application/json", "User-Agent": "OpenAI/JS 7.57.0", **NODE, **STAINLESS}, "json"
    ),
    Client(
        "stainless with an agent of its own", {"Accept": "*/*", "User-Agent": "mine", "x-stainless-os": "Linux"}, "json"
    ),
    Client("langchain-js", {"Accept": "application/json", "User-Agent": "langchainjs-openai/1.0.0"}, "json"),
    Client("pydantic-ai", {"Accept": "application/json", "User-Agent": "pydantic-ai/2.68.0"}, "json"),
    Client("openai-agents", {"Accept": "application/json", "User-Agent": "Agents/Python 0.24.0"}, "json"),
    Client("litellm", {"Accept": "*/*", "User-Agent": "litellm/1.106.2"}, "json"),
    Client(
        "AI SDK 7",
        {"Accept": "*/*", "User-Agent": "ai/7.0.173 ai-sdk-provider-utils/5 runtime/node.js/22", **NODE},
        "json",
    ),
    Client("AI SDK 6", {"Accept": "*/*", "User-Agent": "ai/6.0.326 ai-sdk/provider-utils/4", **NODE}, "json"),
    Client("AI SDK openai-compatible", {"Accept": "*/*", "User-Agent": "ai-sdk-openai-compatible/2.0", **NODE}, "json"),
    Client("opencode", {"Accept": "*/*", "User-Agent": "opencode/1.18.33 ai-sdk/provider-utils/4"}, "json"),
    Client("AI SDK in a browser", {"Accept": "*/*", "User-Agent": BROWSER, "Origin": "https://app.example"}, "sse"),
    Client("NextChat", {"Accept": "application/json", "User-Agent": BROWSER}, "json"),
    Client("curl", {"Accept": "*/*", "User-Agent": "curl/8.5.0"}, "sse"),
    Client("requests", {"Accept": "*/*", "User-Agent": "python-requests/2.32.0"}, "sse"),
    Client("httpx", {"Accept": "*/*", "User-Agent": "python-httpx/0.28.0"}, "sse"),
    Client("aiohttp", {"Accept": "*/*", "User-Agent": "Python/3.11 aiohttp/3.14"}, "sse"),
    Client("node fetch", {"Accept": "*/*", "User-Agent": "node", **NODE}, "sse"),
    Client("an agent that only ends like one", {"Accept": "*/*", "User-Agent": "MyOpenAI/1"}, "sse"),
    Client("who asks for events", {"Accept": "text/event-stream", "User-Agent": "codex_exec/1"}, "sse", "sse"),
    Client("who asks for both", {"Accept": "application/json, text/event-stream", "User-Agent": "x"}, "sse", "sse"),
    Client(
        "an SDK that asks for events",
        {"Accept": "text/event-stream", "User-Agent": "OpenAI/Python 3.54.0", **STAINLESS},
        "sse",
        "sse",
    ),
    Client("capitals", {"Accept": "Application/JSON", "User-Agent": "x"}, "json"),
    Client("capitals for events", {"Accept": "Text/Event-Stream", "User-Agent": "x"}, "sse", "sse"),
    Client("JSON among others", {"Accept": "text/html, application/json;q=0.9, */*;q=0.1", "User-Agent": "x"}, "json"),
    Client("no headers at all", {"Accept": "", "User-Agent": ""}, "sse"),
]
KINDS = {"sse": "text/event-stream; charset=utf-8", "json": "application/json; charset=utf-8"}
MANY = "[limits]\nkey_per_minute = 10000\nip_per_minute = 10000\n"


async def kind(gateway: Any, path: str, body: dict[str, Any], headers: dict[str, str]) -> str:
    async with gateway.post(path, body, headers=headers) as response:
        raw = await response.read()
        assert response.status == 200, raw
        found = next(name for name, text in KINDS.items() if text == response.headers["Content-Type"])
        assert raw.endswith(b"data: [DONE]\n\n") is (found == "sse")
        return found


async def test_every_client_gets_what_it_reads(start):
    async with start(MANY) as gateway:
        for client in CLIENTS:
            for body in (CHAT, {**CHAT, "stream": None}):
                for base, expected in [("/xlei/v1", client.prefix), ("/xlei/v1/v1", client.prefix), ("/v1", client.v1)]:
                    got = await kind(gateway, f"{base}/chat/completions", body, client.headers)
                    assert got == expected, (client.name, base)
            for explicit, expected in [(True, "sse"), (False, "json")]:
                got = await kind(gateway, "/xlei/v1/completions", {**CHAT, "stream": explicit}, client.headers)
                assert got == expected, (client.name, "an explicit boolean always wins")


async def test_the_owner_of_a_key_may_choose_what_nothing_else_says(start):
    async with start(MANY) as gateway:
        browser = {"Accept": "*/*", "User-Agent": BROWSER}
        for default, expected in [(False, "json"), (True, "sse")]:
            headers = {"X-API-Key": await new_key(gateway, stream_default=default)}
            for base in ("/xlei/v1", "/v1"):
                path = base + "/chat/completions"
                assert await kind(gateway, path, CHAT, {**browser, **headers}) == expected
                assert await kind(gateway, path, CHAT, {"Accept": "application/json", **headers}) == "json"
                assert await kind(gateway, path, CHAT, {"Accept": "text/event-stream", **headers}) == "sse"
                assert await kind(gateway, path, CHAT, {**STAINLESS, **headers}) == "json"
                assert await kind(gateway, path, {**CHAT, "stream": not default}, {**browser, **headers}) != expected


async def test_the_pattern_of_agents_is_a_setting(start):
    async with start('[server]\njson_clients = "Faraday"') as gateway:
        path = "/xlei/v1/chat/completions"
        assert await kind(gateway, path, CHAT, {"Accept": "*/*", "User-Agent": "Faraday v2"}) == "json"
        assert await kind(gateway, path, CHAT, {"Accept": "*/*", "User-Agent": "litellm/1"}) == "sse"
        assert await kind(gateway, path, CHAT, {"Accept": "*/*", "User-Agent": "x", "X-Stainless-Lang": "js"}) == "json"
