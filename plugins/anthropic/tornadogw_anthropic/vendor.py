"""The vendor itself: where things are, and which room does what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from typing_extensions import override

from tornadogw import Call, Credential, Event, Failure, Frame, Traits, UpstreamRequest, Vendor, json_object

from . import failures, reading, writing

__all__ = ["Anthropic"]

API_VERSION = "2023-06-01"


class Anthropic(Vendor):
    """`POST {base_url}/v1/messages`. Options of an upstream: `api_version`; `beta`, a list of beta features;
    `tool_types`, kinds of the vendor's own tools that clients may use.
    """

    name = "anthropic"
    base_url = "https://api.anthropic.com"

    @override
    def traits(self, model: str) -> Traits:
        older = not writing.refuses_sampling(model)  # newer models take neither a temperature nor a begun answer
        return Traits(temperature=older, prefill="rest" if older else "")

    @override
    def request(self, call: Call, credential: Credential, now: float) -> UpstreamRequest:
        body, dropped = writing.body(call)
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if call.stream else "application/json",
            "anthropic-version": str(call.options.get("api_version", API_VERSION)),
        }
        if credential.secret:
            headers["x-api-key"] = credential.secret
        if beta := call.options.get("beta"):
            headers["anthropic-beta"] = beta if isinstance(beta, str) else ",".join(map(str, beta))
        return UpstreamRequest(f"{call.base_url.rstrip('/')}/v1/messages", headers, body, dropped=dropped)

    @override
    def memo(self, call: Call) -> reading.Notes:
        return reading.Notes(call)

    @override
    def read(self, frame: Frame, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.read(json_object(frame.data), memo)

    @override
    def end(self, memo: reading.Notes) -> Sequence[Event | Failure]:
        if memo.done or memo.stopped:
            return ()
        return (Failure("elsewhere", code="truncated", message="the stream ended before its stop reason"),)

    @override
    def read_whole(self, body: bytes, memo: reading.Notes) -> Sequence[Event | Failure]:
        return reading.read_whole(json_object(body), memo)

    @override
    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
        return failures.from_answer(status, headers, body, now)
