"""The list of vendors that are rows."""

from __future__ import annotations

import pytest

from tornadogw.errors import SettingsError
from tornadogw.vendors import builtin_rows, load_rows

WANTED = (
    "openai azure deepseek qwen zhipu zai moonshot moonshot-ai ark minimax siliconflow qianfan hunyuan openrouter groq "
    "xai mistral perplexity together fireworks huggingface cerebras ollama-openai llamacpp vllm lmstudio"
).split()


def test_every_vendor_of_the_format_is_there():
    assert [vendor.name for vendor in load_rows()] == WANTED
    assert list(builtin_rows()) == ["default", *WANTED]


def test_each_knows_its_address_but_the_one_that_cannot():
    assert [vendor.name for vendor in load_rows() if not vendor.base_url.startswith("http")] == ["azure"]


def test_an_operators_row_is_a_vendor_and_may_change_a_built_in_one():
    extra = {
        "acme": {"like": "deepseek", "base_url": "https://acme.test/v1", "rename": {"seed": "random_seed"}},
        "openai": {"base_url": "https://mirror.test/v1"},
    }
    vendors = {vendor.name: vendor for vendor in load_rows(extra)}
    assert vendors["acme"].base_url == "https://acme.test/v1"
    assert vendors["acme"].traits("m").relay == "raw"
    assert vendors["openai"].base_url == "https://mirror.test/v1"
    assert vendors["openai"].traits("o3").pace == "reasoning"
    assert len(vendors) == len(WANTED) + 1


def test_a_wrong_row_stops():
    with pytest.raises(SettingsError, match=r"vendors\.acme\.base_ur.*did you mean `base_url`"):
        load_rows({"acme": {"base_ur": "x"}})
