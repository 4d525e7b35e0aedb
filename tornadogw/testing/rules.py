"""What the conformance suite shows: each rule's name and its meaning in one sentence. `quality.toml` uses the names."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["RULES"]

RULES: Mapping[str, str] = {
    "requests": "what is sent equals what the vendor's own client sent, but for named differences",
    "never_silent": "each parameter and kind of message is sent, named as dropped, or refused by name",
    "any_request": "whatever a client sends gives a request or a refusal by name, never another error",
    "call_unchanged": "the call, which other routes may need, is the same after the request was written",
    "extras": "opaque values of an answer are in the request that continues its tool loop",
    "splits": "the events are the same however the bytes are cut: at every byte, in single bytes, in odd sizes",
    "form": "events have the contract's form: a call begins with id and name, reasons and counts are possible ones",
    "one_stop": "each choice has exactly one Stop, and nothing of it follows",
    "usage": "usage is there, never falls, and its parts are no larger than the whole",
    "truncation": "an answer that is cut anywhere before its end is a failure, and whole from its end on",
    "json": "a JSON answer says what the stream says, also to a call that asked for a stream",
    "any_answer": "any bytes of an upstream give events or Unreadable, never another error",
    "pure": "the same arguments give the same result, and answers read at once do not mix",
    "failures": "each class of error has its kind, its scope and its wait",
    "secrets": "the key is in no address, repr, log line or message",
    "no_io": "no socket is opened and no program started",
}
