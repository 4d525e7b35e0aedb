"""The head of a request, and what is refused before it is one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.transport import TransportError
from tornadogw.transport.http_wire import connect_head, parse_proxy, parse_url, request_head

PLAIN = parse_url("http://vendor.example/v1")
SECURE = parse_url("https://vendor.example/v1")


def lines(address=PLAIN, headers=None, *, method="POST", size=2, proxy=None) -> list[str]:
    head = request_head(method, address, headers or {}, size, "agent/1", proxy)
    assert head.endswith(b"\r\n\r\n")
    first, *rest = head[:-4].decode().split("\r\n")
    return [first, *sorted(rest)]


def refused(call, *args) -> str:
    with pytest.raises(TransportError) as caught:
        call(*args)
    assert caught.value.kind == "protocol"
    return str(caught.value)


# --- addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "origin", "authority", "target"),
    [
        ("http://h", ("http", "h", 80), "h", "/"),
        ("HTTPS://H.Example:443/A%2fb;c/../d?x=a%20b&y=?#part", ("https", "h.example", 443), "h.example", None),
        ("http://h:8080?q=1", ("http", "h", 8080), "h:8080", "/?q=1"),
        ("http://[::1]:81/a", ("http", "::1", 81), "[::1]:81", "/a"),
        ("http://u:p@h/a@b", ("http", "h", 80), "h", "/a@b"),
        ("http://under_score.local./", ("http", "under_score.local.", 80), "under_score.local.", "/"),
        ("http://h/v1/models/a:b?alt=sse&k={}|^`", ("http", "h", 80), "h", "/v1/models/a:b?alt=sse&k={}|^`"),
    ],
)
def test_the_path_goes_out_as_it_was_written(url, origin, authority, target):
    address = parse_url(url)
    assert (address.origin, address.authority) == (origin, authority)
    assert address.target == (target or "/A%2fb;c/../d?x=a%20b&y=?")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h",
        "//h/",
        "http:///a",
        "http://h:99999/",
        "http://h:-1/",
        "http://h:8x/",
        "http://h\\@other/",
        "http://a@b@h/",
        "http://h/a b",
        "http://h/a\tb",
        "http://h/\r\n",
        "http://h/\n",
        "http://h/ä",
        "http://例え.example/",
        "http://a..b/",
        "http://.h/",
        f"http://{'a' * 64}.example/",
        "http://[::1/",
        "http://[host]/",
        "http://[fe80::1%25eth0]/",
        "http://h%41/",
        "ftp://h/",
        "https:h/",
    ],
)
def test_what_is_no_url(url):
    assert refused(parse_url, url) == "upstream: the URL is not valid"
    assert refused(parse_proxy, url) == "the URL of the proxy is not valid"


@given(st.text(max_size=40))
def test_a_url_is_taken_or_refused(text):
    for url in (text, f"http://{text}", f"http://h/{text}"):
        try:
            head = request_head("POST", parse_url(url), {}, 0, "a")
        except TransportError:
            continue
        assert head.split(b"\r\n")[0].count(b" ") == 2


# --- heads ----------------------------------------------------------------------------------------------------------


def test_what_is_ours_is_written_by_us():
    theirs = {
        "Host": "other.example",
        "content-length": "999",
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "Expect": "100-continue",
        "Accept-Encoding": "gzip",
        "Proxy-Authorization": "secret",
        "X-Mine": "a\tb",
    }
    assert lines(headers=theirs) == [
        "POST /v1 HTTP/1.1",
        "Accept-Encoding: identity",
        "Content-Length: 2",
        "Host: vendor.example",
        "User-Agent: agent/1",
        "X-Mine: a\tb",
    ]


def test_a_vendor_may_name_its_own_agent():
    assert [line for line in lines(headers={"user-agent": "sdk/2"}) if "gent" in line] == ["user-agent: sdk/2"]


def test_length_is_told_where_a_body_is_expected():
    assert "Content-Length: 0" in lines(size=0)
    assert not [line for line in lines(method="GET", size=0) if "Content" in line]
    assert "Content-Length: 5" in lines(method="GET", size=5)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r", "ä", "a\x00", "(a)"])
def test_a_name_that_is_no_token(name):
    assert "v-secret" not in refused(lines, PLAIN, {name: "v-secret"})


@pytest.mark.parametrize("value", ["a\rb", "a\nb", "a\r\nb", "a\x00b", "a\x1bb", "a\x7fb", "\ud800"])
def test_a_value_that_breaks_its_line(value):
    assert refused(lines, PLAIN, {"X-A": f"v-secret{value}"}) == (
        "vendor.example:80: a header or the URL cannot be sent"
    )


def test_a_method_that_is_no_token():
    with pytest.raises(TransportError):
        lines(method="GET / HTTP/1.1\r\nX:")


def test_other_scripts_in_a_value_are_utf8():
    head = request_head("POST", PLAIN, {"X-Title": "你好"}, 0, "a")
    assert "X-Title: 你好".encode() in head


def test_user_and_password_of_a_url():
    address = parse_url("http://us%40er:p%3Ass@vendor.example/")
    expected = base64.b64encode(b"us@er:p:ss").decode()
    assert f"Authorization: Basic {expected}" in lines(address)
    refused(lines, address, {"authorization": "Bearer k"})


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=4))
def test_no_header_can_start_another_line(headers):
    try:
        head = request_head("POST", PLAIN, headers, 7, "a")
    except TransportError:
        return
    written = head[:-4].split(b"\r\n")
    assert len(written) <= len(headers) + 5
    assert head.count(b"\n") == head.count(b"\r") == len(written) + 1
    assert sum(line.lower().startswith(b"content-length:") for line in written) == 1


# --- proxies --------------------------------------------------------------------------------------------------------


def test_a_proxy_of_a_plain_upstream_reads_the_whole_address():
    proxy = parse_proxy("http://me:pa%20ss@proxy.example:3128")
    assert (proxy.secure, proxy.host, proxy.port) == (False, "proxy.example", 3128)
    head = lines(parse_url("http://vendor.example:81/a?b=c"), proxy=proxy)
    assert head[0] == "POST http://vendor.example:81/a?b=c HTTP/1.1"
    assert "Host: vendor.example:81" in head
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:pa ss').decode()}" in head


def test_a_tunnel_keeps_the_password_from_the_upstream():
    proxy = parse_proxy("https://me:pass@proxy.example")
    assert (proxy.secure, proxy.port) == (True, 443)
    head = lines(SECURE, proxy=proxy)
    assert head[0] == "POST /v1 HTTP/1.1"
    assert not [line for line in head if line.startswith("Proxy")]
    asked = connect_head(parse_url("https://[::1]/v1"), proxy).decode().split("\r\n")
    assert asked[:2] == ["CONNECT [::1]:443 HTTP/1.1", "Host: [::1]:443"]
    assert asked[2] == f"Proxy-Authorization: Basic {base64.b64encode(b'me:pass').decode()}"
    assert asked[3:] == ["", ""]
