from __future__ import annotations

import asyncio

import pytest
from tornado.iostream import StreamClosedError

from tornadogw.attempt import Drain
from tornadogw.handlers.client import BufferedClient, HttpClient
from tornadogw.relay.pump import ClientGone


class Handler:
    """Keeps what it is told; `sent` is what the socket says of the next bytes."""

    def __init__(self):
        self.fields, self.out, self.sent = {}, [], None

    def clear_header(self, name):
        self.fields.pop(name, None)

    def write(self, data):
        self.out.append(data)

    def flush(self):
        if self.sent is not None:
            return self.sent
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    def finish(self, data):
        self.write(data)
        return self.flush()


@pytest.fixture
def handler():
    return Handler()


async def test_the_head_is_that_of_the_route_that_answers(handler):
    client = HttpClient(handler)
    client.announce(stream=True, headers={"X-Gateway-Dropped": "seed", "X-Gateway-Attempts": "1"})
    client.announce(stream=False, headers={"X-Gateway-Attempts": "2"})
    assert handler.fields["Content-Type"] == "application/json; charset=utf-8"
    assert handler.fields["X-Gateway-Attempts"] == "2"
    assert "X-Gateway-Dropped" not in handler.fields
    assert not client.started
    await client.finish(b"{}")
    assert (client.started, handler.fields["Content-Length"]) == (True, "2")


async def test_a_lost_connection_is_a_client_that_has_gone(handler):
    client = HttpClient(handler)
    handler.sent = asyncio.get_running_loop().create_future()
    handler.sent.set_exception(StreamClosedError())
    with pytest.raises(ClientGone):
        await client.write(b"x")


async def test_whoever_leaves_is_left_at_once_by_default(handler):
    client = HttpClient(handler)
    client.announce(stream=True, headers={})
    assert (client.leaves(), client.gone) == (0, False)


async def test_an_answer_is_read_on_until_it_is_enough(handler):
    client, tokens = HttpClient(handler), [5]
    client.announce(stream=True, headers={}, drain=Drain(7.0, 10, lambda: tokens[0]))
    await client.write(b"read")
    assert (client.leaves(), client.gone) == (7.0, True)
    tokens[0] = 14
    await client.write(b"unread")
    tokens[0] = 15
    with pytest.raises(ClientGone):
        await client.write(b"unread")
    await client.finish(b"unread")
    assert handler.out == [b"read"]


async def test_bytes_that_were_on_their_way_when_it_left_are_no_reason_to_stop(handler):
    client = HttpClient(handler)
    client.announce(stream=True, headers={}, drain=Drain(7.0, 10, lambda: 0))
    handler.sent = asyncio.get_running_loop().create_future()
    writing = asyncio.ensure_future(client.write(b"x"))
    await asyncio.sleep(0)
    client.leaves()
    handler.sent.set_exception(StreamClosedError())
    await writing


async def test_at_a_stop_nothing_is_read_on(handler):
    client = HttpClient(handler)
    client.announce(stream=True, headers={}, drain=Drain(7.0, 10, lambda: 0))
    client.read_nothing_on()
    assert client.leaves() == 0


async def test_a_stream_is_held_back_until_it_is_whole(handler):
    client = BufferedClient(HttpClient(handler), 100)
    client.announce(stream=True, headers={"X-Gateway-Attempts": "1"})
    await client.write(b"of a route that fails")
    client.announce(stream=True, headers={"X-Gateway-Attempts": "2"})
    await client.write(b"good ")
    await client.write(b"answer")
    assert (client.started, handler.out) == (False, [])
    await client.finish(b".")
    assert (client.started, handler.out) == (True, [b"good answer."])
    assert (handler.fields["X-Gateway-Buffer"], handler.fields["X-Gateway-Attempts"]) == ("full", "2")
    assert handler.fields["Content-Length"] == "12"


async def test_no_more_is_held_back_than_there_is_room_for(handler):
    client = BufferedClient(HttpClient(handler), 4)
    client.announce(stream=True, headers={})
    for piece in (b"12", b"34", b"5", b"6"):
        await client.write(piece)
    assert (client.started, handler.out) == (True, [b"12345", b"6"])
    await client.finish(b"7")
    assert handler.out == [b"12345", b"6", b"7"]
    assert "Content-Length" not in handler.fields


async def test_it_knows_whether_its_client_has_gone(handler):
    inner = HttpClient(handler)
    client = BufferedClient(inner, 4)
    client.announce(stream=True, headers={}, drain=Drain(1.0, 1, lambda: 0))
    assert not client.gone
    inner.leaves()
    assert client.gone
    await client.write(b"123456")
    assert handler.out == []
