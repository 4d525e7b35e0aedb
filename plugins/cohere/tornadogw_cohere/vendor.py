"""The vendor itself: where things are, and which room does what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from typing_extensions import override

from tornadogw import Call, Credential, Event, Failure, Frame, Traits, UpstreamRequest, Vendor

from . import failures, reading, writing

__all__ = ["Cohere"]

TEMPLATE_TOKENS = 1024
"""The vendor's own instructions, which it counts but does not bill: 495 were seen, and 1400 beside tools, for which
the gateway allows by itself."""


class Cohere(Vendor):
    """`POST {base_url}/v2/chat`. Options of an upstream: `client_name`, sent as `X-Client-Name`."""

    name = "cohere"
    base_url = "https://api.cohere.com"

    @override
    def traits(self, model: str) -> Traits:
        return Traits(pace="reasoning" if writing.reasons(model) else "", template_tokens=TEMPLATE_TOKENS)

    @override
    def request(self, call: Call, credential: Credential, now: float) -> UpstreamRequest:
        body, dropped = writing.body(call)
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if call.stream else "application/json",
        }
        if credential.secret:
            headers["authorization"] = f"Bearer {credential.secret}"
        if name := call.options.get("client_name"):
            headers["x-client-name"] = str(name)
        return UpstreamRequest(f"{call.base_url.rstrip('/')}/v2/chat", headers, body, dropped=dropped)

    @override
    def memo(self, call: Call) -> reading.Notes:
        return reading.Notes(call)

    @override
    def read(self, frame: Frame, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.read(frame, memo)

    @override
    def end(self, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.end(memo)

    @override
    def read_whole(self, body: bytes, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.read_whole(body, memo)

    @override
    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
        return failures.from_answer(status, headers, body, now)
