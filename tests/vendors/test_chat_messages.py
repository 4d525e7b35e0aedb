"""Messages as vendors take them."""

from __future__ import annotations

import pytest

from tornadogw.vendors.chat_messages import rewrite
from tornadogw.vendors.rows import Profile

ANSWER = {"role": "assistant", "content": "4", "reasoning": "2+2", "reasoning_content": "2+2"}


def test_what_needs_no_change_is_passed_as_it_is():
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None}]
    written = rewrite(messages, Profile(roles={"developer": "system"}))
    assert all(one is other for one, other in zip(written, messages, strict=True))


def test_roles_are_renamed():
    messages = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]
    written = rewrite(messages, Profile(roles={"developer": "system"}))
    assert [message["role"] for message in written] == ["system", "user"]
    assert messages[0]["role"] == "developer"


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ("", {"role": "assistant", "content": "4"}),
        ("reasoning_content", {"role": "assistant", "content": "4", "reasoning_content": "2+2"}),
        ("reasoning", {"role": "assistant", "content": "4", "reasoning": "2+2"}),
        ("tags", {"role": "assistant", "content": "<think>\n2+2\n</think>\n\n4"}),
    ],
)
def test_earlier_reasoning_goes_where_the_vendor_takes_it(history, message):
    details = {**ANSWER, "reasoning_details": [{"text": "2+2"}]}
    assert rewrite([details], Profile(history=history)) == [message]
    kept = rewrite([details], Profile(history=history, history_details=True))
    assert kept == [{**message, "reasoning_details": [{"text": "2+2"}]}]
    assert "reasoning" in ANSWER


def test_tags_leave_lists_and_empty_content_sane():
    parts = {**ANSWER, "content": [{"type": "text", "text": "4"}]}
    assert rewrite([parts], Profile(history="tags")) == [{"role": "assistant", "content": parts["content"]}]
    calls = {"role": "assistant", "content": None, "reasoning": "hm", "tool_calls": []}
    assert rewrite([calls], Profile(history="tags"))[0]["content"] == "<think>\nhm\n</think>\n\n"


def test_ids_get_the_right_form_and_still_meet():
    messages = [
        {"role": "assistant", "tool_calls": [{"id": "call_abc", "function": {}}, {"id": "abcDEF123"}, "odd"]},
        {"role": "tool", "tool_call_id": "call_abc", "content": "1"},
        {"role": "tool", "tool_call_id": "abcDEF123", "content": "2"},
    ]
    written = rewrite(messages, Profile(tool_id_length=9))
    made = written[1]["tool_call_id"]
    assert written[0]["tool_calls"] == [{"id": made, "function": {}}, {"id": "abcDEF123"}, "odd"]
    assert len(made) == 9
    assert made.isalnum()
    assert written[2]["tool_call_id"] == "abcDEF123"
    assert rewrite(messages, Profile(tool_id_length=9)) == written
    assert rewrite([{"role": "tool", "tool_call_id": "\ud800"}], Profile(tool_id_length=9))[0]["tool_call_id"].isalnum()


def test_text_parts_become_a_string_where_only_that_is_taken():
    texts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    mixed = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}]
    written = rewrite([{"role": "user", "content": texts}, {"role": "user", "content": mixed}], Profile(flat_text=True))
    assert [message["content"] for message in written] == ["a\nb", mixed]


def test_system_messages_are_joined_where_one_is_taken():
    messages = [
        {"role": "system", "content": "a"},
        {"role": "user", "content": "hi"},
        {"role": "developer", "content": [{"type": "text", "text": "b"}]},
    ]
    profile = Profile(single_system=True, roles={"developer": "system"})
    assert rewrite(messages, profile) == [{"role": "system", "content": "a\n\nb"}, {"role": "user", "content": "hi"}]
    assert rewrite(messages[:2], profile) == messages[:2]
    picture = {"role": "system", "content": [{"type": "image_url"}]}
    assert rewrite([messages[0], picture], profile) == [messages[0], picture]
