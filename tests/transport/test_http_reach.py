"""The HTTP engine: names, ports, TLS and proxies on the way to an upstream."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tornadogw.transport import Transport


@pytest.fixture
def closed_port():
    """Nobody listens there, and nobody else can meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


async def test_refused_and_its_words_hold_no_secret(kit, transport, closed_port):
    url = f"http://user:pass-1@127.0.0.1:{closed_port}/v1?key=sk-1"
    error = await kit.failing(transport, kit.post(url))
    assert error.kind == "connect"
    assert "127.0.0.1" in str(error)
    assert "refused" in str(error).lower()
    assert not any(secret in f"{error!r} {error.__cause__!r}" for secret in ("pass-1", "sk-1", "/v1"))
    assert error.__suppress_context__


async def test_an_unknown_name(kit, transport):
    async def getaddrinfo(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    asyncio.get_running_loop().getaddrinfo = getaddrinfo
    error = await kit.failing(transport, kit.post("http://no.such.host.example/"))
    assert (error.kind, str(error)) == ("connect", "no.such.host.example:80: the name was not found")


async def test_the_connect_deadline_covers_tls(kit, transport):
    async def script(link, number):
        await link.gone()

    async with kit.Peer(script) as peer:
        error = await kit.failing(transport, kit.post(peer.url(scheme="https")), connect=0.1)
        assert error.kind == "connect"


async def test_tls_is_verified(kit, transport, certificates):
    async def script(link, number):
        await link.request()
        await link.answer(b"safe")

    async with kit.Peer(script, certificates[0]) as peer:
        assert await kit.fetch(transport, kit.post(peer.url(scheme="https"))) == (200, b"safe")
        wrong = peer.url(scheme="https").replace("127.0.0.1", "localhost")
        assert (await kit.failing(transport, kit.post(wrong))).kind == "tls"
        doubting = Transport()
        await doubting.open()
        error = await kit.failing(doubting, kit.post(peer.url(scheme="https")))
        await doubting.close()
        assert error.kind == "tls"
        assert "certificate" in str(error)


async def test_https_at_a_plain_port(kit, transport):
    async def script(link, number):
        await link.reader.read(10)
        await link.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with kit.Peer(script) as peer:
        assert (await kit.failing(transport, kit.post(peer.url(scheme="https")))).kind == "tls"


# --- proxies --------------------------------------------------------------------------------------------------------


async def test_a_proxy_gets_the_whole_address_and_its_own_password(kit, transport):
    seen = []

    async def script(link, number):
        seen.append(await link.request())
        await link.answer(b"by proxy")

    async with kit.Peer(script) as peer:
        proxy = f"http://user:pass@127.0.0.1:{peer.port}"
        assert await kit.fetch(transport, kit.post("http://vendor.example/v1?a=b"), proxy=proxy) == (200, b"by proxy")
    assert seen[0].startswith(b"POST http://vendor.example/v1?a=b HTTP/1.1\r\n")
    assert b"proxy-authorization: basic dxnlcjpwyxnz" in seen[0].lower()


async def test_https_goes_through_a_tunnel(kit, transport, certificates):
    seen = []

    async def vendor(link, number):
        seen.append(await link.request())
        await link.answer(b"tunnelled")

    async with kit.Peer(vendor, certificates[0]) as peer:

        async def tunnel(link, number):
            seen.append(await link.reader.readuntil(b"\r\n\r\n"))
            reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
            await link.send(b"HTTP/1.1 200 Connected\r\n\r\n")
            try:
                await asyncio.gather(pipe(link.reader, writer), pipe(reader, link.writer))
            finally:
                writer.close()

        async with kit.Peer(tunnel) as proxy:
            request = kit.post(peer.url("/v1", scheme="https"), headers={"Authorization": "Bearer k"})
            answer = await kit.fetch(transport, request, proxy=f"http://user:pass@127.0.0.1:{proxy.port}")
            assert answer == (200, b"tunnelled")
    assert seen[0].startswith(b"CONNECT 127.0.0.1:")
    assert b"Bearer" not in seen[0]
    assert b"proxy-authorization" in seen[0].lower()
    assert b"proxy-authorization" not in seen[1].lower()


async def pipe(reader, writer) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def test_a_proxy_that_refuses_or_is_away(kit, transport, closed_port):
    async def script(link, number):
        await link.reader.readuntil(b"\r\n\r\n")
        await link.answer(b"who are you", status="407 Auth")

    async with kit.Peer(script) as peer:
        request = kit.post("https://vendor.example/v1")
        error = await kit.failing(transport, request, proxy=f"http://user:pass-1@127.0.0.1:{peer.port}")
        assert (error.kind, str(error)) == ("connect", "vendor.example:443: the proxy refused the tunnel (407)")
    error = await kit.failing(transport, request, proxy=f"http://user:pass-1@127.0.0.1:{closed_port}")
    assert error.kind == "connect"
    assert "pass-1" not in str(error)


async def test_pools_of_different_proxies_are_apart(kit, transport):
    async def script(link, number):
        while True:
            await link.request()
            await link.answer()

    async with kit.Peer(script) as peer, kit.Peer(script) as proxy:
        await kit.fetch(transport, kit.post(peer.url()))
        await kit.fetch(transport, kit.post(peer.url()), proxy=f"http://127.0.0.1:{proxy.port}")
        assert (peer.links, proxy.links) == (1, 1)
