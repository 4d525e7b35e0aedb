from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.dialects.chat_parse import MAX_CHOICES, parse
from tornadogw.errors import InvalidRequest, MissingInput
from tornadogw.types import Draft

HELLO = [{"role": "user", "content": "Hello"}]


def read(body: Any) -> Draft:
    return parse(body if isinstance(body, bytes) else orjson.dumps(body), default_model="auto")[0]


def test_nothing_but_messages_is_enough():
    draft, explicit = parse(orjson.dumps({"messages": HELLO}), default_model="auto")
    assert (draft.mode, draft.model, draft.choices, explicit) == ("chat", "auto", 1, None)
    assert (draft.max_tokens, draft.temperature, draft.include_usage, draft.params) == (None, None, False, {})


def test_messages_win_over_prompt_and_null_is_absent():
    assert read({"messages": HELLO, "prompt": "x"}).mode == "chat"
    draft = read({"messages": None, "prompt": "x", "max_tokens": None, "stop": None})
    assert (draft.mode, list(draft.prompts), draft.params) == ("completion", ["x"], {})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": "m"},
        {"messages": []},
        {"messages": [], "prompt": "x"},
        {"prompt": ""},
        {"prompt": []},
        {"prompt": [""]},
        {"input": "hi"},
    ],
)
def test_what_is_missing_is_1001(body):
    with pytest.raises(MissingInput):
        read(body)


def test_the_responses_shape_is_told_its_name():
    with pytest.raises(MissingInput) as caught:
        read({"input": [{"role": "user"}]})
    assert "input" in caught.value.message("en")
    assert "input" in caught.value.message("zh")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stream", "true"),
        ("stream", 1),
        ("max_tokens", 0),
        ("max_tokens", -1),
        ("max_tokens", True),
        ("max_tokens", 1.5),
        ("max_tokens", "5"),
        ("max_completion_tokens", 0),
        ("temperature", 2.1),
        ("temperature", -0.1),
        ("temperature", True),
        ("temperature", "1"),
        ("n", 0),
        ("n", MAX_CHOICES + 1),
        ("n", True),
        ("model", 5),
        ("top_p", 1.5),
        ("presence_penalty", 3),
        ("tools", {}),
        ("tools", ["x"]),
        ("tool_choice", 5),
        ("response_format", "json"),
        ("response_format", {}),
        ("stop", 5),
        ("stop", [1]),
        ("stream_options", []),
        ("stream_options", {"include_usage": "yes"}),
        ("user", 5),
        ("messages", "hi"),
        ("messages", {"role": "user"}),
        ("messages", ["hi"]),
        ("messages", [{"content": "no role"}]),
        ("messages", [{"role": "robot", "content": "x"}]),
        ("messages", [{"role": ["user"], "content": "x"}]),
        ("messages", [{"role": "user", "content": 5}]),
        ("messages", [{"role": "user", "content": ["x"]}]),
        ("messages", [{"role": "user", "content": [{"type": "text", "text": 5}]}]),
        ("messages", [{"role": "user", "content": [{"type": "image_url"}]}]),
        ("messages", [{"role": "assistant", "tool_calls": {}}]),
        ("messages", [{"role": "assistant", "tool_calls": ["x"]}]),
        ("messages", [{"role": "assistant", "tool_calls": [{"function": {"name": 5}}]}]),
        ("messages", [{"role": "tool", "content": "x", "tool_call_id": 5}]),
    ],
)
def test_a_wrong_field_is_1002_and_named(field, value):
    with pytest.raises(InvalidRequest) as caught:
        read({"messages": HELLO} | {field: value})
    assert caught.value.code == 1002
    assert (caught.value.param or "").startswith(field)


@pytest.mark.parametrize("prompt", [5, {"a": 1}, ["x", 5], [["x"]], [[]]])
def test_a_wrong_prompt_is_1002(prompt):
    with pytest.raises(InvalidRequest):
        read({"prompt": prompt})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b'"x"',
        b'{"messages":[{"role":"user","content":"\xff"}]}',
        b'{"messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"messages":[{"role":"user","content":"x"}],"temperature":NaN}',
        b'{"a":' + b"[" * 1025 + b"]" * 1025 + b"}",
        b'{"messages":[{"role":"user","content":"x"}',
    ],
)
def test_what_is_no_json_object_is_1002(body):
    with pytest.raises(InvalidRequest):
        read(body)


def test_the_last_of_duplicate_keys_wins():
    assert read(b'{"prompt":"a","prompt":"b"}').prompts == ["b"]


def test_deep_nesting_up_to_1024_is_read():
    inner = b'{"messages":[{"role":"user","content":"x"}],"metadata":' + b"[" * 1000 + b"]" * 1000 + b',"x":"\\u4f60"}'
    assert read(inner).prompt_bytes > 2000


def test_max_completion_tokens_is_the_same_and_wins():
    assert read({"messages": HELLO, "max_tokens": 5}).max_tokens == 5
    assert read({"messages": HELLO, "max_tokens": 5, "max_completion_tokens": 7}).max_tokens == 7


def test_choices_are_what_can_be_asked_for_at_most():
    assert read({"messages": HELLO, "n": 3}).choices == 3
    assert read({"prompt": ["a", "b"], "best_of": 4}).choices == 8
    with pytest.raises(InvalidRequest):
        read({"prompt": ["a"] * 9, "n": 2})


def test_token_arrays_are_prompts():
    assert read({"prompt": [1, 2, 3]}).prompts == [[1, 2, 3]]
    assert read({"prompt": [[1], [2]]}).prompts == [[1], [2]]


def test_needs_follow_from_the_request():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    draft = read(
        {
            "messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, picture]}],
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "x"}},
        }
    )
    assert draft.needs == {"images", "tools", "json_schema"}
    assert draft.images == 1


def test_inline_images_are_no_text():
    def size(data: str) -> int:
        part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + data}}
        return read({"messages": [{"role": "user", "content": [part]}]}).prompt_bytes

    assert size("A" * 100_000) == size("")


def test_an_escaped_character_asks_for_no_more_than_a_plain_one():
    plain = orjson.dumps({"prompt": "你好"})
    assert read(b'{"prompt":"\\u4f60\\u597d"}').prompt_bytes == read(plain).prompt_bytes


def test_nulls_in_messages_are_dropped_but_for_content():
    draft = read({"messages": [{"role": "assistant", "content": None, "name": None, "refusal": None}]})
    assert draft.messages == [{"role": "assistant", "content": None}]


def test_everything_else_is_passed_on():
    extra = {"seed": 1, "user": "u", "metadata": {"a": None}, "top_k": 4, "reasoning_effort": "low"}
    assert read({"messages": HELLO, "stream": False, "temperature": 0} | extra).params == extra


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    "messages prompt input model max_tokens n best_of stop stream tools response_format stream_options".split()
)


@given(st.dictionaries(fields, json_values, max_size=6))
def test_any_object_is_a_draft_or_a_refusal(body):
    with contextlib.suppress(MissingInput, InvalidRequest):
        draft = read(body)
        assert bool(draft.messages) != bool(draft.prompts)
        assert 1 <= draft.choices <= MAX_CHOICES
