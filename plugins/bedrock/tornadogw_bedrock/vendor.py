"""The vendor itself: where things are, and which room does what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from typing_extensions import override

from tornadogw import Call, Cannot, Credential, Event, Failure, Frame, Framing, Traits, UpstreamRequest, Vendor

from . import failures, reading, signing, writing

__all__ = ["Bedrock"]

_REGION = re.compile(r"https?://bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.")
EVENTS = "application/vnd.amazon.eventstream"


class Bedrock(Vendor):
    """`POST {base_url}/model/{model}/converse` and `/converse-stream`.

    Options of an upstream: `region`; `guardrail`, the vendor's own `guardrailConfig`. A key is `ACCESS:SECRET`,
    `ACCESS:SECRET:SESSION` or a bearer key.
    """

    name = "bedrock"
    base_url = "https://bedrock-runtime.us-east-1.amazonaws.com"
    framing: Framing = "eventstream"

    @override
    def traits(self, model: str) -> Traits:
        return Traits(temperature=not writing.refuses_sampling(model), image_urls=False)

    @override
    def request(self, call: Call, credential: Credential, now: float) -> UpstreamRequest:
        body, dropped = writing.body(call)
        base, region = self._place(call)
        what = "converse-stream" if call.stream else "converse"
        url = f"{base}/model/{quote(call.model, safe='')}/{what}"
        headers = {"content-type": "application/json", "accept": EVENTS if call.stream else "application/json"}
        if (keys := signing.keys_in(credential.secret)) is not None:
            if not region:
                raise Cannot("options.region", "the upstream's settings must have it")
            headers = signing.sign(keys, url, headers, body, region, now)
        elif credential.secret:
            headers["authorization"] = f"Bearer {credential.secret}"
        return UpstreamRequest(url, headers, body, dropped=dropped)

    @override
    def memo(self, call: Call) -> reading.Notes:
        return reading.Notes(call)

    @override
    def read(self, frame: Frame, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.read(frame, memo)

    @override
    def end(self, memo: reading.Notes) -> Sequence[Event | Failure]:
        if memo.done or memo.stopped:
            return ()
        return (Failure("elsewhere", code="truncated", message="the stream ended before its stop reason"),)

    @override
    def read_whole(self, body: bytes, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.read_whole(body, memo)

    @override
    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
        return failures.from_answer(status, headers, body, now)

    def _place(self, call: Call) -> tuple[str, str]:
        """(address, region). The region's own address stands in for the vendor's default one."""
        base = (call.base_url or self.base_url).rstrip("/")
        wanted = call.options.get("region")
        if isinstance(wanted, str) and re.fullmatch(r"[a-z0-9-]{1,40}", wanted):
            if base == self.base_url:
                base = f"https://bedrock-runtime.{wanted}.amazonaws.com"
            return base, wanted
        found = _REGION.match(base)
        return base, found[1] if found else ""
