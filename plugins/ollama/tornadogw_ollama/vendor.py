"""The vendor itself: where things are, and which room does what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from typing_extensions import override

from tornadogw import Call, Credential, Event, Failure, Frame, Traits, UpstreamRequest, Vendor

from . import failures, reading, writing

__all__ = ["Ollama"]

TEMPLATE_TOKENS = 1024
"""A model's own system prompt, from its Modelfile or its template."""


class Ollama(Vendor):
    """`POST {base_url}/api/chat`. Options of an upstream: `num_ctx`, tokens of context that a model is loaded with, and
    `keep_alive`, how long it stays loaded (seconds, or a text such as `10m`). A key is needed by hosted engines only.
    """

    name = "ollama"
    base_url = "http://127.0.0.1:11434"
    framing = "ndjson"

    @override
    def traits(self, model: str) -> Traits:
        return Traits(pace="self-hosted", image_urls=False, template_tokens=TEMPLATE_TOKENS)

    @override
    def request(self, call: Call, credential: Credential, now: float) -> UpstreamRequest:
        body, dropped = writing.body(call)
        headers = {
            "content-type": "application/json",
            "accept": "application/x-ndjson" if call.stream else "application/json",
        }
        if credential.secret:
            headers["authorization"] = f"Bearer {credential.secret}"
        return UpstreamRequest(f"{call.base_url.rstrip('/')}/api/chat", headers, body, dropped=dropped)

    @override
    def memo(self, call: Call) -> reading.Notes:
        return reading.Notes(call)

    @override
    def read(self, frame: Frame, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.read(frame.data, memo)

    @override
    def end(self, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.end(memo)

    @override
    def read_whole(self, body: bytes, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.read_whole(body, memo)

    @override
    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
        return failures.from_answer(status, headers, body, now)
