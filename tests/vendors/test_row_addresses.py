"""Every row's address and key: where a request of each vendor goes, as the vendor's documentation has it."""

from __future__ import annotations

import json

import pytest

from tests.vendors.oracle import ENGINES
from tornadogw.types import Call, Credential, Draft
from tornadogw.vendors import load_rows

KEY = Credential("acme/0", "sk-1")
BEARER = {"authorization": "Bearer sk-1"}
AZURE = {"api-key": "sk-1"}
PLAIN = {"content-type", "accept"}


def sent(vendor, *, model="m", base="", mode="chat", **options):
    told = {"messages": [{"role": "user", "content": "hi"}]} if mode == "chat" else {"prompts": ("Once",)}
    call = Call("r", Draft(mode, model, **told), model, base or ENGINES[vendor].base_url, options)
    return ENGINES[vendor].request(call, KEY, 0.0)


@pytest.mark.parametrize(
    ("vendor", "base", "url"),
    [
        ("deepseek", "", "https://api.deepseek.com/chat/completions"),
        ("deepseek", "https://api.deepseek.com/v1", "https://api.deepseek.com/v1/chat/completions"),
        ("openai", "", "https://api.openai.com/v1/chat/completions"),
        ("qwen", "", "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"),
        (
            "qwen",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
        ),
        ("ark", "", "https://ark.cn-beijing.volces.com/api/v3/chat/completions"),
        ("zhipu", "", "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
        ("zai", "", "https://api.z.ai/api/paas/v4/chat/completions"),
        ("moonshot", "", "https://api.moonshot.cn/v1/chat/completions"),
        ("moonshot-ai", "", "https://api.moonshot.ai/v1/chat/completions"),
        ("openrouter", "", "https://openrouter.ai/api/v1/chat/completions"),
        ("siliconflow", "", "https://api.siliconflow.cn/v1/chat/completions"),
        ("minimax", "", "https://api.minimax.io/v1/chat/completions"),
        ("minimax", "https://api.minimaxi.com/v1/", "https://api.minimaxi.com/v1/chat/completions"),
        ("hunyuan", "", "https://tokenhub-intl.tencentcloudmaas.com/v1/chat/completions"),
        ("qianfan", "", "https://qianfan.baidubce.com/v2/chat/completions"),
        ("mistral", "", "https://api.mistral.ai/v1/chat/completions"),
        ("groq", "", "https://api.groq.com/openai/v1/chat/completions"),
        ("xai", "", "https://api.x.ai/v1/chat/completions"),
        ("together", "", "https://api.together.xyz/v1/chat/completions"),
        ("fireworks", "", "https://api.fireworks.ai/inference/v1/chat/completions"),
        ("perplexity", "", "https://api.perplexity.ai/chat/completions"),
        ("cerebras", "", "https://api.cerebras.ai/v1/chat/completions"),
        ("huggingface", "", "https://router.huggingface.co/v1/chat/completions"),
        ("ollama-openai", "", "http://127.0.0.1:11434/v1/chat/completions"),
        ("llamacpp", "", "http://127.0.0.1:8080/v1/chat/completions"),
        ("vllm", "", "http://127.0.0.1:8000/v1/chat/completions"),
        ("lmstudio", "", "http://127.0.0.1:1234/v1/chat/completions"),
    ],
)
def test_chat(vendor, base, url):
    request = sent(vendor, base=base)
    assert request.url == url
    assert {name: text for name, text in request.headers.items() if name not in PLAIN} == BEARER
    assert json.loads(request.body)["model"] == "m"


def test_every_row_has_its_address_here():
    listed = {vendor for vendor, *_ in test_chat.pytestmark[0].args[1]}
    assert listed | {"azure"} == set(ENGINES)


@pytest.mark.parametrize(
    ("base", "options", "url", "auth"),
    [
        (
            "https://res.openai.azure.com",
            {},
            "https://res.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
            AZURE,
        ),
        (
            "https://res.openai.azure.com/",
            {"api_version": "2025-04-01-preview", "auth": "bearer"},
            "https://res.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2025-04-01-preview",
            BEARER,
        ),
        (
            "https://res.services.ai.azure.com",
            {},
            "https://res.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
            AZURE,
        ),
        (
            "https://res.services.ai.azure.com",
            {"api_version": "2025-01-01"},
            "https://res.services.ai.azure.com/models/chat/completions?api-version=2025-01-01",
            AZURE,
        ),
        (
            "https://gateway.example/azure",
            {"form": "foundry"},
            "https://gateway.example/azure/models/chat/completions?api-version=2024-05-01-preview",
            AZURE,
        ),
        (
            "https://res.openai.azure.com",
            {"form": "v1"},
            "https://res.openai.azure.com/openai/v1/chat/completions",
            AZURE,
        ),
    ],
)
def test_azures_forms(base, options, url, auth):
    request = sent("azure", model="my gpt", base=base, **options)
    assert request.url == url
    assert {name: text for name, text in request.headers.items() if name not in PLAIN} == auth


def test_what_operators_add_to_the_headers():
    openai = sent("openai", organization="org-1", project="proj_1").headers
    assert (openai["openai-organization"], openai["openai-project"]) == ("org-1", "proj_1")
    openrouter = sent("openrouter", referer="https://me.example", title="Me").headers
    assert (openrouter["http-referer"], openrouter["x-title"]) == ("https://me.example", "Me")


@pytest.mark.parametrize(
    ("vendor", "model", "url"),
    [
        ("openai", "gpt-3.5-turbo-instruct", "https://api.openai.com/v1/completions"),
        ("openai", "davinci-002", "https://api.openai.com/v1/completions"),
        ("openrouter", "m", "https://openrouter.ai/api/v1/completions"),
        ("together", "m", "https://api.together.xyz/v1/completions"),
        ("fireworks", "m", "https://api.fireworks.ai/inference/v1/completions"),
        ("ollama-openai", "m", "http://127.0.0.1:11434/v1/completions"),
        ("llamacpp", "m", "http://127.0.0.1:8080/v1/completions"),
        ("vllm", "m", "http://127.0.0.1:8000/v1/completions"),
        ("lmstudio", "m", "http://127.0.0.1:1234/v1/completions"),
    ],
)
def test_completion_at_an_endpoint_of_its_own(vendor, model, url):
    assert ENGINES[vendor].traits(model).completion == "native"
    request = sent(vendor, model=model, mode="completion")
    body = json.loads(request.body)
    assert (request.url, body["prompt"], body["max_tokens"]) == (url, "Once", 1000)


def test_all_others_complete_through_chat():
    native = {name for name, engine in ENGINES.items() if engine.traits("m").completion == "native"}
    listed = test_completion_at_an_endpoint_of_its_own.pytestmark[0].args[1]
    assert native == {vendor for vendor, model, _ in listed if model == "m"}


@pytest.mark.parametrize("base", ["", "https://api.deepseek.com/v1", "https://api.deepseek.com/beta/"])
def test_filling_in_the_middle_where_an_operator_asks_for_it(base):
    (engine,) = [row for row in load_rows({"deepseek": {"completion": "native"}}) if row.name == "deepseek"]
    draft = Draft("completion", "m", prompts=("def f",), params={"suffix": "return x"})
    request = engine.request(Call("r", draft, "m", base), KEY, 0.0)
    assert request.url == "https://api.deepseek.com/beta/completions"
    assert json.loads(request.body)["suffix"] == "return x"
