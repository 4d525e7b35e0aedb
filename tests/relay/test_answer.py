from __future__ import annotations

from types import SimpleNamespace

import orjson
import pytest

from tests.relay.conftest import draft_of
from tornadogw.relay.answer import JsonAnswer, StreamAnswer, identity, shown_model
from tornadogw.types import Meta, Stop, Text, Usage


@pytest.mark.parametrize(
    ("reported", "shown"),
    [
        ("deepseek-v4-flash", "deepseek-v4-flash"),
        ("org/name", "org/name"),
        ("", "route-model"),
        ("/models/tiny.gguf", "route-model"),
        ("a/b/c", "route-model"),
        ("tiny/", "route-model"),
    ],
)
def test_the_model_that_really_answered(reported, shown):
    assert shown_model(SimpleNamespace(public_name="", model="route-model"), reported) == shown
    assert shown_model(SimpleNamespace(public_name="public", model="route-model"), reported) == "public"


def test_identity_falls_back_to_ours():
    route = SimpleNamespace(public_name="", model="m")
    assert identity(Meta(), route, draft_of(), "r1", 5.9).id == "chatcmpl-r1"
    assert identity(Meta("x", "y", 3), route, draft_of(), "r1", 5.9) == identity(
        Meta("x", "y", 3), route, draft_of(), "r2", 1
    )


def test_an_answer_begins_once():
    route = SimpleNamespace(public_name="", model="m")
    answer = StreamAnswer(draft_of())
    answer.begin(identity(Meta("a", "m"), route, draft_of(), "r", 1))
    answer.begin(identity(Meta("b", "n"), route, draft_of(), "r", 1))
    assert answer.identity is not None
    assert answer.identity.id == "a"


@pytest.mark.parametrize("kind", [StreamAnswer, JsonAnswer])
def test_nothing_is_said_before_the_beginning(kind):
    with pytest.raises(RuntimeError):
        kind(draft_of()).close(Usage())


def test_json_says_everything_at_the_end():
    answer = JsonAnswer(draft_of(stream=False))
    answer.begin(identity(Meta("a", "m", 1), SimpleNamespace(public_name="", model="m"), draft_of(), "r", 1))
    assert answer.take([Text("hi"), Stop("stop")]) == b""
    assert orjson.loads(answer.close(Usage(1, 1)))["choices"][0]["message"]["content"] == "hi"


@pytest.mark.parametrize("asked", [True, False])
def test_usage_chunk_only_if_asked(asked):
    draft = draft_of(stream_options={"include_usage": asked})
    answer = StreamAnswer(draft)
    answer.begin(identity(Meta("a", "m", 1), SimpleNamespace(public_name="", model="m"), draft, "r", 1))
    assert (b'"usage"' in answer.close(Usage(1, 1))) is asked


def test_a_body_that_says_just_what_is_to_be_said_passes_as_it_is():
    route = SimpleNamespace(public_name="", model="m")
    body = (
        b'{"id":"a", "object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":'
        b'{"role":"assistant","content":"hi"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
    )
    for usage, passes in ((Usage(1, 1), True), (Usage(1, 2), False)):
        answer = JsonAnswer(draft_of(stream=False))
        answer.begin(identity(Meta("a", "m", 1), route, draft_of(), "r", 1))
        answer.take([Text("hi"), Stop("stop")])
        answer.offer(body)
        assert (answer.close(usage) == body) is passes
