"""Thought signatures: where they ride in a client's messages, so that they come back.

Gemini 3 refuses a tool loop whose calls lack the signatures that came with them. Google's own OpenAI endpoint puts them
in `extra_content` of a tool call; most clients drop fields that they do not know, but none drops the call's id. So a
signature stands in both: `call_1f0c__sig_s2EqADCp0...`. Behind the mark stand the alphabet of base64 that it came in
(`s`tandard or `u`rl-safe) and how many `=` it ended with: other vendors take nothing but letters, digits, `_` and `-`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

__all__ = ["SKIP", "found", "made_up", "shown", "split", "tool_call_id"]

MARK = "__sig_"
SKIP = "skip_thought_signature_validator"
"""What Google's documentation says to send for a call that another model made."""
_HELD = re.compile(r"([su])([0-2])([A-Za-z0-9_-]+)")
_MADE_UP = re.compile(r"call_[0-9a-f]{16}")
_STANDARD, _URL_SAFE = (re.compile(rf"[A-Za-z0-9{others}]+={{0,2}}") for others in ("+/", "_-"))


def made_up(answer: str, choice: int, index: int) -> str:
    """An id for a call that came without one; the same whenever the same answer is read."""
    return "call_" + sha256(f"{answer}|{choice}|{index}".encode("utf-8", "replace")).hexdigest()[:16]


def tool_call_id(own: str, signature: str) -> str:
    """The id that a client reads: `own`, and the signature if an id can hold it."""
    if not (_STANDARD.fullmatch(signature) or _URL_SAFE.fullmatch(signature)):
        return own
    if MARK in own:
        return own
    form = f"{'s' if _STANDARD.fullmatch(signature) else 'u'}{signature.count('=')}"
    return own + MARK + form + signature.rstrip("=").replace("+", "-").replace("/", "_")


def split(told: str) -> tuple[str, str]:
    """(the vendor's own id, empty if it was made up; the signature, empty if there is none)."""
    own, _, held = told.partition(MARK)
    if (parts := _HELD.fullmatch(held)) is None:
        own, signature = told, ""
    else:
        alphabet, padding, signature = parts.groups()
        if alphabet == "s":
            signature = signature.replace("-", "+").replace("_", "/")
        signature += "=" * int(padding)
    return "" if _MADE_UP.fullmatch(own) else own, signature


def shown(signature: str) -> dict[str, Any]:
    """`extra_content` as the vendor's own OpenAI endpoint has it."""
    return {"google": {"thought_signature": signature}}


def found(holder: Mapping[str, Any]) -> str:
    """The signature in a tool call or message that a client sent back; empty: none."""
    content = holder.get("extra_content")
    google = content.get("google") if isinstance(content, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) else ""
