"""Images that a client points at, for vendors that cannot fetch them: `data:` URLs in the place of addresses.

Fetched when a route first needs them, once a request, whichever routes are tried after it. What cannot be had is the
client's to mend, so the parameter is named; where it was sought and what was found there is not told.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tornadogw.errors import Cannot
from tornadogw.transport.fetch import Fetcher, NotFetched, TooLarge
from tornadogw.types import Draft

__all__ = ["Images", "kind_of"]

MOST = 16
"""Addresses of one request that are fetched."""
_HEADS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_WEBP = (b"RIFF", b"WEBP")


def kind_of(data: bytes) -> str:
    """The media type by the first bytes: JPEG, PNG, GIF or WebP; empty for anything else."""
    for head, kind in _HEADS.items():
        if data.startswith(head):
            return kind
    return "image/webp" if (data[:4], data[8:12]) == _WEBP else ""


class Images:
    """The images of one request. All of them have at most the bytes that one may have."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._left = fetcher.limits.size
        self._found: dict[str, str] = {}

    async def inlined(self, draft: Draft) -> Draft:
        """`draft` without addresses of images. Raises Cannot."""
        if not any(_address(part) for message in draft.messages for part in _parts(message)):
            return draft
        messages = [await self._message(message, f"messages[{at}]") for at, message in enumerate(draft.messages)]
        return msgspec.structs.replace(draft, messages=messages)

    async def _message(self, message: Mapping[str, Any], place: str) -> Mapping[str, Any]:
        parts = [await self._part(part, f"{place}.content[{at}].image_url") for at, part in enumerate(_parts(message))]
        return {**message, "content": parts} if parts else message

    async def _part(self, part: Mapping[str, Any], place: str) -> Mapping[str, Any]:
        address = _address(part)
        if not address:
            return part
        url = self._found.get(address) or await self._fetched(address, place)
        image = part["image_url"]
        return {**part, "image_url": {**image, "url": url} if isinstance(image, Mapping) else {"url": url}}

    async def _fetched(self, address: str, place: str) -> str:
        if len(self._found) >= MOST:
            raise Cannot(place, f"at most {MOST} images are fetched for one request")
        try:
            data = await self._fetcher.fetch(address, self._left)
        except TooLarge:
            raise Cannot(place, f"the images are larger than {self._fetcher.limits.size} bytes") from None
        except NotFetched:
            raise Cannot(place, "the image could not be fetched; send it as a data: URL") from None
        kind = kind_of(data)
        if not kind:
            raise Cannot(place, "is no JPEG, PNG, GIF or WebP")
        self._left -= len(data)
        url = self._found[address] = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        return url


def _parts(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else ()


def _address(part: Mapping[str, Any]) -> str:
    """The http(s) address of an image; empty: it has none."""
    if part.get("type") != "image_url":
        return ""
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    return url if isinstance(url, str) and url.lower().startswith(("http://", "https://")) else ""
