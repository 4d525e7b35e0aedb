"""The values that flow: frozen, compared by content, no secret in a repr."""

from __future__ import annotations

import msgspec
import pytest

from tornadogw import types
from tornadogw.types import Caller, Credential, Draft, Record, Terms, Text, UpstreamRequest, Usage


def structs():
    found = (getattr(types, name) for name in types.__all__)
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]


@pytest.mark.parametrize("kind", structs())
def test_every_value_is_frozen(kind):
    assert kind.__struct_config__.frozen


def test_nobody_changes_a_value():
    with pytest.raises(AttributeError, match="immutable"):
        Usage().prompt = 1


def test_values_are_compared_by_content():
    assert Text("a") == Text("a", choice=0)
    assert Text("a") != Text("a", choice=1)
    assert len({Text("a"), Text("a")}) == 1


def test_a_credential_shows_no_secret():
    shown = repr(Credential("up/0", "sk-very-secret"))
    assert "up/0" in shown
    assert "secret" not in shown.replace("secret=<masked>", "")


def test_a_request_shows_neither_headers_nor_query_nor_body():
    request = UpstreamRequest("https://x.test/v1/chat?key=k1", {"authorization": "Bearer k2"}, b"k3k3")
    assert repr(request) == "UpstreamRequest(POST https://x.test/v1/chat, 4 bytes)"


def test_a_draft_says_what_was_not_sent():
    draft = Draft("chat", "auto")
    assert (draft.max_tokens, draft.temperature, draft.stream, draft.choices) == (None, None, False, 1)


def test_a_record_survives_the_database():
    record = Record("r", "a", "k", "chat", "auto", usage=Usage(3, 2), cost=7)
    assert msgspec.convert(msgspec.to_builtins(record), Record) == record


def test_the_first_plan_that_has_begun_and_is_not_over_counts():
    def terms(name: str, since: float, until: float) -> Terms:
        return Terms(name, daily=1, since=since, until=until)

    caller = Caller("a", "k", terms=(terms("first", 10, 20), terms("second", 15, 30), terms("third", 40, 50)))
    found = {now: caller.terms_at(now) for now in (9, 10, 19.9, 20, 30, 40)}
    assert {now: each and each.plan for now, each in found.items()} == {
        9: None,
        10: "first",
        19.9: "first",
        20: "second",
        30: None,
        40: "third",
    }
