"""Content parts as the vendor's blocks: text, images, documents; with the marks that say what to cache."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tornadogw import Cannot

__all__ = ["blocks", "has_text"]

Part = Mapping[str, Any]
Block = dict[str, Any]

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
DOCUMENT = ("source", "title", "context", "citations")
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w.+=-]+)*?;base64,(.*)", re.DOTALL | re.ASCII)


def blocks(message: Part, place: str) -> list[Block]:
    """The blocks of one message; blank texts, which the vendor refuses, are left out. Raises Cannot."""
    content = message.get("content") or ""
    if isinstance(content, str):
        said = [{"type": "text", "text": content}] if content.strip() else []
    else:
        parts = [_block(part, f"{place}.content[{index}]") for index, part in enumerate(content)]
        said = [part for part in parts if part["type"] != "text" or part["text"].strip()]
    if said and (marker := message.get("cache_control")):
        said[-1] = {**said[-1], "cache_control": marker}
    return said


def has_text(said: Iterable[Block]) -> bool:
    return any(block["type"] == "text" for block in said)


def _block(part: Part, place: str) -> Block:
    kind = part.get("type", "text")
    if kind in ("text", "refusal"):
        text = part.get(kind)
        said: Block = {"type": "text", "text": text if isinstance(text, str) else ""}
    elif kind == "image_url":
        said = {"type": "image", "source": _image(part["image_url"], f"{place}.image_url")}
    elif kind == "file":
        said = {"type": "document", **_file(part.get("file"), f"{place}.file")}
    elif kind == "document" and isinstance(part.get("source"), Mapping):
        said = {"type": "document", **{key: part[key] for key in DOCUMENT if key in part}}
    else:
        raise Cannot(f"{place}.{kind}", "no such part here: text, images and files are taken")
    if marker := part.get("cache_control"):
        said["cache_control"] = marker
    return said


def _image(image: Any, place: str) -> dict[str, str]:
    url = image.get("url") if isinstance(image, Mapping) else image
    found = _DATA.fullmatch(url) if isinstance(url, str) else None
    if found is not None and found[1].lower() in IMAGES:
        return {"type": "base64", "media_type": found[1].lower(), "data": found[2]}
    if isinstance(url, str) and url.lower().startswith(("https://", "http://")):
        return {"type": "url", "url": url}
    raise Cannot(place, "must be an address, or a data: URL of a JPEG, PNG, GIF or WebP in base64")


def _file(file: Any, place: str) -> dict[str, Any]:
    """A PDF or a text."""
    told = file if isinstance(file, Mapping) else {}
    data = told.get("file_data")
    found = _DATA.fullmatch(data) if isinstance(data, str) else None
    if found is None:
        raise Cannot(f"{place}.file_data", "must be a data: URL in base64; files that lie elsewhere are not reached")
    if found[1].lower() != "application/pdf":
        raise Cannot(f"{place}.file_data", "this vendor takes PDF documents")
    title = {"title": told["filename"]} if isinstance(told.get("filename"), str) and told["filename"] else {}
    return {"source": {"type": "base64", "media_type": "application/pdf", "data": found[2]}, **title}
