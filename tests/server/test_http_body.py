"""The body of a request: the same bytes however they arrive, and not one too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httputil import HTTPInputError

from tornadogw.server.http_body import SIZE_LINE, TRAILERS, body_of

NEXT = b"GET / HTTP/1.1\r\n"


def take(length, data, cuts=()):
    """(body, done, what is left) of `data` that arrives cut at `cuts`."""
    body, arrived, taken = body_of(length), bytearray(), []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        arrived += data[start:end]
        if not body.done:
            taken.append(body.take(arrived))
    return b"".join(taken), body.done, bytes(arrived)


def chunked(*pieces, extension=b"", trailers=b""):
    cut = b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces)
    return cut + b"0" + extension + b"\r\n" + trailers + b"\r\n"


def cuts_of(data):
    return st.lists(st.integers(0, len(data)), max_size=8).map(sorted)


def test_no_body():
    assert body_of(0).done


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_body_of_known_length(said, data):
    whole = said + NEXT
    assert take(len(said), whole, data.draw(cuts_of(whole))) == (said, True, NEXT)


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    st.sampled_from([b"", b";a", b' ; name="v"']),
    st.sampled_from([b"", b"X-Sum: 1\r\n", b"A: b\r\nC: d\r\n"]),
    st.data(),
)
def test_a_body_in_chunks(pieces, extension, trailers, data):
    whole = chunked(*pieces, extension=extension, trailers=trailers) + NEXT
    assert take(None, whole, data.draw(cuts_of(whole))) == (b"".join(pieces), True, NEXT)


def test_every_cut_of_a_body_in_chunks():
    whole = chunked(b"Hello", b" " * 300, extension=b";x=1", trailers=b"T: 1\r\n")
    for cut in range(len(whole)):
        assert take(None, whole, [cut]) == (b"Hello" + b" " * 300, True, b"")
        assert not take(None, whole[:cut])[1]


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"g\r\n",
        b"-1\r\n",
        b"+1\r\nx\r\n",
        b"0x1\r\nx\r\n",
        b"1_0\r\n",
        b" 1\r\nx\r\n",
        b"1\nx\r\n0\r\n\r\n",
        b"1;\nx\r\n",
        b"1;a\x00\r\n",
        b"1\r\nxy\r\n",
        b"1\r\nx0\r\n\r\n",
        b"1\r\nx\n0\r\n\r\n",
        b"1" * 16 + b"\r\n",
        b"1;" + b"a" * SIZE_LINE,
        b"0\r\n" + b"a" * (TRAILERS + 1),
        b"0\r\n" + b"a: b\r\n" * (TRAILERS // 6 + 2),
    ],
)
def test_what_is_no_chunk_is_refused(data):
    with pytest.raises(HTTPInputError):
        take(None, data)


@given(st.binary(max_size=200), st.data())
def test_any_bytes_are_a_body_or_refused(data, drawn):
    try:
        said, done, left = take(None, data, drawn.draw(cuts_of(data)))
    except HTTPInputError:
        return
    assert len(said) + len(left) <= len(data)
    assert done or not said.endswith(b"\r\n0\r\n\r\n")
