"""Fetching on a client's word: real sockets on loopback, which is private and must be allowed by name to be reached."""

from __future__ import annotations

import socket

import pytest

from tornadogw.testing import Answer, FakeUpstream
from tornadogw.transport.fetch import Fetcher, Limits, NotFetched, TooLarge

pytestmark = pytest.mark.usefixtures("new_loop")

PICTURE = Answer(body=b"x" * 500, headers={"Content-Type": "image/png"})


def names(**told):
    """A resolver for these names; it counts how often it was asked."""
    asked: list[str] = []

    async def resolve(host, _port):
        asked.append(host)
        if host not in told:
            raise OSError
        places = told[host]
        return places.pop(0) if isinstance(places[0], list) else places

    resolve.asked = asked
    return resolve


def port_of(upstream):
    return upstream.url.rpartition(":")[2]


def fetcher(upstream, *, allow=True, resolve=None, **limits):
    allowed = {f"127.0.0.1:{port_of(upstream)}"} if allow is True else set(allow)
    return Fetcher(Limits(frozenset(allowed), **limits), resolve=resolve)


async def test_a_document():
    async with FakeUpstream(PICTURE) as upstream:
        assert await fetcher(upstream).fetch(f"{upstream.url}/a.png?b=c#d") == PICTURE.body
        (request,) = upstream.requests
        assert (request.method, request.path) == ("GET", "/a.png?b=c")
        assert not {"authorization", "cookie"} & request.headers.keys()


@pytest.mark.parametrize("allow", [[], ["localhost"], ["127.0.0.1:1"], ["example.com"]])
async def test_what_is_not_public_is_not_even_connected_to(allow):
    async with FakeUpstream(PICTURE) as upstream:
        with pytest.raises(NotFetched):
            await fetcher(upstream, allow=allow).fetch(f"{upstream.url}/a.png")
        assert upstream.requests == []


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "0x7f000001", "2130706433", "017700000001", "[::1]", "[::ffff:127.0.0.1]", "0"]
)
async def test_however_it_is_written(host):
    """The system's own resolver reads most of these."""
    async with FakeUpstream(PICTURE) as upstream:
        for port in (port_of(upstream), "80"):
            with pytest.raises(NotFetched):
                await Fetcher(Limits()).fetch(f"http://{host}:{port}/")
        assert upstream.requests == []


async def test_one_private_address_spoils_a_name():
    async with FakeUpstream(PICTURE) as upstream:
        resolve = names(**{"mixed.test": ["93.184.216.34", "127.0.0.1"]})
        with pytest.raises(NotFetched):
            await fetcher(upstream, allow=[], resolve=resolve).fetch("http://mixed.test/")


async def test_a_name_that_changes_its_mind_gains_nothing():
    """It is looked up once, and the connection goes to what was checked: rebinding needs a second look."""
    async with FakeUpstream(PICTURE) as upstream:
        resolve = names(**{"rebind.test": [["127.0.0.1"], ["10.0.0.1"]]})
        allow = [f"rebind.test:{port_of(upstream)}"]
        assert await fetcher(upstream, allow=allow, resolve=resolve).fetch(f"http://rebind.test:{port_of(upstream)}/")
        assert resolve.asked == ["rebind.test"]
        assert upstream.requests[0].headers["host"] == f"rebind.test:{port_of(upstream)}"


@pytest.mark.parametrize("port", [22, 8080, 6379])
async def test_other_ports_are_the_operators_to_allow(port):
    resolve = names(**{"public.test": ["93.184.216.34"]})
    with pytest.raises(NotFetched):
        await Fetcher(Limits(), resolve=resolve).fetch(f"http://public.test:{port}/")
    assert resolve.asked == []


@pytest.mark.parametrize("url", ["ftp://a.test/", "file:///etc/passwd", "http://u:p@a.test/", "http://a b/", "http://"])
async def test_what_is_no_plain_address(url):
    resolve = names(**{"a.test": ["93.184.216.34"]})
    with pytest.raises(NotFetched):
        await Fetcher(Limits(), resolve=resolve).fetch(url)
    assert resolve.asked == []


def moved(place):
    return Answer(status=302, headers={"Location": place})


async def test_redirects_are_followed_and_checked():
    async with FakeUpstream(moved("/b"), moved("//127.0.0.1:PORT/c"), moved("d"), PICTURE) as upstream:
        port = port_of(upstream)
        upstream.play(moved("/b"), moved(f"//127.0.0.1:{port}/c"), moved("d"), PICTURE)
        assert await fetcher(upstream).fetch(f"{upstream.url}/a") == PICTURE.body
        assert [each.path for each in upstream.requests] == ["/a", "/b", "/c", "/d"]


async def test_the_fourth_redirect_is_one_too_many():
    async with FakeUpstream(moved("/again")) as upstream:
        with pytest.raises(NotFetched):
            await fetcher(upstream).fetch(upstream.url)
        assert len(upstream.requests) == 4


@pytest.mark.parametrize(
    "place", ["http://localhost:PORT/", "http://169.254.169.254/latest", "http://[::1]/", "file:///etc/passwd", ""]
)
async def test_a_redirect_out_of_bounds_ends_there(place):
    async with FakeUpstream(PICTURE) as upstream:
        upstream.play(moved(place.replace("PORT", port_of(upstream))), PICTURE)
        with pytest.raises(NotFetched):
            await fetcher(upstream).fetch(upstream.url)
        assert len(upstream.requests) == 1


async def test_what_is_too_large():
    async with FakeUpstream(PICTURE) as upstream:
        assert await fetcher(upstream, size=500).fetch(upstream.url)
        for one in (fetcher(upstream, size=499), fetcher(upstream)):
            with pytest.raises(TooLarge):
                await one.fetch(upstream.url, 499)


async def test_what_says_that_it_is_too_large_is_not_read(kit):
    async def script(link, _number):
        link.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        await link.reader.read()  # until the client has gone

    async with kit.Peer(script) as peer:
        place = f"127.0.0.1:{peer.port}"
        with pytest.raises(TooLarge):
            await Fetcher(Limits(frozenset({place}), seconds=20)).fetch(f"http://{place}/")


@pytest.mark.parametrize("ending", ["eof", "reset", "hang"])
async def test_half_a_document_is_none(ending):
    async with FakeUpstream(Answer(body=b"half", ending=ending)) as upstream:
        with pytest.raises(NotFetched):
            await fetcher(upstream, seconds=0.3).fetch(upstream.url)


@pytest.mark.parametrize("status", [204, 304, 404, 500])
async def test_other_answers_are_none(status):
    async with FakeUpstream(Answer(status=status)) as upstream:
        with pytest.raises(NotFetched):
            await fetcher(upstream).fetch(upstream.url)


async def test_closed_and_private_look_alike():
    errors = []
    with socket.socket() as nobody:  # listens there, and nobody else can meanwhile
        nobody.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{nobody.getsockname()[1]}"
        for allow in ([closed], []):
            with pytest.raises(NotFetched) as told:
                await Fetcher(Limits(frozenset(allow))).fetch(f"http://{closed}")
            errors.append((type(told.value), told.value.args, told.value.__cause__))
    assert errors[0] == errors[1]


@pytest.mark.parametrize(("host", "whole"), [("127.0.0.1", True), ("other.test", False)])
async def test_tls_verifies_the_name_and_not_where_the_connection_went(kit, certificates, host, whole):
    """The certificate is for 127.0.0.1: another name that leads there is not served."""

    async def script(link, _number):
        await link.request()
        await link.answer(b"a picture")

    async with kit.Peer(script, certificates[0]) as peer:
        one = Fetcher(
            Limits(frozenset({f"{host}:{peer.port}"})),
            tls=certificates[1],
            resolve=names(**{host: ["127.0.0.1"]}),
        )
        if whole:
            assert await one.fetch(f"https://{host}:{peer.port}/") == b"a picture"
        else:
            with pytest.raises(NotFetched):
                await one.fetch(f"https://{host}:{peer.port}/")
