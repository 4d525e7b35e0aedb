"""Bytes go through a vendor as in the gateway, and everything that it says comes out."""

from __future__ import annotations

import json

import pytest

from tests.testing.toy import HELLO, Toy, sse
from tornadogw.errors import Unreadable
from tornadogw.framing import Framer
from tornadogw.testing import read_all, reading
from tornadogw.testing.reading import cuts, frames_of, pieces
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


@pytest.mark.parametrize(
    "body", [sse(*HELLO), sse(*HELLO).replace(b"\n", b"\r\n"), json.dumps({"events": HELLO}).encode()]
)
def test_an_answer_cut_anywhere_is_read_as_if_it_had_ended_there(body):
    vendor = Toy()
    seen = list(cuts(vendor, CALL, body))
    assert [cut.at for cut in seen] == list(range(1, len(body) + 1))
    for cut in seen:
        try:
            right = read_all(vendor, CALL, [body[: cut.at]])
        except Unreadable:
            right = [Failure("elsewhere", code="unreadable", message=cut.events[0].message)]
        assert list(cut.events) == right, cut.at
        assert cut.complete == any(isinstance(event, Stop) for event in right)
        assert not (cut.complete and cut.broken)
    assert seen[-1].complete


class Torn(Framer):
    """Tells half a frame from the end of a body."""

    def end(self):
        if self._pieces:
            raise Unreadable("half a frame")
        return super().end()


def test_a_torn_frame_is_a_failure():
    body = sse({"word": "Hi"}, {"done": "stop"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "Framer", Torn)
        seen = list(cuts(Toy(), CALL, body))
    assert isinstance(seen[10].events[-1], Failure)
    assert seen[10].events[-1].message == "half a frame"
    assert seen[-1].complete


def test_pieces_and_frames():
    assert pieces(b"abcdef", [1, 3]) == [b"a", b"bcd", b"e", b"f"]
    assert [frame.data for frame in frames_of(Toy(), CALL, pieces(sse({"a": 1}, {"b": 2})))] == [
        b'{"a": 1}',
        b'{"b": 2}',
    ]
