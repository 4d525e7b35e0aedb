"""Vendor packages with independent upstreams behind the whole gateway, asked by openai-python.

The engine speaks the Messages format of its own accord. The emulator (`llmock` of @copilotkit/aimock) speaks four
formats and knows `emulator.json`; it was written by others, from the vendors' documentation.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NamedTuple

import openai
import pytest

from tests.journeys.wire import check_books
from tests.live.conftest import waited
from tests.running import Running, running
from tests.shared import ROOT, program
from tests.threaded import free_port
from tornadogw.plugins import load_plugins

VENDORS = ("anthropic", "gemini", "cohere", "ollama")
HELLO = "Hello, 世界 🌍! How are you today, dear friend?"
THOUGHT, ANSWER = "I count slowly: 一, 二, 三.", "Forty-two, 四十二 🌍."
PLAN = "I will use the requested tool."
"""The emulator's own, beside every call of a tool in Cohere's format."""
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

Open = Callable[..., AbstractAsyncContextManager[openai.AsyncOpenAI]]


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """The emulator's address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [program("llmock"), "-p", str(port), "-f", str(Path(__file__).with_name("emulator.json")), "--strict"]

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    with subprocess.Popen([*command, "--log-level", "silent"]) as process:
        try:
            waited("the emulator starts", lambda: process.poll() is not None or answers())
            assert process.poll() is None
            yield url
        finally:
            process.terminate()


@pytest.fixture
def through(mongod, tmp_path, io_loop, monkeypatch) -> Open:
    """`async with through(vendor, url) as client`: a gateway with the packages as if they were installed."""
    for name in VENDORS:
        monkeypatch.syspath_prepend(str(ROOT / f"plugins/{name}"))
    points = [EntryPoint(name, f"tornadogw_{name}", "tornadogw") for name in VENDORS]
    monkeypatch.setattr("tests.running.load_plugins", partial(load_plugins, points=points))

    @asynccontextmanager
    async def through(vendor: str, url: str) -> AsyncIterator[openai.AsyncOpenAI]:
        settings = f"""
[[upstreams]]
name = "up"
vendor = "{vendor}"
base_url = "{url}"
keys = ["sk-of-the-upstream"]

[[models]]
name = "m"
price = {{ input = "1", output = "2" }}
routes = [{{ upstream = "up", model = "tiny-random" }}]
"""
        async with running(mongod.url, tmp_path, settings) as gateway, _client(gateway) as client:
            yield client
            await check_books(gateway)

    return through


def _client(gateway: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0)


class Heard(NamedTuple):
    """One answer, whichever way it came."""

    text: str
    thought: str
    tools: list[tuple[str, Any]]
    finish: str
    message: dict[str, Any]
    """What goes back to the gateway."""


async def ask(client: openai.AsyncOpenAI, messages: Any, *, stream: bool, **options: Any) -> Heard:
    if not stream:
        answer = await client.chat.completions.create(model="m", messages=messages, stream=False, **options)
        choice = answer.choices[0]
        message = choice.message.model_dump(exclude_none=True)
    else:
        async with client.chat.completions.stream(model="m", messages=messages, **options) as events:
            thought = ""
            async for event in events:
                if event.type == "chunk" and event.chunk.choices:
                    thought += getattr(event.chunk.choices[0].delta, "reasoning", None) or ""
            choice = (await events.get_final_completion()).choices[0]
        message = choice.message.model_dump(exclude_none=True, exclude={"parsed"})
        message["reasoning"] = thought
        for call in message.get("tool_calls", ()):
            call["function"].pop("parsed_arguments", None)
            call.pop("index", None)
    calls = [each["function"] for each in message.get("tool_calls", ())]
    tools = [(each["name"], json.loads(each["arguments"])) for each in calls]
    return Heard(message.get("content") or "", message.get("reasoning") or "", tools, choice.finish_reason, message)


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


both = pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
every = pytest.mark.parametrize("vendor", VENDORS)


# --- the engine's own /v1/messages -----------------------------------------------------------------------------------


def direct(engine: Any, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{engine.url}/v1/messages", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


async def heard_of_engine(client: openai.AsyncOpenAI, *, stream: bool) -> tuple[str, str]:
    """Text and finish reason; the SDK's stream helper raises at an output limit."""
    asked = {"model": "m", "messages": user("Hello"), "max_tokens": 24, "temperature": 0}
    if not stream:
        choice = (await client.chat.completions.create(**asked)).choices[0]
        return choice.message.content, choice.finish_reason
    text, finish = "", ""
    async for chunk in await client.chat.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    return text, finish


@both
async def test_a_real_engine_that_speaks_messages(engine, through, stream):
    own = direct(engine, {"model": "m", "max_tokens": 24, "temperature": 0, "messages": user("Hello")})
    async with through("anthropic", engine.url) as client:
        text, finish = await heard_of_engine(client, stream=stream)
    assert text == "".join(block["text"] for block in own["content"] if block["type"] == "text") != ""
    assert finish == {"max_tokens": "length", "end_turn": "stop"}[own["stop_reason"]]


async def test_what_the_engine_counted_is_what_the_client_reads(engine, through):
    own = direct(engine, {"model": "m", "max_tokens": 24, "temperature": 0, "messages": user("Hello")})["usage"]
    async with through("anthropic", engine.url) as client:
        answer = await client.chat.completions.create(model="m", messages=user("Hello"), max_tokens=24, temperature=0)
    assert answer.usage.completion_tokens == own["output_tokens"] == 24
    assert answer.usage.prompt_tokens == own["input_tokens"] + own.get("cache_read_input_tokens", 0)


# --- the emulator ----------------------------------------------------------------------------------------------------


@both
@every
async def test_text(emulator, through, vendor, stream):
    async with through(vendor, emulator) as client:
        heard = await ask(client, user("Hello"), stream=stream)
    assert (heard.text, heard.finish, heard.tools) == (HELLO, "stop", [])


@both
@every
async def test_a_tool_loop(emulator, through, vendor, stream):
    asked = user("What is the weather in Paris?")
    async with through(vendor, emulator) as client:
        heard = await ask(client, asked, stream=stream, tools=[TOOL])
        assert heard.tools == [("get_weather", {"city": "Paris", "note": "你好🌍"})]
        assert heard.finish == "tool_calls"
        result = {"role": "tool", "tool_call_id": heard.message["tool_calls"][0]["id"], "content": "sunny"}
        heard = await ask(client, [*asked, heard.message, result], stream=stream, tools=[TOOL])
    assert (heard.text, heard.finish) == ("It is sunny in 巴黎 ☀️.", "stop")


@both
@every
async def test_two_tools_at_once(emulator, through, vendor, stream):
    async with through(vendor, emulator) as client:
        heard = await ask(client, user("Compare Paris and Shenzhen."), stream=stream, tools=[TOOL])
    assert heard.tools == [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "深圳"})]
    assert len({call["id"] for call in heard.message["tool_calls"]}) == 2


@both
@every
async def test_thinking(emulator, through, vendor, stream):
    """The emulator gives Cohere's thoughts as text, and Ollama's under the name that the chat format has for them."""
    async with through(vendor, emulator) as client:
        heard = await ask(client, user("Think first."), stream=stream, reasoning_effort="low", max_tokens=2048)
    assert heard.finish == "stop"
    said = (THOUGHT + ANSWER, "") if vendor == "cohere" else (ANSWER, THOUGHT)
    assert (heard.text, heard.thought) == said


@both
@every
async def test_a_tool_loop_with_thinking(emulator, through, vendor, stream):
    """What was thought goes back with the tool's result; the upstream takes it and goes on."""
    asked, options = user("Think, then look."), {"tools": [TOOL], "reasoning_effort": "low", "max_tokens": 2048}
    async with through(vendor, emulator) as client:
        heard = await ask(client, asked, stream=stream, **options)
        assert (heard.text, heard.thought) == ((THOUGHT, PLAN) if vendor == "cohere" else ("", THOUGHT))
        assert (heard.tools, heard.finish) == ([("get_weather", {"city": "深圳"})], "tool_calls")
        result = {"role": "tool", "tool_call_id": heard.message["tool_calls"][0]["id"], "content": "rain"}
        heard = await ask(client, [*asked, heard.message, result], stream=stream, **options)
    said = ("I have looked.Rain, 雨.", "") if vendor == "cohere" else ("Rain, 雨.", "I have looked.")
    assert (heard.text, heard.thought, heard.finish) == (*said, "stop")
