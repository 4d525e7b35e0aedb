"""Content parts as the vendor's blocks: text, images, documents; with the points up to which it caches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tornadogw import Cannot

__all__ = ["CACHE_POINT", "Block", "blocks"]

Part = Mapping[str, Any]
Block = dict[str, Any]

CACHE_POINT: Block = {"cachePoint": {"type": "default"}}
IMAGES = {"image/jpeg": "jpeg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}
DOCUMENTS = {
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w.+=-]+)*?;base64,(.*)", re.DOTALL | re.ASCII)
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9\s()\[\]-]+")


def blocks(message: Part, place: str) -> list[Block]:
    """The blocks of one message; blank texts, which the vendor refuses, are left out. Raises Cannot."""
    content = message.get("content") or ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    said: list[Block] = []
    for index, part in enumerate(parts):
        block = _block(part, f"{place}.content[{index}]")
        if "text" not in block or block["text"].strip():
            said.append(block)
            if part.get("cache_control"):
                said.append(CACHE_POINT)
    if said and message.get("cache_control"):
        said.append(CACHE_POINT)
    return said


def _block(part: Part, place: str) -> Block:
    kind = part.get("type", "text")
    if kind in ("text", "refusal"):
        text = part.get(kind)
        return {"text": text if isinstance(text, str) else ""}
    if kind == "image_url":
        image = part["image_url"]
        media, data = _inline(image.get("url") if isinstance(image, Mapping) else image)
        if media not in IMAGES:
            raise Cannot(f"{place}.image_url", "must be a data: URL of a JPEG, PNG, GIF or WebP in base64")
        return {"image": {"format": IMAGES[media], "source": {"bytes": data}}}
    if kind == "file":
        return {"document": _document(part.get("file"), f"{place}.file.file_data")}
    raise Cannot(f"{place}.{kind}", "no such part here: text, images and files are taken")


def _document(file: Any, place: str) -> Block:
    told = file if isinstance(file, Mapping) else {}
    media, data = _inline(told.get("file_data"))
    if media not in DOCUMENTS:
        raise Cannot(place, "must be a data: URL in base64 of a PDF, a text or an office document")
    name = told.get("filename")
    named = _NOT_OF_A_NAME.sub(" ", name)[:200].strip() if isinstance(name, str) else ""
    return {"format": DOCUMENTS[media], "name": named or "document", "source": {"bytes": data}}


def _inline(url: Any) -> tuple[str, str]:
    """(media type, base64) of a data: URL; empty texts for anything else."""
    found = _DATA.fullmatch(url) if isinstance(url, str) else None
    return (found[1].lower(), found[2]) if found else ("", "")
