from __future__ import annotations

import pytest

from tests.test_router import draft, route
from tornadogw.errors import Cannot
from tornadogw.legs import asks_for_json, going_on, legs, prefilled, without_default
from tornadogw.settings.tables import Defaults
from tornadogw.types import Traits

DEFAULTS = Defaults(max_tokens=1000, temperature=0.7)
PROMPTS = {"mode": "completion", "messages": ()}


def calls(asked, **traits):
    return legs(asked, route(**traits), "id", DEFAULTS)


def test_chat_is_one_call_with_an_output_limit():
    [leg] = calls(draft())
    assert (leg.call.max_tokens, leg.call.temperature, leg.offset) == (1000, 0.7, 0)


def test_the_clients_values_stand():
    [leg] = calls(draft(max_tokens=5, temperature=0))
    assert (leg.call.max_tokens, leg.call.temperature) == (5, 0)


def test_a_default_is_sent_only_where_it_is_taken():
    assert calls(draft(), temperature=False)[0].call.temperature is None
    assert calls(draft(temperature=1.5), temperature=False)[0].call.temperature == 1.5
    assert without_default(calls(draft())[0]).call.temperature is None


def test_completion_stays_what_it_is_where_the_vendor_has_it():
    [leg] = calls(draft(**PROMPTS, prompts=["a", "b"], choices=2, params={"echo": True}), completion="native")
    assert leg.call.draft.prompts == ["a", "b"]


def test_completion_through_chat_is_a_call_for_each_prompt():
    first, second = calls(draft(**PROMPTS, prompts=["a", "b"], choices=8, params={"best_of": 4, "n": 2, "stop": ["x"]}))
    assert first.call.draft.messages == [{"role": "user", "content": "a"}]
    assert (first.offset, second.offset, second.call.draft.choices) == (0, 2, 2)
    assert second.call.draft.params == {"n": 2, "stop": ["x"]}
    assert second.dropped == ("best_of",)


@pytest.mark.parametrize("param", ["suffix", "echo"])
def test_what_chat_cannot_say_is_refused_by_name(param):
    with pytest.raises(Cannot) as caught:
        calls(draft(**PROMPTS, prompts=["a"], params={param: "x"}))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("fields", "traits", "json"),
    [
        ({}, {}, False),
        ({"stream": True}, {"json": "whole"}, False),
        ({}, {"json": "whole"}, True),
        ({"choices": 2}, {}, True),
        ({"choices": 2, "stream": True}, {}, False),
        ({"params": {"logprobs": True}}, {}, True),
        ({"params": {"audio": {}}}, {}, True),
        ({"params": {"odd": 1}}, {"whole_params": frozenset({"odd"})}, True),
    ],
)
def test_when_the_upstream_is_asked_for_json(fields, traits, json):
    assert asks_for_json(draft(**fields), route(**traits)) is json


def test_an_answer_is_gone_on_with_as_the_last_message():
    [leg] = calls(draft())
    call = going_on(leg, "Once", 40).call
    assert call.draft.messages == [*leg.call.draft.messages, {"role": "assistant", "content": "Once"}]
    assert (call.max_tokens, call.continues) == (960, True)
    assert going_on(leg, "Once", 5000).call.max_tokens == 1
    assert not leg.call.continues


def test_a_completion_is_gone_on_with_as_its_prompts_end():
    [leg] = calls(draft(**PROMPTS, prompts=["a"]), completion="native")
    assert going_on(leg, "b", 0).call.draft.prompts == ("ab",)


@pytest.mark.parametrize(
    ("fields", "how"),
    [
        ({}, "whole"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, ""),
        ({**PROMPTS, "prompts": ["a"]}, "rest"),
        ({**PROMPTS, "prompts": [[1, 2]]}, ""),
        ({**PROMPTS, "prompts": ["a"], "params": {"suffix": "z"}}, ""),
    ],
)
def test_what_can_be_gone_on_with(fields, how):
    assert prefilled(draft(**fields), Traits(prefill="whole")) == how
