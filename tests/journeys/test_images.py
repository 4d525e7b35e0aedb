"""A client gives an image by its address: engines of one's own get the image itself, others the address."""

from __future__ import annotations

import asyncio
import base64

import pytest

from tests.journeys.wire import said
from tests.running import chat_settings
from tornadogw.testing import Answer, FakeUpstream

PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 40


def asking(url):
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"model": "m", "messages": [{"role": "user", "content": parts}]}


def settings(upstream, pictures, vendor):
    allow = f'[images]\nallow = ["{pictures.url.removeprefix("http://")}"]\n'
    return allow + chat_settings(upstream.url, vendor=vendor)


@pytest.mark.parametrize(("vendor", "inline"), [("llamacpp", True), ("vllm", True), ("openai", False)])
async def test_who_fetches_it(start, vendor, inline):
    async with FakeUpstream(Answer(body=said("A dot."))) as upstream, FakeUpstream(Answer(body=PNG)) as pictures:  # noqa: SIM117  # in the order of need
        async with start(settings(upstream, pictures, vendor)) as gateway:
            url = f"{pictures.url}/dot.png"
            status, answer = await gateway.ask(asking(url))
            assert (status, answer["choices"][0]["message"]["content"]) == (200, "A dot.")
            sent = upstream.requests[0].json()["messages"][0]["content"][1]["image_url"]["url"]
            assert sent == ("data:image/png;base64," + base64.b64encode(PNG).decode() if inline else url)
            assert len(pictures.requests) == inline


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/a.png", "http://169.254.169.254/latest/meta-data", "http://[::1]/", "http://nowhere.test/"],
)
async def test_an_address_out_of_bounds_is_the_clients_to_mend(start, url):
    async with FakeUpstream() as upstream, FakeUpstream() as pictures:  # noqa: SIM117  # in the order of need
        async with start(settings(upstream, pictures, "llamacpp")) as gateway:
            status, answer = await gateway.ask(asking(url))
            assert (status, answer["code"]) == (400, 1002)
            assert answer["error"]["param"] == "messages[0].content[1].image_url"
            assert "could not be fetched" in answer["message"]
            assert upstream.requests == []
            account = await gateway.account()
            assert (account.held, account.spent) == (0, 0)


async def test_a_client_that_leaves_ends_the_fetch(start):
    async with FakeUpstream() as upstream, FakeUpstream(Answer(body=PNG, ending="hang")) as pictures:  # noqa: SIM117  # in the order of need
        async with start(settings(upstream, pictures, "llamacpp")) as gateway:
            asked = asyncio.create_task(gateway.ask(asking(pictures.url)))
            async with asyncio.timeout(15):
                request = await pictures.received()
                asked.cancel()
                await asyncio.wait({asked})
                await request.gone.wait()
            assert upstream.requests == []
