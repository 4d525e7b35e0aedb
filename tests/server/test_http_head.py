"""The head of a request: what is read, and what is refused because two readers could read it differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httputil import HTTPInputError

from tornadogw.server.http_head import read_head


def head(*lines, first="POST /v1/x?y=1 HTTP/1.1"):
    return read_head("\r\n".join([first, *lines]).encode("latin-1"))


def test_a_plain_head():
    found = head("Host: gw:80", "content-TYPE:application/json ", "X-Empty:", "Content-Length: 12")
    assert tuple(found.start) == ("POST", "/v1/x?y=1", "HTTP/1.1")
    assert dict(found.headers) == {
        "Host": "gw:80",
        "Content-Type": "application/json",
        "X-Empty": "",
        "Content-Length": "12",
    }
    assert (found.keep_alive, found.length, found.continues) == (True, 12, False)


def test_repeated_headers_are_one_list():
    assert head("Accept: a", "accept: b", "Accept: c").headers.get_list("Accept") == ["a", "b", "c"]


def test_without_headers():
    assert head().length == 0


def test_latin_letters_stay_what_they_are():
    assert head("X-Name: J\xf6rg").headers["X-Name"] == "J\xf6rg"


@pytest.mark.parametrize(
    ("lines", "first", "keeps"),
    [
        ((), "GET / HTTP/1.1", True),
        (("Connection: close",), "GET / HTTP/1.1", False),
        (("Connection: Keep-Alive, Close",), "GET / HTTP/1.1", False),
        (("Connection: upgrade",), "GET / HTTP/1.1", True),
        ((), "GET / HTTP/1.0", False),
        (("Connection: Keep-Alive",), "GET / HTTP/1.0", True),
    ],
)
def test_who_wants_to_ask_again(lines, first, keeps):
    assert head(*lines, first=first).keep_alive is keeps


def test_who_waits_for_a_word_before_the_body():
    assert head("Expect: 100-Continue", "Content-Length: 1").continues
    assert not head("Expect: 100-continue", "Content-Length: 1", first="POST / HTTP/1.0").continues


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        (("Transfer-Encoding: chunked",), None),
        (("Transfer-Encoding: CHUNKED",), None),
        (("Content-Length: 7", "Content-Length: 7"), 7),
        (("Content-Length: 7, 7",), 7),
        (("Content-Length: 007",), 7),
        (("Content-Length: " + "9" * 4000,), 10**18),
    ],
)
def test_where_the_body_ends(lines, length):
    assert head(*lines).length == length


@pytest.mark.parametrize(
    "lines",
    [
        ("Transfer-Encoding: chunked", "Content-Length: 3"),
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding:",),
        ("Content-Length: 3", "Content-Length: 4"),
        ("Content-Length: +3",),
        ("Content-Length: -3",),
        ("Content-Length: 3 3",),
        ("Content-Length: 0x3",),
        ("Content-Length: 1_0",),
        ("Content-Length: \xb2",),
        ("Content-Length:",),
        ("Content-Length: 3,",),
        ("Content-Length : 3",),
        ("Content-Length\t: 3",),
        (" Content-Length: 3",),
        ("Host: a", " folded"),
        ("Host: a", "\tfolded"),
        ("no colon",),
        (": no name",),
        ("Na me: x",),
        ("N\xe4me: x",),
        ("X: a\nContent-Length: 3",),
        ("X: a\rContent-Length: 3",),
        ("X: a\x00b",),
        ("X: a\x7fb",),
        ("",),
    ],
)
def test_what_could_be_read_differently_is_refused(lines):
    with pytest.raises(HTTPInputError):
        head(*lines)


@pytest.mark.parametrize(
    "first",
    [
        "",
        "GET",
        "GET /",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET / HTTP/1.2",
        "GET / HTTP/2.0",
        "GET / http/1.1",
        "G(T / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /\x00 HTTP/1.1",
        "GET /\nX: y HTTP/1.1",
        "PRI * HTTP/2.0",
    ],
)
def test_what_is_no_request_line_is_refused(first):
    with pytest.raises(HTTPInputError):
        head("Host: x", first=first)


def test_chunks_are_unknown_to_the_old_version():
    with pytest.raises(HTTPInputError):
        head("Transfer-Encoding: chunked", first="POST / HTTP/1.0")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    for lines in (data, b"GET / HTTP/1.1\r\n" + data):
        try:
            found = read_head(lines)
        except HTTPInputError:
            continue
        assert found.length is None or found.length >= 0


def test_a_header_may_not_be_there():
    headers = head("Accept: a", "Accept: b").headers
    assert (headers.get("ACCEPT"), headers.get("accept", "x")) == ("a,b", "a,b")
    assert (headers.get("X-None"), headers.get("X-None", "x")) == (None, "x")
