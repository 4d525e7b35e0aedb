"""How much a model is told to think, by its name and what the client asked."""

from __future__ import annotations

import pytest
from tornadogw_gemini import Gemini, Vertex
from tornadogw_gemini.thinking import generation, thinking_config

FLASH, PRO, LITE = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite"
NEW, NEW_PRO, FIRST_PRO = "gemini-3.5-flash", "gemini-3.1-pro-preview", "gemini-3-pro-preview"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gemini-2.5-flash", (2, 5)),
        ("gemini-3-pro-preview", (3, 0)),
        ("gemini-3.1-flash-lite", (3, 1)),
        ("publishers/google/models/gemini-2.0-flash-001", (2, 0)),
        ("models/gemini-live-2.5-flash-preview", (2, 5)),
        ("gemini-flash-latest", (99, 0)),
        ("gemini-flash-lite-latest", (99, 0)),
        ("gemma-3-27b-it", (0, 0)),
        ("projects/p/locations/l/endpoints/123", (0, 0)),
        ("gemini-pro", (0, 0)),
    ],
)
def test_generations(model, expected):
    assert generation(model) == expected


def asked(model, **params):
    dropped = []
    return thinking_config(model, params, dropped), dropped


@pytest.mark.parametrize(
    ("model", "effort", "expected", "told"),
    [
        (FLASH, "none", {"thinkingBudget": 0}, False),
        (FLASH, "minimal", {"thinkingBudget": 1024}, False),
        (LITE, "low", {"thinkingBudget": 1024}, False),
        (FLASH, "medium", {"thinkingBudget": 8192}, False),
        (FLASH, "high", {"thinkingBudget": 24576}, False),
        (FLASH, "xhigh", {"thinkingBudget": 24576}, False),
        (PRO, "none", {"thinkingBudget": 128}, True),
        (PRO, "xhigh", {"thinkingBudget": 32768}, False),
        (NEW, "none", {"thinkingLevel": "MINIMAL"}, True),
        (NEW, "minimal", {"thinkingLevel": "MINIMAL"}, False),
        (NEW, "low", {"thinkingLevel": "LOW"}, False),
        (NEW, "xhigh", {"thinkingLevel": "XHIGH"}, False),
        ("gemini-3-flash-preview", "xhigh", {"thinkingLevel": "HIGH"}, True),
        (NEW_PRO, "none", {"thinkingLevel": "LOW"}, True),
        (NEW_PRO, "minimal", {"thinkingLevel": "LOW"}, False),
        (NEW_PRO, "medium", {"thinkingLevel": "MEDIUM"}, False),
        (FIRST_PRO, "medium", {"thinkingLevel": "HIGH"}, True),
    ],
)
def test_efforts(model, effort, expected, told):
    shown = {} if expected == {"thinkingBudget": 0} else {"includeThoughts": True}
    assert asked(model, reasoning_effort=effort) == ({**shown, **expected}, ["reasoning_effort"] if told else [])


@pytest.mark.parametrize(
    "model",
    ["gemini-2.0-flash", "gemini-1.5-pro", "gemma-3-27b-it", "gemini-2.5-flash-image", "gemini-2.5-pro-preview-tts"],
)
def test_models_that_do_not_think_are_not_told_to(model):
    assert asked(model) == ({}, [])
    assert asked(model, reasoning_effort="high", thinking={"type": "enabled", "budget_tokens": 5}) == (
        {},
        ["reasoning_effort", "thinking"],
    )
    given = {"google": {"thinking_config": {"thinking_budget": 5}}}
    assert asked(model, extra_body=given) == ({}, ["extra_body.google.thinking_config"])


def test_other_ways_to_ask():
    shown = {"includeThoughts": True}
    assert asked(FLASH, thinking={"type": "enabled", "budget_tokens": 2000}) == ({**shown, "thinkingBudget": 2000}, [])
    assert asked(FLASH, thinking={"type": "disabled"}) == ({"thinkingBudget": 0}, [])
    assert asked(PRO, thinking={"type": "disabled"}) == ({**shown, "thinkingBudget": 128}, ["thinking"])
    assert asked(FLASH, thinking=5) == (shown, ["thinking"])
    own = {"google": {"thinking_config": {"thinking_level": "low", "include_thoughts": False, "thinking_budget": "x"}}}
    assert asked(NEW, extra_body=own, reasoning_effort="high")[0] == {"includeThoughts": False, "thinkingLevel": "LOW"}
    for strange in (5, {"google": 5}, {"google": {"thinking_config": 5}}):
        assert asked(NEW, extra_body=strange)[0] == shown


def test_what_the_gateway_must_know_of_a_model():
    vendor = Gemini()
    assert (vendor.traits(FLASH).pace, vendor.traits(FLASH).temperature) == ("reasoning", True)
    assert (vendor.traits(NEW).pace, vendor.traits(NEW).temperature) == ("reasoning", False)
    assert (vendor.traits(FLASH).image_urls, Vertex().traits(FLASH).image_urls) == (False, True)
    assert (vendor.traits("gemini-2.0-flash").pace, vendor.traits("gemini-2.0-flash").temperature) == ("", True)
