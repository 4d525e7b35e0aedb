"""How much a model thinks, generation by generation."""

from __future__ import annotations

import pytest

from .asking import USER, body, write

TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize("model", ["claude-opus-4-6", "claude-sonnet-4-6", "claude-sonnet-5", "claude-fable-5"])
@pytest.mark.parametrize(("effort", "sent"), [("minimal", "low"), ("low", "low"), ("high", "high"), ("max", "max")])
def test_new_models_take_an_effort(model, effort, sent):
    said = body(model=model, reasoning_effort=effort)
    assert (said["thinking"], said["output_config"]) == ({"type": "adaptive"}, {"effort": sent})


@pytest.mark.parametrize(
    "model", ["claude-sonnet-4-5", "claude-opus-4-1-20250805", "claude-3-7-sonnet-20250219", "claude-haiku-4-5"]
)
@pytest.mark.parametrize(("effort", "budget"), [("low", 1024), ("medium", 2048), ("high", 4096), ("xhigh", 4999)])
def test_older_models_take_a_budget_below_the_limit(model, effort, budget):
    assert body(model=model, reasoning_effort=effort)["thinking"] == {"type": "enabled", "budget_tokens": budget}


@pytest.mark.parametrize(
    ("model", "limit", "effort"),
    [
        ("claude-sonnet-4-5", 1024, "high"),
        ("claude-3-5-haiku", 5000, "high"),
        ("claude-sonnet-4-5", 5000, "a lot"),
        ("claude-sonnet-5", 5000, "a lot"),
        ("claude-sonnet-5", 5000, 3),
    ],
)
def test_what_cannot_be_thought_is_told(model, limit, effort):
    request = write(model=model, limit=limit, reasoning_effort=effort)
    assert request.dropped == ("reasoning_effort",)
    assert b"thinking" not in request.body


def test_no_thinking_at_all():
    assert body(model="claude-sonnet-5", reasoning_effort="none")["thinking"] == {"type": "disabled"}
    assert "thinking" not in body(model="claude-sonnet-4-5", reasoning_effort="none")


def test_the_vendors_own_form_wins():
    own = {"type": "enabled", "budget_tokens": 2000, "made_up": 1}
    request = write(thinking=own, reasoning_effort="low", temperature_=1)
    assert request.dropped == ("temperature_", "reasoning_effort")
    assert body(thinking=own)["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert write(thinking="yes").dropped == ("thinking",)


@pytest.mark.parametrize("name", ["reasoning_effort", "thinking"])
def test_a_forced_tool_comes_before_thoughts(name):
    value = {"reasoning_effort": "low", "thinking": {"type": "adaptive"}}[name]
    request = write(model="claude-sonnet-4-6", tools=[TOOL], tool_choice="required", **{name: value})
    assert request.dropped == (name,)
    assert b"thinking" not in request.body
    assert b"output_config" not in request.body


def test_thoughts_and_a_schema():
    shape = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    said = body(model="claude-sonnet-4-6", reasoning_effort="low", response_format=shape)
    assert said["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}}


CALLED = {"role": "assistant", "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f"}}]}
RESULT = {"role": "tool", "tool_call_id": "t", "content": "1"}
SIGNED = {"thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}]}


@pytest.mark.parametrize(
    ("loop", "thinks"),
    [
        ([CALLED, RESULT], False),
        ([CALLED | SIGNED, RESULT], True),
        ([CALLED | SIGNED, RESULT, CALLED, RESULT], True),
        ([CALLED | SIGNED, RESULT, {"role": "assistant", "content": "1"}, USER, CALLED, RESULT], False),
        ([CALLED, RESULT, {"role": "assistant", "content": "1"}, USER], True),
    ],
    ids=["lost", "given back", "thought once", "of an earlier loop", "over"],
)
def test_a_loop_begun_without_thoughts_goes_on_without(loop, thinks):
    request = write(USER, *loop, tools=[TOOL], reasoning_effort="low")
    assert (b'"thinking":{' in request.body, request.dropped) == (thinks, () if thinks else ("reasoning_effort",))
    adaptive = write(USER, *loop, tools=[TOOL], reasoning_effort="low", model="claude-sonnet-4-6")
    assert (b'"adaptive"' in adaptive.body, adaptive.dropped) == (True, ())
