from __future__ import annotations

import pytest

from tornadogw.dialects.chat_messages import ROLES, check_messages, image_count, inline_data_bytes
from tornadogw.errors import InvalidRequest


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_role_passes_unchanged(role):
    messages = [{"role": role, "content": "x", "name": "n"}]
    assert check_messages(messages) == messages


def test_the_first_wrong_message_is_named():
    with pytest.raises(InvalidRequest) as caught:
        check_messages([{"role": "user", "content": "x"}, {"role": "user", "content": {"a": 1}}])
    assert caught.value.param == "messages[1].content"


def test_unknown_parts_pass_for_the_vendor_to_judge():
    messages = [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x"}}]}]
    assert check_messages(messages) == messages


def test_images_are_counted_in_both_spellings():
    parts = [
        {"type": "image_url", "image_url": {"url": "data:x,AA"}},
        {"type": "image_url", "image_url": "https://a/b"},
    ]
    messages = check_messages([{"role": "user", "content": parts}])
    assert (image_count(messages), inline_data_bytes(messages)) == (2, len("data:x,AA"))
