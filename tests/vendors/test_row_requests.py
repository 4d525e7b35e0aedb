"""What each vendor's row does to parameters: vendor-wire section 2, line by line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vendors.oracle import ENGINES
from tornadogw.errors import Cannot
from tornadogw.types import Call, Credential, Draft

KEY = Credential("acme/0", "sk-1")
HELLO = [{"role": "user", "content": "hi"}]
TOOLS = [{"type": "function", "function": {"name": "f"}}]
NAMED = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}
COMMON = {"model", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options"}


def written(
    vendor: str, params: dict[str, Any], model: str = "m", **call: Any
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body without what every body has, and what was dropped."""
    own = call.pop("temperature", None)
    draft = Draft("chat", model, HELLO, params=params, temperature=own)
    base = ENGINES[vendor].base_url or "https://a.example"
    asked = Call("r", draft, model, base, temperature=own, **call)
    request = ENGINES[vendor].request(asked, KEY, 0.0)
    body = json.loads(request.body)
    return {name: value for name, value in body.items() if name not in COMMON}, request.dropped


@pytest.mark.parametrize(
    ("vendor", "model", "asked", "sent"),
    [
        ("openai", "gpt-5", {"reasoning_effort": "minimal"}, {"reasoning_effort": "minimal"}),
        ("openai", "gpt-5", {"reasoning_effort": "none"}, {"reasoning_effort": "none"}),
        ("azure", "o3", {"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        ("deepseek", "deepseek-v4-pro", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ("deepseek", "deepseek-v4-pro", {"reasoning_effort": "max"}, {"reasoning_effort": "max"}),
        ("deepseek", "deepseek-v4-pro", {"thinking": {"type": "enabled"}}, {"thinking": {"type": "enabled"}}),
        ("qwen", "qwen-plus", {"reasoning_effort": "high"}, {"enable_thinking": True}),
        (
            "qwen",
            "qwen-plus",
            {"enable_thinking": True, "thinking_budget": 9},
            {"enable_thinking": True, "thinking_budget": 9},
        ),
        ("zhipu", "glm-5", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        (
            "zhipu",
            "glm-5",
            {"reasoning_effort": "minimal"},
            {"thinking": {"type": "enabled"}, "reasoning_effort": "low"},
        ),
        ("zai", "glm-5", {"thinking": {"clear_thinking": False}}, {"thinking": {"clear_thinking": False}}),
        ("moonshot", "kimi-k2.5", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ("ark", "ep-1", {"thinking": {"type": "auto"}}, {"thinking": {"type": "auto"}}),
        ("ark", "ep-1", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ("minimax", "m", {"reasoning_split": True}, {"reasoning_split": True}),
        ("siliconflow", "m", {"reasoning_effort": "low"}, {"enable_thinking": True}),
        ("hunyuan", "m", {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ("openrouter", "m", {"reasoning_effort": "none"}, {"reasoning": {"enabled": False}}),
        ("openrouter", "m", {"reasoning": {"max_tokens": 9}}, {"reasoning": {"max_tokens": 9}}),
        ("groq", "m", {"reasoning_format": "parsed"}, {"reasoning_format": "parsed"}),
        ("groq", "m", {"include_reasoning": False}, {"include_reasoning": False}),
        ("xai", "grok-3-mini", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ("mistral", "magistral", {"prompt_mode": "reasoning"}, {"prompt_mode": "reasoning"}),
        ("ollama-openai", "m", {"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        ("llamacpp", "m", {"reasoning_effort": "none"}, {"chat_template_kwargs": {"enable_thinking": False}}),
        ("vllm", "m", {"guided_json": {"type": "object"}}, {"guided_json": {"type": "object"}}),
        # other parameters under other names and values
        ("mistral", "m", {"seed": 1, "tool_choice": "required"}, {"random_seed": 1, "tool_choice": "any"}),
        ("mistral", "m", {"tool_choice": "any"}, {"tool_choice": "any"}),
        ("zhipu", "m", {"do_sample": False}, {"do_sample": False}),
        ("qwen", "qwen-plus", {"n": 2}, {"n": 2}),
        ("qwen", "qwen-plus", {"n": 1, "tools": TOOLS}, {"n": 1, "tools": TOOLS}),
        ("ark", "ep-1", {"response_format": SCHEMA}, {"response_format": SCHEMA}),
    ],
)
def test_passed_on_or_put_into_the_vendors_words(vendor, model, asked, sent):
    assert written(vendor, asked, model) == (sent, ())


@pytest.mark.parametrize(
    ("vendor", "model", "asked"),
    [
        (
            "openai",
            "o3",
            {"top_p": 0.5, "presence_penalty": 1, "frequency_penalty": 1, "logprobs": True, "top_logprobs": 2},
        ),
        ("azure", "gpt-5", {"top_p": 0.5, "logit_bias": {"1": 1}}),
        ("zhipu", "m", {"logprobs": True, "top_logprobs": 1, "presence_penalty": 1, "frequency_penalty": 1}),
        ("zhipu", "m", {"tool_choice": "required"}),
        ("zhipu", "m", {"tool_choice": "none"}),
        ("zai", "m", {"tool_choice": NAMED}),
        ("minimax", "m", {"parallel_tool_calls": False}),
        ("groq", "m", {"logprobs": True, "top_logprobs": 1, "logit_bias": {"1": 1}}),
        ("xai", "grok-4", {"stop": ["a"], "presence_penalty": 1, "frequency_penalty": 1, "reasoning_effort": "low"}),
        ("xai", "grok-3", {"reasoning_effort": "low"}),
        ("mistral", "m", {"user": "u", "logit_bias": {"1": 1}}),
        ("perplexity", "sonar", {"stop": ["a"], "tool_choice": "none"}),
        ("ollama-openai", "m", {"logit_bias": {"1": 1}, "user": "u"}),
        ("cerebras", "m", {"presence_penalty": 1, "frequency_penalty": 1, "logit_bias": {"1": 1}}),
    ],
)
def test_left_out_and_told(vendor, model, asked):
    assert written(vendor, asked, model) == ({}, tuple(asked))


@pytest.mark.parametrize(
    ("vendor", "asked", "param"),
    [
        ("deepseek", {"response_format": SCHEMA}, "response_format"),
        ("deepseek", {"n": 2}, "n"),
        ("qwen", {"n": 2, "tools": TOOLS}, "n"),
        ("zhipu", {"n": 2}, "n"),
        ("moonshot", {"tool_choice": "required"}, "tool_choice"),
        ("ark", {"n": 2}, "n"),
        ("minimax", {"n": 2}, "n"),
        ("groq", {"n": 2}, "n"),
        ("perplexity", {"n": 2}, "n"),
        ("perplexity", {"tools": TOOLS}, "tools"),
        ("cerebras", {"n": 2}, "n"),
        ("ollama-openai", {"n": 2}, "n"),
    ],
)
def test_refused_by_name(vendor, asked, param):
    with pytest.raises(Cannot) as refused:
        written(vendor, asked)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("vendor", "model", "asked", "sent"),
    [
        ("zhipu", "m", 0.0, 0.01),
        ("zhipu", "m", 2.0, 1.0),
        ("moonshot", "moonshot-v1-8k", 1.5, 1.0),
        ("minimax", "m", 0.0, 0.01),
        ("minimax", "m", 1.2, 1.0),
        ("openai", "gpt-4o", 2.0, 2.0),
        ("openai", "gpt-5-chat-latest", 0.5, 0.5),
    ],
)
def test_temperatures(vendor, model, asked, sent):
    assert written(vendor, {}, model, temperature=asked) == ({"temperature": sent}, ())


@pytest.mark.parametrize(
    ("vendor", "model"),
    [
        ("openai", "o1"),
        ("openai", "gpt-5-mini"),
        ("azure", "o4-mini"),
        ("moonshot", "kimi-k2-thinking"),
        ("moonshot-ai", "kimi-k2.5"),
    ],
)
def test_models_without_a_temperature(vendor, model):
    assert written(vendor, {}, model, temperature=0.5) == ({}, ("temperature",))
    assert ENGINES[vendor].traits(model).temperature is False


def test_several_choices_of_moonshot_need_some_heat():
    assert written("moonshot", {"n": 2}, temperature=0.0)[0] == {"n": 2, "temperature": 0.3}
    assert written("moonshot", {"n": 2}, temperature=0.6)[0] == {"n": 2, "temperature": 0.6}
    assert written("moonshot", {"n": 1}, temperature=0.0)[0] == {"n": 1, "temperature": 0.0}


def test_an_explicit_auto_is_left_out_where_it_is_refused():
    assert written("minimax", {"tool_choice": "auto", "tools": TOOLS}) == ({"tools": TOOLS}, ())


def test_nulls_of_a_function_are_left_out_where_they_are_refused():
    schema = {"type": "object", "properties": {"x": {"default": None}}}
    nulls = [{"type": "function", "function": {"name": "f", "strict": None, "parameters": schema}}]
    right = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    assert written("minimax", {"tools": nulls}) == ({"tools": right}, ())
    assert written("minimax", {"tools": [*TOOLS, {"type": "function"}]})[0]["tools"] == [*TOOLS, {"type": "function"}]
    assert written("openai", {"tools": nulls})[0]["tools"] == nulls


def test_open_qwen_models_think_in_streams_only():
    assert written("qwen", {}, "qwen3-32b", stream=False)[0] == {"enable_thinking": False}
    assert written("qwen", {"enable_thinking": True}, "qwen3-32b", stream=False)[0] == {"enable_thinking": True}
    assert written("qwen", {}, "qwen3-32b")[0] == {}
    for model in ("qwen3-235b-a22b-instruct-2507", "qwen3-235b-a22b-thinking-2507", "qwen-plus"):
        assert written("qwen", {}, model, stream=False)[0] == {}


@pytest.mark.parametrize("vendor", sorted(ENGINES))
def test_the_output_limit_and_the_question_for_usage(vendor):
    draft = Draft("chat", "m", HELLO)
    call = Call("r", draft, "m", ENGINES[vendor].base_url or "https://a.example", max_tokens=7)
    body = json.loads(ENGINES[vendor].request(call, KEY, 0.0).body)
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 7
    assert ("max_completion_tokens" in body) == (vendor == "openai")
    assert body.get("stream_options") == (None if vendor == "mistral" else {"include_usage": True})


@pytest.mark.parametrize(
    ("vendor", "model", "pace"),
    [
        ("openai", "o3", "reasoning"),
        ("deepseek", "deepseek-reasoner", "reasoning"),
        ("qwen", "qwq-plus", "reasoning"),
        ("perplexity", "sonar-reasoning-pro", "reasoning"),
        ("ollama-openai", "m", "self-hosted"),
        ("openai", "gpt-4o", ""),
    ],
)
def test_pace(vendor, model, pace):
    assert ENGINES[vendor].traits(model).pace == pace


def test_searching_models_count_pages_as_prompt():
    assert ENGINES["groq"].traits("compound-beta").template_tokens > 5003
    assert ENGINES["groq"].traits("groq/compound-mini").template_tokens > 5003
    assert ENGINES["openrouter"].traits("openai/gpt-5.2:online").template_tokens > 16_924
    assert ENGINES["groq"].traits("llama-3.3-70b-versatile").template_tokens == 0
