"""Addresses of images become `data:` URLs, once each, within the limits; what cannot be had is named."""

from __future__ import annotations

import base64

import pytest

from tornadogw.errors import Cannot
from tornadogw.images import MOST, Images, kind_of
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.transport.fetch import Fetcher, Limits
from tornadogw.types import Draft

PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 40
DATA = "data:image/png;base64," + base64.b64encode(PNG).decode()


def draft(*urls):
    parts = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}} for url in urls]
    user = {"role": "user", "content": [{"type": "text", "text": "What is it?"}, *parts]}
    return Draft("chat", "m", messages=({"role": "system", "content": "Look."}, user), images=len(urls))


def images(upstream, size=1000):
    return Images(Fetcher(Limits(frozenset({upstream.url.removeprefix("http://")}), size, 5.0)))


def urls_of(found):
    return [part["image_url"]["url"] for part in found.messages[1]["content"][1:]]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"GIF87a...", "image/gif"),
        (b"RIFF0000WEBPVP8 ", "image/webp"),
        (b"RIFF0000WAVE", ""),
        (b"<svg/>", ""),
        (b"", ""),
    ],
)
def test_the_first_bytes_decide(data, kind):
    assert kind_of(data) == kind


async def test_addresses_are_replaced_and_nothing_else():
    async with FakeUpstream(Answer(body=PNG, headers={"Content-Type": "text/html"})) as upstream:
        asked = draft(upstream.url + "/a", DATA, upstream.url + "/a")
        found = await images(upstream).inlined(asked)
        assert urls_of(found) == [DATA, DATA, DATA]
        assert found.messages[1]["content"][1]["image_url"]["detail"] == "low"
        assert found.messages[1]["content"][0] == asked.messages[1]["content"][0]
        assert urls_of(asked)[0] == upstream.url + "/a", "nobody may change what the client asked"
        assert len(upstream.requests) == 1


async def test_a_second_route_finds_them_there():
    async with FakeUpstream(Answer(body=PNG)) as upstream:
        one, asked = images(upstream), draft(upstream.url)
        assert urls_of(await one.inlined(asked)) == urls_of(await one.inlined(asked)) == [DATA]
        assert len(upstream.requests) == 1


async def test_without_addresses_nothing_happens():
    async with FakeUpstream() as upstream:
        asked = draft(DATA)
        assert (await images(upstream).inlined(asked)) == asked
        assert (await images(upstream).inlined(Draft("chat", "m"))) == Draft("chat", "m")
        assert upstream.requests == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(status=404), "could not be fetched"),
        (Answer(body=b"<html>"), "no JPEG, PNG, GIF or WebP"),
        (Answer(body=PNG * 30), "larger than 1000 bytes"),
    ],
)
async def test_what_cannot_be_had_is_named(answer, words):
    async with FakeUpstream(answer) as upstream:
        with pytest.raises(Cannot, match=words) as refused:
            await images(upstream).inlined(draft(DATA, upstream.url))
        assert refused.value.param == "messages[1].content[2].image_url"
        assert upstream.url not in str(refused.value)


async def test_all_images_together_are_limited():
    async with FakeUpstream(Answer(body=PNG)) as upstream:
        with pytest.raises(Cannot, match="larger than 100 bytes"):
            await images(upstream, 100).inlined(draft(*(f"{upstream.url}/{at}" for at in range(3))))


async def test_there_are_not_too_many():
    async with FakeUpstream(Answer(body=PNG)) as upstream:
        with pytest.raises(Cannot, match=f"at most {MOST}"):
            await images(upstream, 100_000).inlined(draft(*(f"{upstream.url}/{at}" for at in range(MOST + 1))))
        assert len(upstream.requests) == MOST
