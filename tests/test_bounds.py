from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.bounds import FOR_TOOLS, PER_MESSAGE, prompt_bound, prompt_ceiling, prompt_estimate, prompt_least
from tornadogw.dialects.chat_parse import parse
from tornadogw.types import Draft, Traits


def draft_of(body):
    return parse(orjson.dumps(body), default_model="auto")[0]


def test_the_bound_is_the_designs():
    draft = Draft(mode="chat", model="m", prompt_bytes=101, message_count=2, images=3)
    assert prompt_bound(draft, Traits(image_tokens=1000)) == 51 + 2 * PER_MESSAGE + 3000
    assert prompt_ceiling(draft, Traits(image_tokens=1000)) == 101 + 2 * PER_MESSAGE + 3000


def test_a_vendor_may_count_instructions_of_its_own():
    draft = Draft(mode="chat", model="m", prompt_bytes=10, message_count=1)
    assert prompt_bound(draft, Traits(template_tokens=500)) == 5 + PER_MESSAGE + 500
    assert prompt_ceiling(draft, Traits(template_tokens=500)) == 10 + PER_MESSAGE + 500


def test_tools_come_with_instructions_of_the_vendors():
    draft = Draft(mode="chat", model="m", prompt_bytes=10, message_count=1, needs=frozenset({"tools"}))
    assert prompt_bound(draft, Traits()) == 5 + PER_MESSAGE + FOR_TOOLS
    assert prompt_ceiling(draft, Traits()) == 10 + PER_MESSAGE + FOR_TOOLS


def test_the_estimate_counts_text_only():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 999}}
    messages = [
        {"role": "system", "content": "abcd"},
        {"role": "user", "content": [{"type": "text", "text": "你好"}, picture]},
        {"role": "assistant", "content": None},
    ]
    assert prompt_estimate(draft_of({"messages": messages})) == 1 + 2


def test_prompts_and_token_arrays():
    assert prompt_estimate(draft_of({"prompt": ["abcd", "abcdefgh"]})) == 3
    assert prompt_estimate(draft_of({"prompt": [1, 2, 3]})) == 3


@given(st.lists(st.text(), min_size=1))
def test_an_estimate_is_possible(texts):
    draft = draft_of({"messages": [{"role": "user", "content": text} for text in texts]})
    assert prompt_estimate(draft) <= prompt_ceiling(draft, Traits())


def test_the_least_is_half_of_the_estimate_and_of_several_prompts_the_longest():
    assert prompt_least(draft_of({"messages": [{"role": "user", "content": "x" * 80}]})) == 10
    assert prompt_least(draft_of({"prompt": ["x" * 80, "你" * 30, "y"]})) == 15
    assert prompt_least(draft_of({"prompt": [[1, 2, 3], [4]]})) == 3


@given(st.text(max_size=200))
def test_the_least_is_at_most_half_the_bytes(text):
    """The router asks for it only where half the bytes are more than a context."""
    draft = draft_of({"messages": [{"role": "user", "content": text}]})
    assert prompt_least(draft) <= draft.prompt_bytes // 2
