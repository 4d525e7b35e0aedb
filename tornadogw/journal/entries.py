"""What a record of the journal says: one event, as MessagePack, never longer than a segment has room for."""

from __future__ import annotations

import msgspec

from tornadogw.journal.segment import LONGEST
from tornadogw.store.ports import MAX_AMOUNT
from tornadogw.store.ports_money import Entry
from tornadogw.types import Record, Usage

__all__ = ["decode", "encode", "lessened"]

_FRAME = 8
_TEXT = 100
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The record; without what others worded if it would be too long, or has a number that no machine has."""
    try:
        payload = _encoder.encode(entry)
    except (OverflowError, UnicodeEncodeError, ValueError):
        payload = b""
    if not payload or len(payload) > LONGEST - _FRAME:
        payload = _encoder.encode(msgspec.structs.replace(entry, record=lessened(entry.record)))
    return payload


def decode(payload: bytes) -> Entry:
    """Raises msgspec.MsgspecError for a record that this version does not know."""
    return _decoder.decode(payload)


def lessened(record: Record) -> Record:
    """Who, when, how much; of what others worded only what is short and plain."""
    usage = Usage(*(min(count, MAX_AMOUNT) for count in msgspec.structs.astuple(record.usage)))
    return msgspec.structs.replace(
        record,
        asked=_plain(record.asked),
        model=_plain(record.model),
        shown=_plain(record.shown),
        upstream=_plain(record.upstream),
        attempts=(),
        dropped=(),
        usage=usage,
    )


def _plain(text: str) -> str:
    return text[:_TEXT].encode(errors="replace").decode()
