"""Ways to an upstream: addresses of a name, tunnels that fail, and giving up at any moment."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tornadogw.transport import http_dial

pytestmark = pytest.mark.usefixtures("new_loop")

PROXY = "http://user:pass-1@127.0.0.1:{}"


async def two_addresses(host, port, **options):
    """What a resolver says of vendor.example: nobody listens at the first."""
    assert host == "vendor.example"
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port)) for place in ("127.0.0.9", "127.0.0.1")]


async def test_the_next_address_of_a_name_is_tried(kit, transport, monkeypatch):
    async def script(link, number):
        await link.request()
        await link.answer(b"second")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two_addresses)
    async with kit.Peer(script) as peer:
        url = peer.url().replace("127.0.0.1", "vendor.example")
        assert await kit.fetch(transport, kit.post(url)) == (200, b"second")


# --- several addresses ----------------------------------------------------------------------------------------------


class Landed:
    """What an attempt reaches."""

    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def attempt(*, gate: asyncio.Event | None = None, error: Exception | None = None, landed: Landed | None = None):
    """One attempt that waits for its gate, and the list of what became of it."""
    seen = []

    async def run():
        seen.append("begun")
        try:
            if gate is not None:
                await gate.wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        if error is not None:
            raise error
        return landed or Landed(), "protocol"

    return run, seen


async def test_an_address_that_is_silent_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(http_dial, "EYEBALLS", 0.01)
    silent, seen = attempt(gate=asyncio.Event())
    landed = Landed()
    quick, _ = attempt(landed=landed)
    never, unused = attempt()
    assert await http_dial._race([silent, quick, never]) == (landed, "protocol")
    assert (seen, unused, landed.aborted) == (["begun", "cancelled"], [], False)


async def test_a_failure_begins_the_next_at_once(monkeypatch):
    monkeypatch.setattr(http_dial, "EYEBALLS", 60)
    refused, _ = attempt(error=ConnectionRefusedError())
    quick, _ = attempt()
    async with asyncio.timeout(20):
        assert (await http_dial._race([refused, quick]))[1] == "protocol"


async def test_when_all_fail_the_first_says_why(monkeypatch):
    monkeypatch.setattr(http_dial, "EYEBALLS", 0.001)
    gate = asyncio.Event()
    late, _ = attempt(gate=gate, error=ConnectionResetError())
    refused, seen = attempt(error=ConnectionRefusedError())
    race = asyncio.create_task(http_dial._race([late, refused]))
    while not seen:
        await asyncio.sleep(0.001)
    gate.set()
    with pytest.raises(ConnectionRefusedError):
        await race


async def test_of_two_that_stand_one_is_closed(monkeypatch):
    monkeypatch.setattr(http_dial, "EYEBALLS", 0.001)
    gate = asyncio.Event()
    both = [Landed(), Landed()]
    attempts = [attempt(gate=gate, landed=landed) for landed in both]

    async def open_gate():
        async with asyncio.timeout(20):
            while not attempts[1][1]:
                await asyncio.sleep(0.001)
        gate.set()

    (winner, _), _ = await asyncio.gather(http_dial._race([run for run, _ in attempts]), open_gate())
    assert sorted(landed.aborted for landed in both) == [False, True]
    assert not winner.aborted


async def test_a_race_that_is_given_up_cancels_its_runners():
    silent, seen = attempt(gate=asyncio.Event())
    race = asyncio.create_task(http_dial._race([silent]))
    while not seen:
        await asyncio.sleep(0)
    race.cancel()
    await asyncio.wait([race])
    assert race.cancelled()
    assert seen == ["begun", "cancelled"]


def test_families_take_turns():
    found = [(10, "::1"), (10, "::2"), (10, "::3"), (2, "127.0.0.1")]
    assert http_dial._in_turns(found) == ["::1", "127.0.0.1", "::2", "::3"]


# --- proxies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 403 No\r\n\r\n", " (403)"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello, I am the upstream", ""),
        (b"220 smtp.example\r\n\r\n", ""),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 4000, ""),
        (b"HTTP/1.1 200 O", ""),
        (b"", ""),
    ],
)
async def test_a_proxy_that_opens_no_tunnel(kit, transport, answer, told):
    async def script(link, number):
        await link.reader.readuntil(b"\r\n\r\n")
        await link.send(answer)

    async with kit.Peer(script) as proxy:
        error = await kit.failing(transport, kit.post("https://vendor.example/"), proxy=PROXY.format(proxy.port))
    assert (error.kind, str(error)) == ("connect", f"vendor.example:443: the proxy refused the tunnel{told}")


async def test_a_tunnel_that_breaks_in_the_handshake(kit, transport):
    async def script(link, number):
        await link.reader.readuntil(b"\r\n\r\n")
        await link.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await link.reader.read(10)

    async with kit.Peer(script) as proxy:
        error = await kit.failing(transport, kit.post("https://vendor.example/"), proxy=PROXY.format(proxy.port))
    assert error.kind in {"connect", "tls"}


@pytest.mark.parametrize("when", ["tunnel", "handshake"])
async def test_the_deadline_covers_the_tunnel(kit, transport, when):
    links = []

    async def script(link, number):
        links.append(number)
        try:
            await link.reader.readuntil(b"\r\n\r\n")
            if when == "handshake":
                await link.send(b"HTTP/1.1 200 OK\r\n\r\n")
            await link.gone()
        finally:
            links.remove(number)

    async with kit.Peer(script) as proxy:
        request = kit.post("https://vendor.example/")
        error = await kit.failing(transport, request, proxy=PROXY.format(proxy.port), connect=0.05)
        async with asyncio.timeout(kit.BOUND):
            while links or transport._pool._all:
                await asyncio.sleep(0.001)
    assert (error.kind, str(error)) == ("connect", "vendor.example:443: no connection in time")


async def test_a_proxy_behind_tls(kit, transport, certificates):
    async def script(link, number):
        assert (await link.request()).startswith(b"POST http://vendor.example/v1 HTTP/1.1")
        await link.answer(b"by proxy")

    async with kit.Peer(script, certificates[0]) as proxy:
        got = await kit.fetch(transport, kit.post("http://vendor.example/v1"), proxy=f"https://127.0.0.1:{proxy.port}")
        assert got == (200, b"by proxy")


async def test_a_proxy_that_is_no_url(kit, transport):
    error = await kit.failing(transport, kit.post("http://vendor.example/"), proxy="socks5://u:pass-1@h")
    assert error.kind == "protocol"
    assert "pass-1" not in str(error)


@pytest.mark.parametrize("way", ["plain", "race", "tls", "tunnel"])
async def test_giving_up_at_any_moment_leaves_nothing_behind(kit, transport, certificates, monkeypatch, way):
    """Cancelled after every number of turns of the loop until the answer is there before the cancellation."""
    open_links = 0

    async def vendor(link, number):
        nonlocal open_links
        open_links += 1
        try:
            await link.request()
            await link.chunked(b"a", b"b")
            await link.gone()
        finally:
            open_links -= 1

    async def tunnel(link, number):
        nonlocal open_links
        open_links += 1
        try:
            await link.reader.readuntil(b"\r\n\r\n")
            reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
            try:
                await link.send(b"HTTP/1.1 200 Connected\r\n\r\n")
                await asyncio.gather(_pipe(link.reader, writer), _pipe(reader, link.writer))
            finally:
                writer.close()
        finally:
            open_links -= 1

    secure = way in {"tls", "tunnel"}
    async with kit.Peer(vendor, certificates[0] if secure else None) as peer, kit.Peer(tunnel) as proxy:
        url = peer.url(scheme="https" if secure else "http")
        if way == "race":
            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two_addresses)
            url = url.replace("127.0.0.1", "vendor.example")
        request = kit.post(url)
        options = {"proxy": f"http://127.0.0.1:{proxy.port}"} if way == "tunnel" else {}
        turns, done = 0, False
        while not done:
            task = asyncio.create_task(kit.fetch(transport, request, **options))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            done, turns = not task.cancelled(), turns + 1
            for group in transport._pool._idle.values():
                for connection in group:
                    connection.abort()
            async with asyncio.timeout(20):
                while transport._pool._all or open_links:
                    await asyncio.sleep(0)
        assert task.result() == (200, b"ab")
        assert turns > 5


async def _pipe(reader, writer) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
