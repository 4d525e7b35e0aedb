"""What the client reads of one answer: a stream or one JSON document. No I/O; one object for all legs of an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol, cast

from tornadogw.catalogue import RouteEntry
from tornadogw.dialects.chat_fold import Fold, in_form
from tornadogw.dialects.chat_render import Identity, StreamRenderer
from tornadogw.relay.reader import Item
from tornadogw.types import Draft, Event, Meta, Usage

__all__ = ["Answer", "JsonAnswer", "StreamAnswer", "identity", "shown_model"]


def shown_model(route: RouteEntry, reported: str) -> str:
    """The model that really answered, never the alias asked for (contract.md, '`model` in the answer')."""
    if route.public_name:
        return route.public_name
    org, slash, name = reported.partition("/")
    is_path = slash and (not org or not name or "/" in name)
    return route.model if not reported or is_path else reported


def identity(meta: Meta, route: RouteEntry, draft: Draft, request_id: str, now: float) -> Identity:
    """What every chunk repeats: the upstream's own where it says any."""
    prefix = "chatcmpl-" if draft.mode == "chat" else "cmpl-"
    return Identity(meta.id or prefix + request_id, meta.created or int(now), shown_model(route, meta.model))


def _is_raw(item: Item) -> bool:
    return isinstance(item, bytes)


class Answer(Protocol):
    """Takes what was read and says what may be written at once."""

    identity: Identity | None

    def begin(self, identity: Identity) -> None:
        """The first useful event is here: from now on the identity stands."""

    def take(self, items: Sequence[Item]) -> bytes:
        """Bytes for the client now; a JSON answer has none before its end."""

    def offer(self, body: bytes) -> None:
        """The upstream's JSON, which may pass as it is if it says just what is to be said."""

    def close(self, usage: Usage) -> bytes:
        """The last bytes of a whole answer. `usage` is what is charged."""


class StreamAnswer:
    """SSE in the client's dialect."""

    def __init__(self, draft: Draft) -> None:
        self.identity: Identity | None = None
        self._draft = draft
        self._renderer: StreamRenderer | None = None

    def begin(self, identity: Identity) -> None:
        if self._renderer is None:
            self.identity = identity
            self._renderer = StreamRenderer(self._draft.mode, identity, functions="functions" in self._draft.params)

    def take(self, items: Sequence[Item]) -> bytes:
        if self._renderer is None:
            raise RuntimeError("an answer takes events only after it began")
        out: list[bytes] = []
        for raw, group in groupby(items, _is_raw):
            run = list(group)
            out += cast(list[bytes], run) if raw else [self._renderer.chunks(cast(list[Event], run))]
        return b"".join(out)

    def offer(self, body: bytes) -> None:
        """A stream is written event by event."""

    def close(self, usage: Usage) -> bytes:
        if self._renderer is None:
            raise RuntimeError("an answer that never began has no end")
        return self._renderer.close(usage if self._draft.include_usage else None)


class JsonAnswer:
    """One JSON document."""

    def __init__(self, draft: Draft) -> None:
        self.identity: Identity | None = None
        self._mode = draft.mode
        self._bodies: list[bytes] = []
        self._fold = Fold(draft.mode, functions="functions" in draft.params)

    def begin(self, identity: Identity) -> None:
        self.identity = self.identity or identity

    def take(self, items: Sequence[Item]) -> bytes:
        self._fold.take([item for item in items if isinstance(item, Event)])
        return b""

    def offer(self, body: bytes) -> None:
        self._bodies.append(body)

    def close(self, usage: Usage) -> bytes:
        if self.identity is None:
            raise RuntimeError("an answer that never began has no end")
        if len(self._bodies) == 1 and self._fold.plain and in_form(self._bodies[0], self._mode, self.identity, usage):
            return self._bodies[0]
        return self._fold.body(self.identity, usage)
