"""Each rule about requests goes red on a vendor that breaks it."""

from __future__ import annotations

import json

import pytest

from tests.testing.toy import Toy, ToySuite, red
from tornadogw.errors import Cannot
from tornadogw.testing import Golden
from tornadogw.testing.check_writing import differences
from tornadogw.types import Extra, UpstreamRequest


def rewritten(request: UpstreamRequest, **changes) -> UpstreamRequest:
    body = {**json.loads(request.body), **changes}
    return UpstreamRequest(request.url, request.headers, json.dumps(body).encode(), dropped=request.dropped)


class AnotherLimit(Toy):
    def request(self, call, credential, now):
        return rewritten(super().request(call, credential, now), limit=7)


class AnotherPath(Toy):
    def request(self, call, credential, now):
        request = super().request(call, credential, now)
        return UpstreamRequest(request.url + "?x=1", request.headers, request.body, dropped=request.dropped)


class Silent(Toy):
    def request(self, call, credential, now):
        request = super().request(call, credential, now)
        return UpstreamRequest(request.url, request.headers, request.body)


class WrongName(Toy):
    def request(self, call, credential, now):
        if "seed" in call.draft.params:
            raise Cannot("nothing", "no")
        return super().request(call, credential, now)


class Trusting(Toy):
    def request(self, call, credential, now):
        str(call.draft.messages[0]["content"]["text"] if call.draft.params.get("user") == "" else "")
        len(call.draft.params.get("seed", ""))
        return super().request(call, credential, now)


class Changing(Toy):
    def request(self, call, credential, now):
        call.draft.params.pop("tools", None)
        return super().request(call, credential, now)


class Counting(Toy):
    number = 0

    def request(self, call, credential, now):
        Counting.number += 1
        return rewritten(super().request(call, credential, now), number=Counting.number)


class Forgetful(Toy):
    """Loses signatures."""

    def events(self, said, memo):
        return (event for event in super().events(said, memo) if not isinstance(event, Extra))


@pytest.mark.parametrize(
    ("rule", "vendor"),
    [
        ("requests", AnotherLimit),
        ("requests", AnotherPath),
        ("never_silent", Silent),
        ("never_silent", WrongName),
        ("any_request", Trusting),
        ("call_unchanged", Changing),
        ("call_unchanged", Counting),
        ("extras", Forgetful),
    ],
)
def test_a_broken_vendor_is_seen(rule, vendor):
    assert red(rule, vendor=vendor)


def test_differences_may_be_named_with_a_reason_and_must_be_there():
    assert not red("requests", vendor=AnotherLimit, differs={"limit": "seven is enough"})
    assert red("requests", differs={"limit": "seven is enough"})["requests"] == (
        "`limit` may differ, and nothing does",
    )


def test_a_refusal_may_be_expected_and_must_come():
    image = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    golden = Golden(name="image", asked={"messages": [{"role": "user", "content": image}]}, body={})
    goldens = (*ToySuite.goldens, golden)
    assert red("requests", goldens=goldens)["requests"][0].startswith("image: refused: messages[0].content")
    assert red(goldens=goldens, refuses={"image": "messages[0].content"}) == {}
    assert red("requests", refuses={"plain": "n"})["requests"] == ("plain: n is not refused",)


def test_a_rule_without_material_fails():
    assert red("requests", goldens=())
    assert red("extras", opaque=())


def test_opaque_values_may_have_to_survive_clients_that_drop_what_they_do_not_know():
    (reason,) = red("extras", plain_clients=True)["extras"]
    assert reason == "hello: lost 'c2lnbmF0dXJlLTE=' with a client that keeps only what it knows"


def test_where_two_bodies_differ():
    right = {"a": 1, "b": [{"c": True}], "d": 1, "e": [1]}
    told = {"a": 1, "b": [{"c": 1}], "e": [1, 2], "f": 2}
    assert dict(differences(right, told)) == {
        "b.0.c": "is 1, not True",
        "d": "is missing (it was 1)",
        "e": "is [1, 2], not [1]",
        "f": "was not sent (2)",
    }
