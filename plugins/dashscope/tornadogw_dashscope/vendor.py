"""The vendor itself: where things are, and which room does what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from typing_extensions import override

from tornadogw import Call, Cannot, Credential, Event, Failure, Frame, Traits, UpstreamRequest, Vendor

from . import failures, reading, writing

__all__ = ["DashScope"]

REASONERS = ("qwq", "qvq", "thinking", "deepseek-r1")
"""Parts of the names of models that think before they speak, whatever they are asked."""


class DashScope(Vendor):
    """`POST {base_url}/services/aigc/{text,multimodal}-generation/generation`.

    Options of an upstream: `workspace`, the id of the vendor's workspace that pays, and `endpoint`, `text` or
    `multimodal`, where a model's name does not tell.
    """

    name = "dashscope"
    base_url = "https://dashscope.aliyuncs.com/api/v1"

    @override
    def traits(self, model: str) -> Traits:
        return Traits(pace="reasoning" if any(part in model.lower() for part in REASONERS) else "")

    @override
    def request(self, call: Call, credential: Credential, now: float) -> UpstreamRequest:
        endpoint = _endpoint(call)
        body, dropped = writing.body(call, multimodal=endpoint == "multimodal")
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if call.stream else "application/json",
        }
        if call.stream:
            headers["x-dashscope-sse"] = "enable"
        if isinstance(workspace := call.options.get("workspace"), str):
            headers["x-dashscope-workspace"] = workspace
        if credential.secret:
            headers["authorization"] = f"Bearer {credential.secret}"
        url = f"{call.base_url.rstrip('/')}/services/aigc/{endpoint}-generation/generation"
        return UpstreamRequest(url, headers, body, dropped=dropped)

    @override
    def memo(self, call: Call) -> reading.Notes:
        return reading.Notes(call)

    @override
    def read(self, frame: Frame, memo: reading.Notes) -> Sequence[Event | Failure]:
        if frame.whole:
            return reading.read_whole(frame.data, memo)
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


def _endpoint(call: Call) -> str:
    """Which of the two endpoints serves a model; each refuses the other's models."""
    chosen = call.options.get("endpoint")
    if chosen is None:
        return "multimodal" if writing.is_multimodal(call) else "text"
    if chosen not in ("text", "multimodal"):
        raise Cannot("options.endpoint", "must be `text` or `multimodal`")
    return str(chosen)
