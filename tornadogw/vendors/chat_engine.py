"""The engine for every vendor that speaks the chat dialect: one instance a row, the differences are the row's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from typing_extensions import override

from tornadogw.errors import Unreadable
from tornadogw.types import Call, Credential, Event, Failure, Frame, Traits, UpstreamRequest
from tornadogw.vendor import Vendor
from tornadogw.vendors.chat_failure import Problem, classify, failure_of, problem_in
from tornadogw.vendors.chat_read import ChatMemo, Reading, end, read_body, read_chunk
from tornadogw.vendors.chat_request import write
from tornadogw.vendors.rows import Profile, Row

__all__ = ["ChatEngine"]

_DONE = b"[DONE]"
_MOST_MODELS = 1024
_DEEPEST = 100


class ChatEngine(Vendor):
    """A vendor of the chat dialect."""

    def __init__(self, row: Row) -> None:
        self.name = row.name
        self.base_url = row.profile.base_url
        self._row = row
        self._readings: dict[str, Reading] = {}

    @override
    def traits(self, model: str) -> Traits:
        profile = self._reading(model).profile
        return Traits(
            relay=profile.relay,
            json=profile.json,
            whole_params=frozenset(profile.whole_params),
            completion="chat" if profile.completion == "chat" else "native",
            token_prompts=profile.token_prompts,
            temperature=profile.default_temperature and "temperature" not in profile.drop,
            pace=profile.pace,
            image_tokens=profile.image_tokens,
            image_urls=profile.image_urls,
            template_tokens=profile.template_tokens,
            prefill=profile.prefill.answers,
        )

    @override
    def request(self, call: Call, credential: Credential, now: float) -> UpstreamRequest:
        return write(self._reading_of(call).profile, call, credential)

    @override
    def memo(self, call: Call) -> ChatMemo:
        return ChatMemo(call, self._reading_of(call))

    @override
    def read(self, frame: Frame, memo: ChatMemo) -> Sequence[Event | Failure]:
        if memo.done or memo.failed:
            return ()
        if frame.whole:
            return self.read_whole(frame.data, memo)
        if frame.data.startswith(_DONE):
            memo.done = True
            return ()
        chunk = _loads(frame.data)
        if frame.event == "error" or not isinstance(chunk, dict):
            return [self._in_stream(chunk, frame, memo)]
        return read_chunk(chunk, memo)

    @override
    def end(self, memo: ChatMemo) -> Sequence[Event | Failure]:
        return end(memo)

    @override
    def read_whole(self, body: bytes, memo: ChatMemo) -> Sequence[Event | Failure]:
        return read_body(_loads(body), memo)

    @override
    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
        return failure_of(self._row.profile, status, headers, body, now)

    def _in_stream(self, chunk: Any, frame: Frame, memo: ChatMemo) -> Failure:
        """An error event, or data that is no object: an error in a list is one, all else is unreadable."""
        problem = problem_in(chunk)
        if problem is None:
            if frame.event != "error":
                raise Unreadable("a chunk that is no object")
            problem = Problem(frame.data[:500].decode("utf-8", "replace"))
        memo.failed = True
        return classify(memo.reading.profile, problem, 0, {}, 0.0)

    def _reading_of(self, call: Call) -> Reading:
        """`options.family` names the model where the vendor's own name of it does not, as with named deployments."""
        family = call.options.get("family")
        return self._reading(family if isinstance(family, str) else call.model)

    def _reading(self, model: str) -> Reading:
        reading = self._readings.get(model)
        if reading is None:
            if len(self._readings) >= _MOST_MODELS:
                self._readings.clear()
            reading = self._readings[model] = Reading(self._profile(model))
        return reading

    def _profile(self, model: str) -> Profile:
        return self._row.profile_for(model)


def _loads(data: bytes) -> Any:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Unreadable(str(error)) from error
    if data.count(b"[") + data.count(b"{") > _DEEPEST and _is_deep(value):
        raise Unreadable("nested too deeply")
    return value


def _is_deep(value: Any) -> bool:
    """Whether a value is nested more deeply than could be compared or written out again."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
