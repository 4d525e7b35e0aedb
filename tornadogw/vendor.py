"""The vendor contract: what a plugin author writes. No sockets, no clock, no money, no state outside the memo.

A vendor turns a `Call` into an `UpstreamRequest`, and the frames of the answer into events. The core owns the rest.
Every method is pure: the same arguments give the same result, and bytes from upstream are hostile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tornadogw.errors import Unreadable
from tornadogw.types import (
    Call,
    Credential,
    Event,
    Failure,
    Fetched,
    Frame,
    Framing,
    Refreshed,
    Traits,
    UpstreamRequest,
)

__all__ = ["Fetch", "Memo", "Register", "Vendor"]


class Memo:
    """What a vendor remembers while it reads one answer. Attributes are the vendor's own; the core reads only `done`.

    `call` is the call being answered. `done` is for the vendor to set once the dialect's terminator was read: the core
    reads no further, so that a connection which stays open afterwards keeps nobody waiting.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.done = False


class Fetch(Protocol):
    """Given to `Vendor.refresh`: sends one request and brings the whole answer."""

    async def __call__(self, request: UpstreamRequest) -> Fetched:
        """Whatever status came. What goes wrong on the way is the gateway's to tell: let it pass."""


class Vendor:
    """Base class of every vendor: set `name` and `base_url`, write `request`, `read`, `end` and `failure`."""

    name: str = ""
    base_url: str = ""
    """Used when the upstream's settings have none. What the vendor's own SDK takes as base URL."""
    framing: Framing = "sse"
    """How a body that is no stream of server-sent events is cut. `ndjson`: each line of an answer to a call that asked
    to stream is a frame for `read`; a document over several lines, and an answer to any other call, goes to
    `read_whole`. `eventstream`: each message of a binary stream is a frame for `read`; `event` is its type.
    `json-array`: each element of an array, to a call that asked to stream, is a frame for `read`.
    """

    def traits(self, model: str) -> Traits:
        """What the core must know before it calls `model` (the vendor's name of it)."""
        return Traits()

    def request(self, call: Call, credential: Credential, now: float) -> UpstreamRequest:
        """Write the request. `now` is Unix seconds, for signatures. Raises `Cannot` for what the vendor cannot do."""
        raise NotImplementedError

    def expires(self, credential: Credential) -> bool:
        """Whether the secret of `credential` buys short-lived ones by `refresh`, instead of being sent itself."""
        return False

    async def refresh(self, http: Fetch, credential: Credential, now: float) -> Refreshed | Failure:
        """Fetch a fresh secret; the `Credential` given to `request` then carries it. `now` is Unix seconds.

        Called for what `expires`: before the first use, a minute before the end, and once after a `Failure` of status
        401. A `Failure` here is one of the route: `disable` for a credential that is no good, else `elsewhere`.
        Raises `Unreadable` for garbage.
        """
        raise NotImplementedError

    def memo(self, call: Call) -> Memo:
        """A fresh memory for one answer."""
        return Memo(call)

    def read(self, frame: Frame, memo: Any) -> Sequence[Event | Failure]:
        """The events in one frame of a stream; a `Failure` is an error inside a 200. Raises `Unreadable`."""
        raise NotImplementedError

    def end(self, memo: Any) -> Sequence[Event | Failure]:
        """The body has ended: what was held back, and a `Failure` (code `truncated`) unless the answer is whole."""
        raise NotImplementedError

    def read_whole(self, body: bytes, memo: Any) -> Sequence[Event | Failure]:
        """The events of a JSON answer. Raises `Unreadable` for garbage; so does a vendor that only streams."""
        raise Unreadable(f"{self.name} answers no JSON")

    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
        """Classify an answer that is not a 2xx (vendor-wire.md section 4). `headers` have lower-case names."""
        raise NotImplementedError


class Register(Protocol):
    """Given to `gw_register_vendors`: call it once for each vendor."""

    def __call__(self, vendor: Vendor) -> None: ...
