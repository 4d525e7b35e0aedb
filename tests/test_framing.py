"""Framing: any split of the bytes gives the same frames, and time grows with the bytes, not with their pieces."""

from __future__ import annotations

import time
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.errors import Unreadable
from tornadogw.framing import Framer, SSEBlocks, read_block, sniff
from tornadogw.types import Frame, Framing

BOM = b"\xef\xbb\xbf"
FRAGMENTS = [
    *(b"data: {", b'"a":1}', b"data:", b"data: [DONE]", b": ping", b"event: error", b"id: 7", b"retry: 3", b"data"),
    *(b"\n", b"\n\n", b"\r\n", b"\r\n\r\n", b"\r", b"\r\r", b" ", b"{", b"}", b"<html>", BOM),
    *("你好🌍".encode(), b"\xff", b"[", b"]", b"x" * 40),
]


def frames_of(pieces: list[bytes], limit: int = 1 << 20, *, framing: Framing = "sse") -> tuple[str, list[Frame], bool]:
    """What a framer says of a body in these pieces: its kind, its frames, whether it was unreadable."""
    framer, frames = Framer(limit, framing=framing), []
    try:
        for piece in pieces:
            frames += framer.feed(piece)
        frames += framer.end()
    except Unreadable:
        return framer.kind, frames, True
    return framer.kind, frames, False


def cut(body: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(min(place, len(body)) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(borders)]


bodies = st.lists(st.sampled_from(FRAGMENTS), max_size=25).map(b"".join)
places = st.lists(st.integers(0, 300), max_size=12)


@given(bodies, places, st.sampled_from([1 << 20, 30, 6]))
def test_any_split_gives_the_same_frames(body: bytes, at: list[int], limit: int) -> None:
    whole = frames_of([body], limit)
    assert frames_of(cut(body, at), limit) == whole
    assert frames_of([body[i : i + 1] for i in range(len(body))], limit) == whole


@given(bodies, places)
def test_any_split_gives_the_same_blocks(body: bytes, at: list[int]) -> None:
    def blocks_of(pieces: list[bytes]) -> tuple[list[bytes], bytes]:
        cutter = SSEBlocks()
        return [block for piece in pieces for block in cutter.feed(piece)], cutter.tail

    blocks, tail = blocks_of([body])
    assert blocks_of(cut(body, at)) == (blocks, tail)
    assert b"".join(blocks) + tail == body


@given(st.lists(st.sampled_from([b'{"a":1}', '{"你":2}'.encode(), b"[DONE]"]), max_size=6), st.data())
def test_every_line_end_means_the_same(payloads: list[bytes], data: st.DataObject) -> None:
    body = BOM
    for payload in payloads:
        ends = [data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"])) for _ in range(3)]
        # A blank line between LF-ended ones must not begin with the LF that would complete a CR before it.
        body += b": comment" + ends[0] + b"data: " + payload + ends[1] + (b"\r\n" if ends[1] == b"\r" else ends[2])
    assert frames_of([body])[1] == [Frame(payload) for payload in payloads]


def test_events_as_vendors_send_them() -> None:
    body = (
        b': PROCESSING\n\n: PROCESSING\n\ndata: {"n":1}\n\n'
        b'id:1\nevent:result\n:HTTP_STATUS/200\ndata:{"n":2}\n\n'
        b"data:\n\ndata: \n\nevent: ping\n\n"
        b'data: {"a":\ndata: 3}\n\n'
        b'event: error\ndata: {"error":{}}\n\ndata: [DONE]\n\n'
    )
    assert frames_of([body]) == (
        "sse",
        [
            Frame(b'{"n":1}'),
            Frame(b'{"n":2}', "result"),
            Frame(b'{"a":\n3}'),
            Frame(b'{"error":{}}', "error"),
            Frame(b"[DONE]"),
        ],
        False,
    )


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"data: {", "sse"), (b"event: x", "sse"), (b"id:1", "sse"), (b"retry: 1", "sse"), (b": hi", "sse"),
        (BOM + b"\r\n data:", "sse"), (b'{"a"', "json"), (b" \n\n  [", "json"), (b"<!doctype", "html"),
        (b"\n<html", "html"), (b"Bad Gateway", "garbage"), (b"dat: x", "garbage"), (b"\x00\x00", "garbage"),
        (b"", ""), (b"  \n", ""), (b"dat", ""), (b"\xef\xbb", ""), (BOM, ""),
    ],
)  # fmt: skip
def test_the_first_bytes_decide(head: bytes, kind: str) -> None:
    assert sniff(head) == kind


def test_json_is_one_frame_at_the_end() -> None:
    framer = Framer()
    assert framer.feed(b"\n\n   \n") == []
    assert framer.feed(b'{"a":') == []
    assert framer.feed(b"1}\n") == []
    assert framer.kind == "json"
    assert framer.end() == [Frame(b'{"a":1}\n', whole=True)]


LINES = st.lists(
    st.sampled_from([b"{", b"}", b'{"a":1}', b'"x"', b"[1]", b"\n", b"\r\n", b" ", b"data: 1"]), max_size=20
)


@given(LINES.map(b"".join), places, st.sampled_from([1 << 20, 12]))
def test_any_split_gives_the_same_lines(body: bytes, at: list[int], limit: int) -> None:
    whole = frames_of([body], limit, framing="ndjson")
    assert frames_of([body[i : i + 1] for i in range(len(body))], limit, framing="ndjson") == whole
    assert frames_of(cut(body, at), limit, framing="ndjson") == whole


@pytest.mark.parametrize(
    ("body", "kind", "frames"),
    [
        (b'{"a":1}\n\n{"b":2}\r\n', "ndjson", [Frame(b'{"a":1}'), Frame(b'{"b":2}\r')]),
        (b'{"a":1}\n{"b":2}', "ndjson", [Frame(b'{"a":1}'), Frame(b'{"b":2}')]),
        (b'{"a":1}\n{"b":', "ndjson", [Frame(b'{"a":1}')]),
        (b'{"a":"cut\n{"b":2}\n', "ndjson", [Frame(b'{"a":"cut'), Frame(b'{"b":2}')]),
        (b'{"a":1}\nnonsense\n{"b":2}\n', "ndjson", [Frame(b'{"a":1}'), Frame(b"nonsense"), Frame(b'{"b":2}')]),
        (b'{"a":1}', "ndjson", [Frame(b'{"a":1}')]),
        (b'{\n"a":\n1}\n', "json", [Frame(b'{\n"a":\n1}\n', whole=True)]),
        (b'{"a":', "json", [Frame(b'{"a":', whole=True)]),
        (b'data: {"a":1}\n\n', "sse", [Frame(b'{"a":1}')]),
        (b"<html>\n", "html", []),
    ],
)
def test_lines_are_frames_where_they_are_expected(body: bytes, kind: str, frames: list[Frame]) -> None:
    assert frames_of([body], framing="ndjson") == (kind, frames, False)


def test_a_line_is_a_frame_as_soon_as_it_ends() -> None:
    framer = Framer(framing="ndjson")
    assert framer.feed(b'{"a":') == []
    assert framer.feed(b"1}\n{") == [Frame(b'{"a":1}')]
    assert framer.feed(b"}") == []
    assert framer.end() == [Frame(b"{}")]


def test_lines_that_are_too_long_are_unreadable() -> None:
    kind, frames, unreadable = frames_of([b"{}\n", b'"', b"x" * 40, b'"\n'], 30, framing="ndjson")
    assert (kind, frames, unreadable) == ("ndjson", [Frame(b"{}")], True)


@pytest.mark.parametrize(
    ("body", "kind"), [(b"<html>no</html>", "html"), (b"Not Found", "garbage"), (b"da", "garbage"), (b" \n", "")]
)
def test_other_bodies_give_no_frame(body: bytes, kind: str) -> None:
    assert frames_of([body]) == (kind, [], False)


@pytest.mark.parametrize(
    ("tail", "last"),
    [
        (b'data: {"b":2}', [Frame(b'{"b":2}')]),
        (b'data: {"b":2}\n', [Frame(b'{"b":2}')]),
        (b"data: [DONE]", [Frame(b"[DONE]")]),
        (b'event: error\ndata: {"b":2}', [Frame(b'{"b":2}', "error")]),
        (b'data: {"b":', []),
        (b'data: {"b":\n', []),
        (b"data: [DON", []),
        (b"da", []),
        (b": comment", []),
    ],
)
def test_an_unterminated_last_event_counts_only_if_complete(tail: bytes, last: list[Frame]) -> None:
    assert frames_of([b'data: {"a":1}\n\n' + tail])[1] == [Frame(b'{"a":1}'), *last]


def test_frames_over_the_limit_are_unreadable_after_those_before() -> None:
    body = b'data: {"a":1}\n\ndata: "' + b"x" * 100 + b'"\n\ndata: {"b":2}\n\n'
    assert frames_of([body], 50) == ("sse", [Frame(b'{"a":1}')], True)
    assert frames_of([b'{"a":"' + b"x" * 100], 50) == ("json", [], True)
    many_lines = b"data: 12345\n" * 20
    assert frames_of([many_lines], 50)[2]
    with pytest.raises(Unreadable):
        SSEBlocks(50).feed(b"data: " + b"x" * 100)


@pytest.mark.parametrize("piece", [64, 1500])
def test_time_is_linear_for_a_long_line_in_small_pieces(piece: int) -> None:
    body = b'data: {"a":"' + b"x" * 5_000_000 + b'"}\n\n'
    pieces = [body[i : i + piece] for i in range(0, len(body), piece)]
    started = time.process_time()
    kind, frames, failed = frames_of(pieces, 1 << 23)
    cutter = SSEBlocks()
    blocks = [block for part in pieces for block in cutter.feed(part)]
    carried = SSEBlocks()
    carried.feed(b"\r\n")
    in_cr_mode = [block for part in pieces for block in carried.feed(part)]
    spent = time.process_time() - started
    assert (kind, len(frames), failed) == ("sse", 1, False)
    assert blocks == [body]
    assert in_cr_mode == [b"\r\n" + body]
    assert spent < 3, f"{spent:.1f} s of CPU for 5 MB: quadratic"


def test_blocks_keep_their_bytes() -> None:
    cutter = SSEBlocks()
    assert cutter.feed(b': hi\n\ndata: {"a":1}\n\ndata: {"b"') == [b": hi\n\n", b'data: {"a":1}\n\n']
    assert cutter.tail == b'data: {"b"'
    assert cutter.feed(b":2}\n") == []
    assert cutter.feed(b"\n") == [b'data: {"b":2}\n\n']
    assert cutter.feed(b"data: x\r\n\r") == []  # the CR may be half of a CRLF
    assert cutter.feed(b"\ndata: y\r\n\r\n") == [b"data: x\r\n\r\n", b"data: y\r\n\r\n"]
    assert cutter.tail == b""


@pytest.mark.parametrize(
    ("block", "frame"),
    [
        (b'data: {"a":1}\n\n', Frame(b'{"a":1}')),
        (b"\nevent: error\r\ndata: {}\r\n\r\n", Frame(b"{}", "error")),
        (BOM + b"data: [DONE]\n\n", Frame(b"[DONE]")),
        (b": ping\n\n", None),
        (b"data:\n\n", None),
        (b"garbage\n\n", None),
    ],
)
def test_one_block_is_one_frame_or_nothing(block: bytes, frame: Frame | None) -> None:
    assert read_block(block) == frame


def test_a_binary_body_is_an_event_stream_only_where_it_may_be():
    prelude = (16).to_bytes(4, "big") + bytes(4)
    body = prelude + zlib.crc32(prelude).to_bytes(4, "big")
    body += zlib.crc32(body).to_bytes(4, "big")
    for size in range(1, len(body) + 1):
        framer = Framer(framing="eventstream")
        frames = [frame for at in range(0, len(body), size) for frame in framer.feed(body[at : at + size])]
        assert (frames + framer.end(), framer.kind) == ([Frame(b"")], "eventstream")
    framer = Framer()
    assert (framer.feed(body) + framer.end(), framer.kind) == ([], "garbage")
    whole = Framer(framing="eventstream")
    assert whole.feed(b"{}") + whole.end() == [Frame(b"{}", whole=True)]
