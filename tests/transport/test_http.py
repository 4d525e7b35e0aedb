"""The HTTP engine: what it sends, whom it asks again, and how it hangs up."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tornadogw.transport import TransportError, http

# --- what is sent ---------------------------------------------------------------------------------------------------


async def test_sends_what_the_vendor_wrote_and_nothing_of_its_own(kit, transport):
    seen = []

    async def script(link, number):
        seen.append(await link.request())
        await link.answer()

    async with kit.Peer(script) as peer:
        url = peer.url("/v1/models/org%2Fname:generate?alt=sse&x=a%20b")
        await kit.fetch(transport, kit.post(url, b'{"a":1}', {"Authorization": "Bearer k", "accept-encoding": "br"}))
    head, body = seen[0].split(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    assert first == "POST /v1/models/org%2Fname:generate?alt=sse&x=a%20b HTTP/1.1"
    assert sorted(line.lower() for line in rest) == [
        "accept-encoding: identity",
        "authorization: bearer k",
        "content-length: 7",
        f"host: 127.0.0.1:{peer.port}",
        "user-agent: tornadogw",
    ]
    assert body == b'{"a":1}'


async def test_environment_is_not_trusted(kit, transport, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def script(link, number):
        await link.request()
        await link.answer(b"direct")

    async with kit.Peer(script) as peer:
        assert await kit.fetch(transport, kit.post(peer.url())) == (200, b"direct")


async def test_cookies_are_not_kept_and_redirects_not_followed(kit, transport):
    seen = []

    async def script(link, number):
        while True:
            seen.append(await link.request())
            await link.answer(
                b"moved", status="307 Moved", headers=("Location: /other", "Set-Cookie: a=b", "X-A: 1", "x-a: 2")
            )

    async with kit.Peer(script) as peer:
        async with transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
            assert upstream.status == 307
            assert upstream.headers["location"] == "/other"
            assert upstream.headers["x-a"] == "1, 2"
            assert await upstream.body(100) == b"moved"
        await kit.fetch(transport, kit.post(peer.url()))
    assert len(seen) == 2
    assert b"cookie" not in seen[1].lower()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/a b", "http://127.0.0.1:1/a\r\nX: y", "http://", "nothing", "ftp://h/x"]
)
async def test_what_is_no_url_is_not_sent(kit, transport, url):
    assert (await kit.failing(transport, kit.post(url))).kind == "protocol"


async def test_a_header_with_a_line_break_is_not_sent_and_not_told(kit, transport):
    async def script(link, number):
        assert not await link.reader.read(1)

    async with kit.Peer(script) as peer:
        error = await kit.failing(
            transport, kit.post(peer.url("/x?key=sk-1"), headers={"Authorization": "sk-1\r\nX: y"})
        )
        assert error.kind == "protocol"
        assert "sk-1" not in f"{error} {error.__cause__}"


# --- the pool -------------------------------------------------------------------------------------------------------


async def test_a_clean_end_returns_the_connection_to_the_pool(kit, transport):
    async def script(link, number):
        while True:
            await link.request()
            await link.chunked(b"data: 1\n\n", b"data: 2\n\n")

    async with kit.Peer(script) as peer:
        for _ in range(5):
            assert await kit.fetch(transport, kit.post(peer.url())) == (200, b"data: 1\n\ndata: 2\n\n")
        assert peer.links == 1
        await asyncio.gather(*[kit.fetch(transport, kit.post(peer.url())) for _ in range(3)])
        assert peer.links == 3


async def test_an_answer_left_unread_but_whole_is_no_reason_to_close(kit, transport):
    async def script(link, number):
        while True:
            await link.request()
            await link.answer(b"x")

    async with kit.Peer(script) as peer:
        async with transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
            while not upstream._answer.whole:
                await asyncio.sleep(0)
        await kit.fetch(transport, kit.post(peer.url()))
        assert peer.links == 1


async def test_a_stale_connection_is_replaced_once_without_a_word(kit, transport, monkeypatch):
    monkeypatch.setattr(http, "RESTED", 0.0)
    monkeypatch.setattr(http, "STALE", 60.0)  # however slow the machine is
    requests = []

    async def script(link, number):
        requests.append((number, await link.request()))
        await link.answer()
        if number <= 2:
            requests.append((number, await link.request()))  # the server closed before this came
        else:
            await link.gone()

    async with kit.Peer(script) as peer:
        await asyncio.gather(*[kit.fetch(transport, kit.post(peer.url())) for _ in range(2)])
        assert peer.links == 2  # two connections wait, both are stale
        assert await kit.fetch(transport, kit.post(peer.url(), b"again")) == (200, b"{}")
        assert peer.links == 3
        assert [number for number, request in requests if request.endswith(b"again")] in ([1, 3], [2, 3])


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_connection_that_is_lost_right_after_its_last_answer_is_no_stale_one(kit, transport, how, monkeypatch):
    """An upstream that closes on a request is asked once, not twice for each try."""
    monkeypatch.setattr(http, "RESTED", 60.0)
    requests = []

    async def script(link, number):
        requests.append(await link.request())
        await link.answer()
        requests.append(await link.request())
        if how == "rst":
            link.reset()

    async with kit.Peer(script) as peer:
        await kit.fetch(transport, kit.post(peer.url()))
        assert (await kit.failing(transport, kit.post(peer.url()))).kind == "reset"
        assert len(requests) == 2


async def test_a_connection_whose_end_the_loop_has_not_read_is_not_asked(kit, transport):
    """llama.cpp promises to keep one, and closes it at once; a busy loop hears of it too late."""
    close, requests = threading.Event(), []

    def serve(listening: socket.socket) -> None:
        for _ in range(2):
            link, _ = listening.accept()
            with link:
                requests.append(link.recv(65536))
                link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                close.wait(kit.BOUND)

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor() as beside:
        listening.settimeout(kit.BOUND)
        serving = beside.submit(serve, listening)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        assert await kit.fetch(transport, kit.post(url)) == (200, b"{}")
        [[waiting]] = transport._pool._idle.values()
        assert not waiting.has_news()
        close.set()
        while not waiting.has_news():  # the loop does not hear of it: it is here
            time.sleep(0.001)
        assert await kit.fetch(transport, kit.post(url)) == (200, b"{}")
        serving.result(kit.BOUND)
        assert len(requests) == 2


async def test_a_reset_is_no_sign_of_a_stale_connection(kit, transport, monkeypatch):
    """A server that had closed it would have said so before it read the request."""
    monkeypatch.setattr(http, "RESTED", 0.0)
    requests = []

    async def script(link, number):
        requests.append(await link.request())
        await link.answer()
        requests.append(await link.request())
        link.reset()

    async with kit.Peer(script) as peer:
        await kit.fetch(transport, kit.post(peer.url()))
        assert (await kit.failing(transport, kit.post(peer.url()))).kind == "reset"
        assert len(requests) == 2


async def test_a_fresh_connection_that_is_closed_is_a_failure_at_once(kit, transport):
    requests = []

    async def script(link, number):
        requests.append(await link.request())

    async with kit.Peer(script) as peer:
        assert (await kit.failing(transport, kit.post(peer.url()))).kind == "reset"
        assert len(requests) == 1


async def test_only_one_second_try(kit, transport, monkeypatch):
    monkeypatch.setattr(http, "RESTED", 0.0)
    monkeypatch.setattr(http, "STALE", 60.0)  # however slow the machine is
    requests = []

    async def script(link, number):
        requests.append(await link.request())
        if number == 1:
            await link.answer()
            requests.append(await link.request())

    async with kit.Peer(script) as peer:
        await kit.fetch(transport, kit.post(peer.url()))
        assert (await kit.failing(transport, kit.post(peer.url()))).kind == "lost"
        assert len(requests) == 3


async def test_no_second_try_once_a_part_of_an_answer_came(kit, transport):
    requests = []

    async def script(link, number):
        requests.append(await link.request())
        await link.answer()
        requests.append(await link.request())
        await link.send(b"HTTP/1.1 200 OK\r\nContent-Le")

    async with kit.Peer(script) as peer:
        await kit.fetch(transport, kit.post(peer.url()))
        assert (await kit.failing(transport, kit.post(peer.url()))).kind == "reset"
        assert len(requests) == 2


async def test_what_an_idle_connection_says_is_nobodys_answer(kit, transport):
    spoke = asyncio.Event()

    async def script(link, number):
        await link.request()
        await link.answer(b"mine")
        if number == 1:
            await link.answer(b"of somebody else")
            spoke.set()
        await link.gone()

    async with kit.Peer(script) as peer:
        assert await kit.fetch(transport, kit.post(peer.url())) == (200, b"mine")
        await spoke.wait()
        async with asyncio.timeout(kit.BOUND):
            while any(transport._pool._idle.values()):
                await asyncio.sleep(0)
        assert await kit.fetch(transport, kit.post(peer.url())) == (200, b"mine")
        assert peer.links == 2


async def test_an_idle_connection_is_kept_for_its_time_only(kit, transport, monkeypatch):
    monkeypatch.setattr(http, "POOL_SECONDS", 0.05)
    left = []

    async def script(link, number):
        await link.request()
        await link.answer()
        await link.gone()
        left.append(number)

    clock = asyncio.get_running_loop().time
    async with kit.Peer(script) as peer:
        started = clock()
        await asyncio.gather(*[kit.fetch(transport, kit.post(peer.url())) for _ in range(2)])
        async with asyncio.timeout(kit.BOUND):
            while len(left) < 2:
                await asyncio.sleep(0.001)
        assert clock() - started >= 0.05
        assert await kit.fetch(transport, kit.post(peer.url())) == (200, b"{}")
        assert peer.links == 3


# --- abort ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("how", ["leave", "raise", "cancel"])
async def test_leaving_before_the_end_aborts_at_once(kit, transport, certificates, how, secure):
    left = asyncio.get_running_loop().create_future()

    async def script(link, number):
        await link.request()
        await link.chunked(b"data: 1\n\n", end=False)
        await link.gone()
        left.set_result(None)

    async with kit.Peer(script, certificates[0] if secure else None) as peer:
        request = kit.post(peer.url(scheme="https" if secure else "http"))
        reading = asyncio.Event()

        async def call():
            async with transport.send(request, connect=kit.BOUND) as upstream:
                assert await upstream.read() == b"data: 1\n\n"
                reading.set()
                if how == "raise":
                    raise KeyError
                if how == "cancel":
                    await upstream.read()

        task = asyncio.create_task(call())
        await reading.wait()
        if how == "cancel":
            task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        assert type(outcome) is {"leave": type(None), "raise": KeyError, "cancel": asyncio.CancelledError}[how]
        async with asyncio.timeout(kit.BOUND):
            await left


async def test_a_cancelled_wait_for_the_headers_aborts_at_once(kit, transport):
    asked, left = asyncio.Event(), asyncio.Event()

    async def script(link, number):
        await link.request()
        asked.set()
        await link.gone()
        left.set()

    async with kit.Peer(script) as peer:
        task = asyncio.create_task(kit.fetch(transport, kit.post(peer.url())))
        await asked.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        async with asyncio.timeout(kit.BOUND):
            await left.wait()


async def test_an_abort_does_not_flush_what_is_not_yet_sent(kit, transport):
    body = b"x" * (32 << 20)

    asked, read_on, left = asyncio.Event(), asyncio.Event(), asyncio.Event()
    got = 0

    async def script(link, number):
        nonlocal got
        await link.reader.readuntil(b"\r\n\r\n")
        asked.set()
        await read_on.wait()
        try:
            while data := await link.reader.read(1 << 20):
                got += len(data)
        except ConnectionError:
            pass
        left.set()

    async with kit.Peer(script) as peer:
        task = asyncio.create_task(kit.fetch(transport, kit.post(peer.url(), body)))
        await asked.wait()
        task.cancel()
        await asyncio.wait([task])
        read_on.set()
        async with asyncio.timeout(kit.BOUND):
            await left.wait()
        assert got < len(body)


async def test_closing_the_transport_ends_what_is_being_read(kit, transport):
    async def script(link, number):
        await link.request()
        await link.chunked(b"data: 1\n\n", end=False)
        await link.gone()

    async with kit.Peer(script) as peer, transport.send(kit.post(peer.url()), connect=kit.BOUND) as upstream:
        assert await upstream.read() == b"data: 1\n\n"
        reading = asyncio.create_task(upstream.read())
        await asyncio.sleep(0)
        await transport.close()
        with pytest.raises(TransportError) as caught:
            await reading
        assert caught.value.kind == "reset"


async def test_a_closed_transport_sends_nothing(kit, transport):
    await transport.close()
    with pytest.raises(RuntimeError):
        transport.send(kit.post("http://127.0.0.1:1/"), connect=1)
