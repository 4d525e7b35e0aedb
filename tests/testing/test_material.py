"""What the suite works on."""

from __future__ import annotations

from tornadogw.testing.material import draft_of, hello, nodes, strings


def test_a_body_becomes_what_the_gateway_reads():
    draft = draft_of({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "seed": 1})
    assert draft is not None
    assert (draft.model, draft.params) == ("m", {"seed": 1})
    assert draft_of({"model": "m"}) is None
    assert draft_of({"messages": 1}) is None


def test_the_plainest_requests():
    assert hello("m").messages[0]["role"] == "user"
    assert hello("m", "completion").prompts == ("Hello",)


def test_values_and_texts_inside_json():
    assert [path for path, _ in nodes({"a": [1, {"b": 2}]})] == [(), ("a",), ("a", "0"), ("a", "1"), ("a", "1", "b")]
    assert list(strings(b'{"sign": ["x", "y"], "n": 1, "in": {"t": "z"}}')) == [
        ("sign", "x"),
        ("sign", "y"),
        ("t", "z"),
    ]
    assert list(strings(b"{")) == []
