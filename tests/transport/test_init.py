"""The one way in."""

from __future__ import annotations

import pytest

from tornadogw.transport import Transport
from tornadogw.types import UpstreamRequest

pytestmark = pytest.mark.usefixtures("new_loop")


async def test_the_scheme_decides_who_answers(kit):
    async def script(link, number):
        await link.request()
        await link.answer(b"by socket")

    transport = Transport(user_agent="test/1")
    await transport.open()
    async with kit.Peer(script) as peer:
        assert await kit.fetch(transport, kit.post(peer.url())) == (200, b"by socket")
        request = UpstreamRequest(method="LOOP", url="loop://echo?status=418", headers={}, body=b"in the process")
        assert await kit.fetch(transport, request) == (418, b"in the process")
    await transport.close()
    await transport.close()


def test_sockets_need_an_open_transport(kit):
    with pytest.raises(RuntimeError):
        Transport().send(kit.post("http://127.0.0.1:1/"), connect=1)
