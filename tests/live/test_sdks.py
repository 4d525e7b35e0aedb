"""The SDKs that people use, unchanged, with a real engine behind the gateway; tools with the echo, which calls them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

TEXT = "你好,世界🌍"
SAY = {"grammar": f'root ::= "{TEXT}"'}
HELLO = [{"role": "user", "content": "Hello"}]
CALL = [{"role": "user", "content": 'call weather {"city": "Paris"}\ncall weather {"city": "深圳"}'}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CITIES = [("weather", {"city": "Paris"}), ("weather", {"city": "深圳"})]


@pytest.fixture(params=["/xlei/v1", "/v1", "/xlei/v1/v1"])
def client(gateway, request) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=gateway.url + request.param, api_key=gateway.key, max_retries=0) as client:
        yield client


@pytest.fixture
def llm(gateway):
    def make(model: str, **options):
        return ChatOpenAI(model=model, base_url=f"{gateway.url}/xlei/v1", api_key=gateway.key, max_retries=0, **options)

    return make


# --- openai-python ---------------------------------------------------------------------------------------------------


def test_openai_json(client):
    answer = client.chat.completions.create(model="auto", messages=HELLO, extra_body=SAY)
    assert answer.choices[0].message.content == TEXT
    assert (answer.choices[0].finish_reason, answer.model) == ("stop", "tiny-random")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id


def test_openai_stream(client):
    options = {"include_usage": True}
    stream = client.chat.completions.create(
        model="auto", messages=HELLO, stream=True, stream_options=options, extra_body=SAY
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


def test_openai_stream_helper(client):
    with client.chat.completions.stream(model="auto", messages=HELLO, extra_body=SAY) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(pieces) == final.choices[0].message.content == TEXT
    assert final.choices[0].finish_reason == "stop"


def test_openai_completions(client):
    answer = client.completions.create(model="auto", prompt="Once upon a time", extra_body=SAY)
    assert (answer.object, answer.choices[0].text) == ("text_completion", TEXT)
    stream = client.completions.create(model="auto", prompt="Once upon a time", stream=True, extra_body=SAY)
    assert "".join(chunk.choices[0].text for chunk in stream) == TEXT


def test_openai_models(client):
    assert {"auto", "tiny", "echo"} == {model.id for model in client.models.list()}
    assert client.models.retrieve("tiny").id == "tiny"


def test_openai_errors_have_their_class_and_words(client, gateway):
    with pytest.raises(openai.BadRequestError) as long:
        client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "x " * 4000}])
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError, match="nowhere") as unknown:
        client.chat.completions.create(model="nowhere", messages=HELLO)
    assert unknown.value.code == "model_mismatch"
    with pytest.raises(openai.AuthenticationError) as stranger:
        client.with_options(api_key="sk-somebody").models.list()
    assert stranger.value.code == "invalid_api_key"


async def test_openai_async(gateway):
    """Eight at once, as JSON, as stream, with the helper."""
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:

        async def whole() -> str:
            answer = await client.chat.completions.create(model="tiny", messages=HELLO, extra_body=SAY)
            return answer.choices[0].message.content

        async def streamed() -> str:
            stream = await client.chat.completions.create(model="tiny", messages=HELLO, stream=True, extra_body=SAY)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        async def helped() -> str:
            async with client.chat.completions.stream(model="tiny", messages=HELLO, extra_body=SAY) as stream:
                return (await stream.get_final_completion()).choices[0].message.content

        said = await asyncio.gather(*(ask() for ask in (whole, streamed, helped, whole) * 2))
    assert said == [TEXT] * 8


def test_openai_tools(client):
    answer = client.chat.completions.create(model="echo", messages=CALL, tools=[WEATHER])
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls] == CITIES
    results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in message.tool_calls]
    turns = [*CALL, message.model_dump(exclude_none=True), *results]
    again = client.chat.completions.create(model="echo", messages=turns, tools=[WEATHER])
    assert again.choices[0].message.content == "sunny"


def test_openai_tools_in_a_stream(client):
    with client.chat.completions.stream(model="echo", messages=CALL, tools=[WEATHER]) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion()
    assert [(event.name, json.loads(event.arguments)) for event in done] == CITIES
    calls = final.choices[0].message.tool_calls
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == CITIES
    assert len({call.id for call in calls}) == 2


# --- langchain-openai ------------------------------------------------------------------------------------------------


def test_langchain_chat(llm):
    answer = llm("auto", temperature=0.7, extra_body=SAY).invoke("Hello!")
    assert answer.content == TEXT
    assert answer.response_metadata["model_name"] == "tiny-random"
    assert answer.usage_metadata["output_tokens"] > 0


def test_langchain_stream(llm):
    """As the seed document configures it: `streaming=True`."""
    chunks = list(llm("auto", streaming=True, stream_usage=True, extra_body=SAY).stream("Hello!"))
    assert "".join(chunk.content for chunk in chunks) == TEXT
    assert sum(chunk.usage_metadata["output_tokens"] for chunk in chunks if chunk.usage_metadata) > 0
    assert llm("auto", streaming=True, extra_body=SAY).invoke("Hello!").content == TEXT


async def test_langchain_async(llm):
    model = llm("tiny", extra_body=SAY)
    assert (await model.ainvoke("Hello!")).content == TEXT
    assert "".join([chunk.content async for chunk in model.astream("Hello!")]) == TEXT


def test_langchain_tools(llm):
    @tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"sunny in {city}"

    model = llm("echo").bind_tools([weather])
    turns = [HumanMessage(CALL[0]["content"])]
    answer = model.invoke(turns)
    assert isinstance(answer, AIMessage)
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == CITIES
    turns += [answer, *(weather.invoke(call) for call in answer.tool_calls)]
    assert model.invoke(turns).content == "sunny in 深圳"
