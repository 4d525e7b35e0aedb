"""Answers out of bytes: framing, limits, and the same for any split."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tornadogw.transport.http_answer import Answer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def answer(*pieces: bytes, head_only: bool = False, end: bool = False) -> tuple[Answer, bytes]:
    """What is known after the pieces, and the body so far."""
    made, body = Answer(head_only=head_only), b""
    for piece in pieces:
        made.feed(piece)
        if made.unread:
            body += made.take()
    if end:
        made.end()
    return made, body


def outcome(*pieces: bytes) -> tuple:
    """All that a caller can learn of an answer whose connection ends after the pieces."""
    made, body = answer(*pieces, end=True)
    kind = made.fault[0] if made.fault is not None else None
    assert made.over
    assert made.whole is (kind is None)
    if not made.headed:
        assert kind is not None
        return kind, 0, {}, b""
    return kind, made.status, made.headers(), body


def cut(data: bytes, places: list[int]) -> list[bytes]:
    borders = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(borders)]


# --- framing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "body", "keep"),
    [
        (OK + b"Content-Length: 2\r\n\r\nab", b"ab", True),
        (OK + b"Content-Length: 0\r\n\r\n", b"", True),
        (OK + b"content-length:2\r\nConnection: close\r\n\r\nab", b"ab", False),
        (CHUNKED + b"1\r\na\r\n2;x=y\r\nbc\r\n0\r\nTrailer: x\r\n\r\n", b"abc", True),
        (OK + b"Transfer-Encoding: Chunked \r\n\r\n0\r\n\r\n", b"", True),
        (b"\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\na", b"a", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", b"a", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na", b"a", True),
        (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", b"a", True),
        (b"HTTP/1.1 204 No\r\n\r\n", b"", True),
        (b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n", b"", True),
    ],
)
def test_a_body_ends_where_its_head_says(data, body, keep):
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        made, got = answer(*pieces)
        assert (got, made.whole, made.keep, made.fault) == (body, True, keep, None)


@pytest.mark.parametrize("length", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_an_answer_to_head_has_no_body(length):
    made, _ = answer(OK + length + b"\r\n", head_only=True)
    assert (made.whole, made.keep) == (True, True)


def test_without_a_length_the_end_of_the_connection_is_the_end():
    made, body = answer(OK + b"\r\nall of", b" it")
    assert (made.whole, made.keep, body) == (False, False, b"all of it")
    made.end()
    assert (made.whole, made.fault) == (True, None)


def test_a_lost_connection_is_no_end():
    made, _ = answer(OK + b"\r\nall of")
    made.lost(ConnectionResetError(104, "secret"))
    assert made.fault is not None
    assert made.fault[0] == "reset"
    assert "reset" in made.fault[1].lower()
    assert "secret" not in made.fault[1]


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 2", OK, CHUNKED + b"5\r\nabcde\r\n", CHUNKED + b"5\r\nab"])
def test_an_early_end(data):
    assert outcome(data)[0] == "reset"


@pytest.mark.parametrize("rest", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz", b"x", b"\x00" * 100])
@pytest.mark.parametrize(
    "head", [OK + b"Content-Length: 2\r\n\r\nab", CHUNKED + b"0\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n"]
)
@pytest.mark.parametrize("apart", [False, True])
def test_what_comes_after_the_end_spoils_the_connection_only(head, rest, apart):
    made, body = answer(head, rest) if apart else answer(head + rest)
    assert (made.whole, made.fault, made.keep) == (True, None, False)
    assert body == (b"ab" if b"ab" in head else b"")


def test_headers_are_lower_case_and_joined():
    made, _ = answer(OK + b"X-A:  1 \r\nx-a: 2\r\nEmpty:\r\nB: \xe9:c\r\n\r\n")
    assert made.headers() == {"x-a": "1, 2", "empty": "", "b": "é:c"}


def test_a_head_may_be_cut_anywhere():
    data = b"HTTP/1.1 103 E\r\nLink: x\r\n\r\n" + OK + b"X-A: 1\r\nContent-Length: 4\r\n\r\nA: b"
    for at in range(1, len(data)):
        assert outcome(data[:at], data[at:]) == (None, 200, {"x-a": "1", "content-length": "4"}, b"A: b")


# --- 1xx ------------------------------------------------------------------------------------------------------------


def test_informational_answers_are_skipped():
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    made, body = answer(b"HTTP/1.1 100 Continue\r\n\r\n" + hint * 7 + OK + b"Content-Length: 1\r\n\r\na")
    assert (made.status, made.whole, made.keep, body) == (200, True, True, b"a")
    assert "link" not in made.headers()


def test_but_not_for_ever():
    assert outcome(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9 + OK + b"\r\n")[0] == "protocol"


# --- what is not HTTP -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x02\x00",
        b"<html>",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        OK[:-2] + b"\n\n",
        OK + b"X: a\r\n folded\r\n\r\n",
        OK + b"X : a\r\n\r\n",
        OK + b": a\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"X: a\x00\r\n\r\n",
        OK + b"X: a\r\r\n\r\n",
        OK + b"Content-Length: -5\r\n\r\n",
        OK + b"Content-Length: +5\r\n\r\n",
        OK + b"Content-Length: 5, 5\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999999\r\n\r\n",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\n\r\nx",
        OK + b"Transfer-Encoding: identity\r\n\r\nx",
    ],
)
def test_a_broken_head(data):
    assert outcome(data) == outcome(*[data[i : i + 1] for i in range(len(data))]) == ("protocol", 0, {}, b"")


@pytest.mark.parametrize(
    "rest",
    [b"zz\r\n", b"-1\r\n", b"1 \r\na\r\n", b"\r\n", b"fffffffffffffffff\r\n", b"1\nb", b"1\r\nbc", b"0\r\n x\r\n"],
)
def test_a_broken_chunk_ends_the_answer_after_what_came(rest):
    data = CHUNKED + b"1\r\na\r\n" + rest
    kind, status, _, body = outcome(data)
    assert (kind, status, body[:1]) == ("protocol", 200, b"a")
    assert outcome(*[data[i : i + 1] for i in range(len(data))])[3] == body


# --- limits ---------------------------------------------------------------------------------------------------------


def fields(count: int, size: int) -> bytes:
    return b"".join(b"X: " + b"a" * (size - 3) + b"\r\n" for _ in range(count))


@pytest.mark.parametrize(
    ("head", "taken"),
    [
        (fields(1, 16384), True),
        (fields(1, 16385), False),
        (fields(128, 10), True),
        (fields(129, 10), False),
        (fields(4, 16000) + fields(1, 65536 - 64008 - 17 - 2 - 2), True),
        (fields(4, 16000) + fields(1, 65536 - 64008 - 17 - 2 - 1), False),
    ],
)
def test_a_head_has_its_limits_and_no_split_moves_them(head, taken):
    data = OK + head + b"\r\n"
    for pieces in ([data], cut(data, [7, 9000, 40000]), cut(data, [len(data) - 2]), cut(data, [len(data) - 1])):
        assert outcome(*pieces)[0] == (None if taken else "protocol")


def test_a_head_without_end_is_not_waited_for():
    made, _ = answer(*[b"HTTP/1.1 200 OK\r\n"], *[b"X-Aaaaaaaa: b\r\n"] * 5000)
    assert made.fault == ("protocol", "the headers are too long")


@pytest.mark.parametrize("endless", [b"1;" + b"x" * 200_000, b"0\r\n" + b"X: y\r\n" * 40_000])
def test_framing_without_a_body_is_not_waited_for(endless):
    made, _ = answer(CHUNKED + b"1\r\na\r\n", *cut(endless, list(range(0, len(endless), 1000))))
    assert made.fault == ("protocol", "the answer is not HTTP")


def test_many_small_chunks_are_no_such_thing():
    made, body = answer(CHUNKED, *[b"1\r\na\r\n"] * 50_000, b"0\r\n\r\n")
    assert (made.whole, len(body)) == (True, 50_000)


# --- any bytes, any split -------------------------------------------------------------------------------------------

HEADS = st.lists(
    st.sampled_from(
        [
            b"Content-Length: 5",
            b"Content-Length: 3",
            b"Transfer-Encoding: chunked",
            b"Connection: close",
            b"Connection: upgrade",
            b"Upgrade: x",
            b"X: y",
            b" folded",
            b"Content-Length: 0",
        ]
    ),
    max_size=3,
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
STARTS = st.sampled_from(
    [OK, b"HTTP/1.1 204 No\r\n", b"HTTP/1.1 103 E\r\n", b"HTTP/1.0 500 X\r\n", b"HTTP/1.1 101 S\r\n"]
)
BODIES = st.sampled_from([b"abcde", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nab", b"0\r\nT: x\r\n\r\n", b"g\r\n", b"\r\n", b""])
WIRES = st.lists(
    st.builds(lambda *parts: b"\r\n".join([parts[0] + parts[1], parts[2]]), STARTS, HEADS, BODIES), max_size=3
)


@st.composite
def damaged(draw) -> bytes:
    """Something like HTTP, with a few bytes changed, lost or added."""
    data = bytearray(b"".join(draw(WIRES)))
    for place, what in draw(st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=3)), max_size=3)):
        at = place % (len(data) + 1)
        data[at : at + draw(st.integers(0, 2))] = what
    return bytes(data)


@given(damaged() | st.binary(max_size=100), st.lists(st.integers(0, 400), max_size=8))
@example(OK + b"\r\n", [len(OK) + 1])
def test_any_split_gives_the_same(data, places):
    assert outcome(data) == outcome(*cut(data, places)) == outcome(*[data[i : i + 1] for i in range(len(data))])
