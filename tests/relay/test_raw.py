from __future__ import annotations

import itertools

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.relay.conftest import WHOLE, event, relay, text_of, whole
from tornadogw.relay.raw import is_plain


@pytest.mark.parametrize(
    ("block", "plain"),
    [
        (event({"content": "x"}), True),
        (event({"content": 'a "error" and "usage":{ and "choices":[{'}), True),
        (event({"content": 'a "reasoning'}), False),  # parsed for nothing, and read the same
        (event({"content": "x"}, usage=None), True),
        (b'data: {"id":"c", "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": null}]}\n\n', True),
        (event({"content": "x"}, "stop"), False),
        (event({"content": "x"}, usage={"prompt_tokens": 1}), False),
        (event({"reasoning_content": "x"}), False),
        (event({"reasoning": "x"}), False),
        (event({"content": [{"type": "text", "text": "x"}]}), False),
        (event({"tool_calls": [{"index": 0}]}), False),
        (event({"content": "x"}, error={"message": "x"}), False),
        (event(None), False),
        (b": ping\n\n", False),
        (b"data: [DONE]\n\n", False),
        (b"data: {}\n\n", False),
        (b"event: message\n" + event({"content": "x"}), False),
        (event({"content": "x"}).replace(b"\n\n", b"\nevent: x\n\n"), False),
        (event({"content": "x"}).replace(b"\n\n", b"\r\n\r\n"), False),
        (event({"content": "x"}).replace(b"data: ", b"data:"), False),
    ],
)
def test_what_may_pass_as_it_came(block, plain):
    assert is_plain(block) is plain


def test_plain_events_pass_untouched(rows):
    padded = event({"content": "one"}) + event({"content": "two"}, logprobs=None, system_fingerprint="fp")
    out, _, _ = relay(rows["openai"], padded + event({}, "stop"), lambda body: [body[:200], body[200:]], raw=True)
    assert event({"content": "two"}, logprobs=None, system_fingerprint="fp") in out


def test_nothing_passes_before_the_first_useful_event(rows):
    out, _, _ = relay(rows["openai"], WHOLE, lambda body: [body[n : n + 1] for n in range(len(body))], raw=True)
    assert out.startswith(b"data: ")
    first = orjson.loads(out.split(b"\n\n")[0][6:])
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "Hel"}


def cut_at(points):
    def cuts(body):
        edges = sorted({0, len(body), *(point % (len(body) + 1) for point in points)})
        return [body[a:b] for a, b in itertools.pairwise(edges)]

    return cuts


STREAMS = [
    WHOLE,
    WHOLE.replace(b"\n\n", b"\r\n\r\n"),
    WHOLE.replace(b"data: ", b": ping\n\ndata: "),
    event({"content": "a"}) + event({"reasoning_content": "r"}) + event({"content": "b"}) + event({}, "length"),
    event({"content": "a"})
    + event({"content": "b"})
    + b"data: {oops\n\n"
    + event({"content": "c"})
    + event({}, "stop"),
    event({"content": "a"}) + event({"content": "b"}) + event(None, usage={"prompt_tokens": 3, "completion_tokens": 2}),
    event({"content": "a"}) + event({"content": "b"}) + b"data: [DONE]\n\n",
    event({"content": "a"}) + event({"content": "b"}),
    event({"content": "a"}) + event({"content": "b"}) + b'data: {"error":{"message":"x"}}\n\n',
]


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 3000), max_size=12), st.booleans())
def test_relay_is_the_same_for_any_split(rows, body, points, raw):
    expected, reference, counted = relay(rows["openai"], body, whole, raw=False)
    out, reader, meter = relay(rows["openai"], body, cut_at(points), raw=raw)
    assert text_of(out) == text_of(expected)
    assert out.endswith(b"data: [DONE]\n\n") == expected.endswith(b"data: [DONE]\n\n")
    assert (reader.failure is None) == (reference.failure is None)
    assert reader.broken == reference.broken
    assert meter.result() == counted.result()


@given(st.lists(st.text(min_size=1), min_size=1, max_size=6))
def test_raw_and_parsed_count_the_same(rows, texts):
    body = b"".join(event({"content": text}) for text in texts) + event({}, "stop")
    _, _, parsed = relay(rows["openai"], body, whole, raw=False)
    half = len(body) // 3
    _, _, raw = relay(rows["openai"], body, lambda body: [body[:half], body[half:]], raw=True)
    assert raw.result() == parsed.result()


def test_a_long_line_passes(rows):
    text = "x" * 3_000_000
    body = event({"content": "a"}) + event({"content": text}) + event({}, "stop")
    out, _, _ = relay(
        rows["openai"], body, lambda body: [body[n : n + 65536] for n in range(0, len(body), 65536)], raw=True
    )
    assert text_of(out) == "a" + text
