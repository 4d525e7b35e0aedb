"""Bytes go through a vendor as in the gateway, and everything that it says comes out."""

from __future__ import annotations

import json

import pytest

from tornadogw.errors import Unreadable
from tornadogw.testing import read_all
from tornadogw.types import Call, Draft, Failure, Stop, Text
from tornadogw.vendor import Vendor

CALL = Call(id="r", draft=Draft(mode="chat", model="m"), model="m", base_url="https://a")


class Words(Vendor):
    """One word a frame; `end` tells how many there were."""

    name = "words"

    def read(self, frame, memo):
        memo.count = getattr(memo, "count", 0) + 1
        return [Failure("elsewhere")] if frame.data == b"fail" else [Text(frame.data.decode())]

    def end(self, memo):
        return [Stop(str(memo.count))]

    def read_whole(self, body, memo):
        return [Text(json.loads(body)["words"]), Stop("whole")]


@pytest.mark.parametrize("split", [1, 2, 5, 1000])
def test_a_stream(split):
    body = b"data: a\n\n: comment\n\ndata: fail\n\ndata: b\n\n"
    chunks = [body[at : at + split] for at in range(0, len(body), split)]
    assert read_all(Words(), CALL, chunks) == [Text("a"), Failure("elsewhere"), Text("b"), Stop("3")]


def test_a_json_body():
    assert read_all(Words(), CALL, [b'{"words"', b': "x"}']) == [Text("x"), Stop("whole")]


def test_garbage_is_raised_on():
    class Strict(Words):
        def read(self, frame, memo):
            raise Unreadable("no")

    with pytest.raises(Unreadable):
        read_all(Strict(), CALL, [b"data: a\n\n"])
