"""What each vendor's row does to messages: roles, turns, flat texts, and reasoning that goes back in a tool loop."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vendors.oracle import ENGINES
from tornadogw.errors import Cannot
from tornadogw.types import Call, Credential, Draft
from tornadogw.vendors.chat_messages import rewrite
from tornadogw.vendors.rows import Profile

CALLS = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "42"}
USER = {"role": "user", "content": "hi"}
THOUGHT = {"role": "assistant", "content": "", "tool_calls": CALLS, "reasoning": "Hm.", "reasoning_content": "Hm."}
LOST = {"role": "assistant", "content": "", "tool_calls": CALLS}
SPOKE = {"role": "assistant", "content": "4"}


def sent(vendor: str, *messages: dict[str, Any], model: str = "m", base: str = "") -> list[dict[str, Any]]:
    draft = Draft("chat", model, messages)
    call = Call("r", draft, model, base or ENGINES[vendor].base_url or "https://a.example")
    body = ENGINES[vendor].request(call, Credential("a/0", "sk-1"), 0.0).body
    return json.loads(body)["messages"]


# --- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", sorted(ENGINES))
def test_developers_are_systems_but_where_the_role_is_known(vendor):
    (message,) = sent(vendor, {"role": "developer", "content": "be brief"})
    assert message["role"] == ("developer" if vendor in ("openai", "openrouter") else "system")


def test_models_that_know_no_system():
    messages = [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, USER]
    for vendor in ("openai", "azure"):
        assert [each["role"] for each in sent(vendor, *messages, model="o1-mini")] == ["user"] * 3
    assert [each["role"] for each in sent("openai", *messages, model="o1")] == ["system", "developer", "user"]


def test_turns_alternate_at_perplexity():
    picture = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
    assert sent(
        "perplexity",
        {"role": "system", "content": "a"},
        USER,
        {"role": "user", "content": "there"},
        SPOKE,
        {"role": "assistant", "content": None},
        USER,
        {"role": "user", "content": [picture]},
    ) == [
        {"role": "system", "content": "a"},
        {"role": "user", "content": "hi\n\nthere"},
        SPOKE,
        {"role": "user", "content": [{"type": "text", "text": "hi"}, picture]},
    ]


def test_messages_with_calls_are_joined_with_none():
    messages = [USER, LOST, LOST, SPOKE, RESULT, RESULT]
    assert rewrite(messages, Profile(alternate=True)) == messages
    assert rewrite([], Profile(alternate=True)) == []


def test_very_many_turns_are_joined_in_one_go():
    (message,) = rewrite([{"role": "user", "content": "x" * 100}] * 50_000, Profile(alternate=True))
    assert len(message["content"]) == 50_000 * 102 - 2


def test_roles_that_a_vendor_does_not_take_are_for_another():
    for messages in ([USER, LOST, RESULT], [USER, SPOKE, {"role": "function", "name": "f", "content": "1"}]):
        with pytest.raises(Cannot) as refused:
            sent("perplexity", *messages)
        assert refused.value.param == "messages[2].role"


def test_one_system_message_at_minimax():
    messages = [{"role": "system", "content": "a"}, USER, {"role": "developer", "content": "b"}]
    assert sent("minimax", *messages) == [{"role": "system", "content": "a\n\nb"}, USER]


@pytest.mark.parametrize(("vendor", "model"), [("moonshot", "kimi-k2-0905-preview"), ("moonshot-ai", "moonshot-v1-8k")])
def test_texts_are_strings_at_moonshot(vendor, model):
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    picture = [*texts, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    flat, mixed = sent(vendor, {"role": "user", "content": texts}, {"role": "user", "content": picture}, model=model)
    assert (flat["content"], mixed["content"]) == ("a\nb", picture)


@pytest.mark.parametrize("vendor", sorted(ENGINES))
def test_engines_of_the_operators_own_get_no_addresses_of_images(vendor):
    def asking(image: Any) -> dict[str, Any]:
        parts = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": image}]
        return {"role": "user", "content": parts}

    inline = asking({"url": "data:image/png;base64,AAAA"})
    own = vendor in ("ollama-openai", "llamacpp", "vllm", "lmstudio")
    assert ENGINES[vendor].traits("m").image_urls is not own
    assert sent(vendor, inline) == [inline]
    for address in ({"url": "http://169.254.169.254/latest"}, "https://x.example/a.png", {"url": "file:///etc/passwd"}):
        if not own:
            assert sent(vendor, asking(address)) == [asking(address)]
            continue
        with pytest.raises(Cannot) as refused:
            sent(vendor, USER, asking(address))
        assert refused.value.param == "messages[1].content[1].image_url"


# --- reasoning that goes back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "kept"),
    [
        ("openai", {}),
        ("qwen", {}),
        ("mistral", {}),
        ("groq", {}),
        ("deepseek", {"reasoning_content": "Hm."}),
        ("zhipu", {"reasoning_content": "Hm."}),
        ("moonshot", {"reasoning_content": "Hm."}),
        ("llamacpp", {"reasoning_content": "Hm."}),
        ("openrouter", {"reasoning": "Hm."}),
        ("cerebras", {"reasoning": "Hm."}),
        ("minimax", {"content": "<think>\nHm.\n</think>\n\n"}),
    ],
)
def test_reasoning_goes_back_where_the_vendor_takes_it(vendor, kept):
    assert (
        sent(vendor, USER, THOUGHT, RESULT)[1]
        == {"role": "assistant", "content": "", "tool_calls": sent(vendor, USER, LOST, RESULT)[1]["tool_calls"]} | kept
    )


@pytest.mark.parametrize(
    ("vendor", "model"),
    [
        ("deepseek", "deepseek-v4-flash"),
        ("deepseek", "deepseek-reasoner"),
        ("moonshot", "kimi-k2-thinking"),
        ("moonshot-ai", "kimi-k2.5"),
    ],
)
def test_a_blank_stands_in_for_reasoning_that_the_client_lost(vendor, model):
    empty = {**LOST, "reasoning_content": ""}
    assert sent(vendor, USER, LOST, RESULT, model=model)[1] == {**LOST, "reasoning_content": " "}
    assert sent(vendor, USER, empty, RESULT, model=model)[1] == {**LOST, "reasoning_content": " "}
    assert sent(vendor, USER, THOUGHT, RESULT, model=model)[1]["reasoning_content"] == "Hm."
    assert sent(vendor, USER, SPOKE, USER, model=model)[1] == SPOKE


@pytest.mark.parametrize(("vendor", "model"), [("deepseek", "deepseek-chat"), ("moonshot", "moonshot-v1-8k")])
def test_no_blank_where_nobody_thought(vendor, model):
    assert sent(vendor, USER, LOST, RESULT, model=model)[1] == LOST


def test_details_go_back_to_openrouter_unchanged_and_nowhere_else():
    details = [{"type": "reasoning.encrypted", "data": "opaque", "id": "rs_1", "index": 0}]
    assert (
        sent("openrouter", USER, {**THOUGHT, "reasoning_details": details}, RESULT)[1]["reasoning_details"] == details
    )
    assert "reasoning_details" not in sent("openai", USER, {**THOUGHT, "reasoning_details": details}, RESULT)[1]


TEXT = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
SEALED = {"type": "reasoning.encrypted", "data": "x", "id": "rs_1", "index": 0}


@pytest.mark.parametrize(
    ("collected", "whole"),
    [
        (
            [
                {**TEXT, "text": "", "signature": ""},
                {**TEXT, "text": "Hm"},
                {**TEXT, "text": "."},
                {**TEXT, "signature": "s"},
            ],
            [{**TEXT, "text": "Hm.", "signature": "s"}],
        ),
        (
            [{**TEXT, "text": "a"}, {**TEXT, "text": "b", "index": 1}, {**TEXT, "text": "c", "index": 1}],
            [{**TEXT, "text": "a"}, {**TEXT, "text": "bc", "index": 1}],
        ),
        (
            [{**TEXT, "text": "a", "id": "1"}, {**TEXT, "text": "b", "id": "2"}],
            [{**TEXT, "text": "a", "id": "1"}, {**TEXT, "text": "b", "id": "2"}],
        ),
        (
            [{**TEXT, "text": "a", "signature": "s"}, {**TEXT, "text": "b", "signature": None}],
            [{**TEXT, "text": "ab", "signature": "s"}],
        ),
        ([SEALED, SEALED], [SEALED, SEALED]),
        ([{"type": "reasoning.text", "text": "a"}] * 2, [{"type": "reasoning.text", "text": "a"}] * 2),
        (
            [{**TEXT, "text": "a"}, SEALED, {**TEXT, "text": "b"}],
            [{**TEXT, "text": "a"}, SEALED, {**TEXT, "text": "b"}],
        ),
        ([None, "x", {**TEXT, "text": 5}, {"type": []}], [None, "x", {**TEXT, "text": 5}, {"type": []}]),
        ("odd", "odd"),
    ],
)
def test_details_that_a_stream_cut_go_back_whole(collected, whole):
    sent_before = json.dumps(collected)
    messages = [USER, {**THOUGHT, "reasoning_details": collected}, RESULT]
    assert sent("openrouter", *messages)[1]["reasoning_details"] == whole
    assert json.dumps(collected) == sent_before


def test_ids_of_calls_have_nine_letters_at_mistral():
    asked, result = sent("mistral", LOST, RESULT)
    assert asked["tool_calls"][0]["id"] == result["tool_call_id"]
    assert len(result["tool_call_id"]) == 9
