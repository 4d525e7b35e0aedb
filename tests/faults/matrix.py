"""The faults, as data: what an upstream does, and of which kind it is. What must come of a kind stands in `oracle`."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator, Sequence
from email.utils import formatdate
from typing import Literal, NamedTuple

from tests.faults.upstreams import Asked, Script
from tests.faults.voices import PIECES, TEXT, Voice

Kind = Literal[
    "client", "cannot", "key", "busy", "busy-short", "elsewhere", "told", "silent", "cut", "stalled", "late", "whole"
]
Client = Literal["stream", "json", "whole"]
"""What is asked: a stream; JSON, for which the upstream is asked for a stream; JSON that the upstream is asked for."""

BOTH: tuple[Client, ...] = ("stream", "json")
ALL: tuple[Client, ...] = ("stream", "json", "whole")
JSON = {"content-type": "application/json"}
SHORT = 1.0
"""Seconds of a `Retry-After` that is worth waiting for."""
LONG = 99999
BIG = "x" * 2_000_000
PAUSE = 0.15
"""Seconds in which what was sent is surely read."""
TRAP = "trap"
"""A place that nobody is told to ask."""


class Fault(NamedTuple):
    name: str
    kind: Kind
    play: Callable[[Voice, Asked], Script]
    clients: tuple[Client, ...] = ALL
    text: str = TEXT
    """What a whole answer says."""
    reports: bool = True
    """A whole answer has its usage."""
    broken: tuple[int, int] = (0, 0)
    """Events that are left out of a whole answer, at least and at most."""
    waits: float = 0.0
    """Seconds that it takes by its nature."""
    place: str = ""
    """An address that is no place of ours: its calls cannot be counted."""


def good(voice: Voice, asked: Asked) -> Script:
    """What an upstream answers when all is well."""
    if asked.stream:
        return Script(voice.all, headers={"content-type": voice.content_type})
    return Script([voice.whole], headers=JSON, framing="length")


# --- statuses --------------------------------------------------------------------------------------------------------

STATUSES = (400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529)
_BLAME: dict[int, Kind] = {400: "client", 413: "client", 422: "client", 404: "cannot"} | dict.fromkeys(
    (401, 402, 403), "key"
)


def _refusal(status: int, retry_after: Callable[[], str] | None) -> Callable[[Voice, Asked], Script]:
    def play(voice: Voice, asked: Asked) -> Script:
        told = {"retry-after": retry_after()} if retry_after else {}
        return Script([voice.error(status)], status, JSON | told, framing="length")

    return play


def statuses(status: int) -> Iterator[Fault]:
    """A status with every header that may come with it."""
    headers: dict[str, Callable[[], str] | None] = {
        "bare": None,
        "seconds": lambda: f"{SHORT:g}",
        "date": lambda: formatdate(time.time() + 2, usegmt=True),
        "long": lambda: str(LONG),
        "nonsense": lambda: "soon",
        "past": lambda: formatdate(time.time() - 100, usegmt=True),
    }
    for name, header in headers.items():
        if status not in (429, 503, 529) and name in ("nonsense", "past"):
            continue
        kind: Kind = _BLAME.get(status, "elsewhere")
        short = name in ("seconds", "date")
        if status == 429:
            kind = "busy-short" if short else "told" if name == "past" else "busy"
        elif (status in (503, 529) and name in ("seconds", "date", "long", "past")) or (status == 403 and short):
            kind = "told"
        waits = 2.0 if short else 0.0
        yield Fault(f"{status} {name}", kind, _refusal(status, header), waits=waits)


# --- everything else -------------------------------------------------------------------------------------------------


def _fixed(script: Script) -> Callable[[Voice, Asked], Script]:
    return lambda voice, asked: script


def _pieces(voice: Voice, asked: Asked, count: int) -> list[bytes]:
    """The first `count` events with text; of a JSON document, as large a share of it."""
    if asked.stream:
        return [voice.opening, *voice.texts[:count]]
    return [voice.whole[: len(voice.whole) * count // (len(PIECES) + 1)]]


def _cut(count: int, **ending: object) -> Callable[[Voice, Asked], Script]:
    """Ends after so many events, in this way."""

    def play(voice: Voice, asked: Asked) -> Script:
        body = [*_pieces(voice, asked, count), PAUSE]
        return Script(body, headers={"content-type": voice.content_type}, **ending)

    return play


def _stream(made: Callable[[Voice], Sequence[bytes | float]], **more: object) -> Callable[[Voice, Asked], Script]:
    """A stream of these pieces."""

    def play(voice: Voice, asked: Asked) -> Script:
        return Script(made(voice), **{"headers": {"content-type": voice.content_type}} | more)

    return play


WAYS = {
    "content-length short": {"framing": "length", "missing": 500, "ending": "close"},
    "chunked without end": {"ending": "close"},
    "clean": {"ending": "clean"},
    "until close": {"framing": "close", "ending": "close"},
    "reset": {"ending": "reset"},
}


def cuts(way: str) -> Iterator[Fault]:
    """An answer that is cut in one way, at any event."""
    for count in (0, 1, 2, len(PIECES)):
        yield Fault(f"{way} after {count}", "cut" if count else "elsewhere", _cut(count, **WAYS[way]))
    half = _stream(lambda voice: [voice.opening, voice.texts[0], voice.texts[-1][:-9], PAUSE], **WAYS[way])
    yield Fault(f"{way} inside an event", "cut", half, BOTH)


def _page(status: int) -> Callable[[Voice, Asked], Script]:
    page = b"<!DOCTYPE html><html><body><h1>Service temporarily unavailable</h1></body></html>"
    return _fixed(Script([page], status, {"content-type": "text/html"}, framing="length"))


def connections() -> Iterator[Fault]:
    """No answer in HTTP at all."""
    yield Fault("reset before any byte", "elsewhere", _fixed(Script(head=False, ending="reset")))
    yield Fault("closed before any byte", "elsewhere", _fixed(Script(head=False, ending="close")))
    yield Fault("half a head", "elsewhere", _fixed(Script(raw=b"HTTP/1.1 200 OK\r\nContent-Le", ending="close")))
    yield Fault("no HTTP", "elsewhere", _fixed(Script(raw=b"220 mail ready\r\n\r\n", ending="close")))
    yield Fault("refused", "elsewhere", _fixed(Script()), place="refused")
    yield Fault("accepted and closed", "elsewhere", _fixed(Script()), place="closing")


def silences() -> Iterator[Fault]:
    """Nothing comes, for ever."""
    yield Fault("before headers", "silent", _fixed(Script(head=False, ending="hang")), BOTH)
    yield Fault(
        "after half a head", "silent", _fixed(Script(raw=b"HTTP/1.1 200 OK\r\nContent-Le", ending="hang")), BOTH
    )
    yield Fault("after headers", "silent", _stream(lambda voice: [], ending="hang"), BOTH)
    yield Fault("after the opening", "silent", _stream(lambda voice: [voice.opening], ending="hang"), BOTH)
    chatter = _stream(lambda voice: [voice.opening, *[voice.comment, 0.05] * 400], ending="hang")
    yield Fault("but comments", "silent", chatter, BOTH)
    for count in (1, 2, len(PIECES)):
        yield Fault(f"after {count} events", "stalled", _cut(count, ending="hang"), BOTH)
    late = _stream(lambda voice: [voice.opening, voice.texts[0], *[voice.comment, 0.05] * 400], ending="hang")
    yield Fault("but comments after an event", "stalled", late, BOTH)


def errors() -> Iterator[Fault]:
    """An error inside a 200."""
    first = _stream(lambda voice: [voice.in_band(500), voice.terminator])
    yield Fault("first", "elsewhere", first, BOTH)
    opened = _stream(lambda voice: [voice.opening, voice.in_band(500), voice.terminator])
    yield Fault("after the opening", "elsewhere", opened, BOTH)
    for count in (1, 2, len(PIECES)):
        later = _stream(
            lambda voice, count=count: [voice.opening, *voice.texts[:count], voice.in_band(500), voice.terminator]
        )
        yield Fault(f"after {count} events", "cut", later, BOTH)
    overloaded = _stream(lambda voice: [voice.opening, *voice.texts[:2], voice.in_band(529), voice.terminator])
    yield Fault("overloaded after 2 events", "late", overloaded, BOTH)
    finished = _stream(lambda voice: [voice.opening, *voice.texts, voice.finish, voice.in_band(500)])
    yield Fault("after the finish", "late", finished, BOTH)
    yield Fault("as JSON", "elsewhere", lambda voice, _: Script([voice.error(500)], headers=JSON, framing="length"))
    yield Fault("as JSON in chunks", "elsewhere", lambda voice, _: Script([voice.error(500)], headers=JSON))


def bodies() -> Iterator[Fault]:
    """A 200 that is no answer."""
    yield Fault("a page", "elsewhere", _page(200))
    yield Fault("a page with 502", "elsewhere", _page(502))
    yield Fault("empty", "elsewhere", _fixed(Script(framing="length")))
    yield Fault("empty in chunks", "elsewhere", _fixed(Script()))
    yield Fault("204", "elsewhere", _fixed(Script(status=204, framing="length")))
    yield Fault("blanks", "elsewhere", _fixed(Script([b"\n\n  \r\n"], framing="length")))
    yield Fault("garbage", "elsewhere", _fixed(Script([b"\x00\xff\xfe what is this \x80" * 20])))
    yield Fault("words", "elsewhere", _fixed(Script([b"upstream connect error or disconnect"], framing="length")))
    for name, said in {"object": b"{}", "list": b"[]", "null": b"null", "text": b'"ok"', "true": b"true"}.items():
        yield Fault(f"JSON: {name}", "elsewhere", _fixed(Script([said], headers=JSON, framing="length")))
    yield Fault("only the terminator", "elsewhere", _stream(lambda voice: [b": hi\n\n", b"data: [DONE]\n\n"]), BOTH)
    yield Fault("only broken events", "elsewhere", _stream(lambda voice: [voice.broken] * 3), BOTH)
    yield Fault("compressed unasked", "elsewhere", _compressed)
    for status in (301, 302, 307, 308):
        moved = {"location": f"/{TRAP}/chat/completions"}
        yield Fault(f"moved {status}", "elsewhere", _fixed(Script(status=status, headers=moved, framing="length")))
    slow = Script([b'{"error": {"mess'], 500, JSON, framing="length", missing=99, ending="hang")
    yield Fault("an error without end", "elsewhere", _fixed(slow), waits=2.0)
    yield Fault("a huge error", "elsewhere", _fixed(Script([b"x" * 5_000_000], 500, JSON, framing="length")))


def _compressed(voice: Voice, asked: Asked) -> Script:
    told = good(voice, asked)
    packed = gzip.compress(b"".join(piece for piece in told.body if isinstance(piece, bytes)))
    return Script([packed], headers={**told.headers, "content-encoding": "gzip"}, framing="length")


def _joined(voice: Voice) -> bytes:
    return b"".join(voice.all)


def wholes(dialect: type[Voice]) -> Iterator[Fault]:
    """Strange, but whole."""
    open_ended = {"ending": "hang"}
    ended = _stream(lambda voice: [voice.opening, *voice.texts, voice.finish, voice.usage])
    yield Fault("no terminator", "whole", ended, BOTH)
    cut = _stream(lambda voice: [voice.opening, *voice.texts, voice.finish, voice.usage, PAUSE], ending="reset")
    yield Fault("a reset in place of the terminator", "whole", cut, BOTH)
    hung = _stream(lambda voice: [voice.opening, *voice.texts, voice.finish, voice.usage], **open_ended)
    yield Fault("silence in place of the terminator", "whole", hung, BOTH)
    yield Fault("silence after the end", "whole", _stream(lambda voice: voice.all, **open_ended), BOTH)
    if dialect.keeps_terminator:
        unfinished = _stream(lambda voice: [voice.opening, *voice.texts, voice.terminator])
        yield Fault("no finish reason", "whole", unfinished, BOTH, reports=False)
    for name, at in {"first": 0, "in the middle": 3, "last": 5}.items():
        spoiled = _stream(lambda voice, at=at: [*voice.all[:at], voice.broken, *voice.all[at:]])
        yield Fault(f"a broken event {name}", "whole", spoiled, BOTH, broken=(1, 1))
    dirty = _stream(lambda voice: [*voice.all[:3], b"\x00\xff garbage\n", *voice.all[3:]])
    yield Fault("garbage between events", "whole", dirty, BOTH, broken=(0, 1))
    trickle = _stream(lambda voice: [each for piece in voice.all for each in (piece, 0.25)])
    yield Fault("a slow trickle", "whole", trickle, BOTH, waits=3.0)
    halves = _stream(lambda voice: [each for piece in voice.all for each in (piece[:20], 0.05, piece[20:], 0.05)])
    yield Fault("halves of events", "whole", halves, BOTH, waits=3.0)
    small = _stream(lambda voice: [_joined(voice)[at : at + 7] for at in range(0, len(_joined(voice)), 7)])
    yield Fault("seven bytes at a time", "whole", small, BOTH)
    at_once = _stream(lambda voice: [_joined(voice)], framing="close", ending="close")
    yield Fault("all at once, until the connection closes", "whole", at_once, BOTH)
    for kind in ("application/json", "text/plain", "application/octet-stream", "text/html", ""):
        typed = _stream(lambda voice: voice.all, headers={"content-type": kind} if kind else {})
        yield Fault(f"a stream as {kind or 'nothing'}", "whole", typed, BOTH)
    yield Fault("JSON", "whole", lambda voice, _: Script([voice.whole], headers=JSON, framing="length"))
    yield Fault("a stream to whom asked for JSON", "whole", _stream(lambda voice: voice.all), ("whole",))
    wait = {"retry-after": "30", "x-ratelimit-remaining-requests": "0"}
    yield Fault("a wait that is told with success", "whole", _stream(lambda voice: voice.all, headers=wait), BOTH)


def large() -> Iterator[Fault]:
    """Whole, and large."""
    event = _stream(lambda voice: [voice.opening, voice.text(BIG), *voice.all[1:]])
    yield Fault("an event of some MB", "whole", event, BOTH, text=BIG + TEXT, waits=5.0)

    def document(voice: Voice, _: Asked) -> Script:
        return Script([voice.document(BIG + TEXT)], headers=JSON, framing="length")

    yield Fault("a document of some MB", "whole", document, text=BIG + TEXT, waits=5.0)


def groups(dialect: type[Voice]) -> dict[str, list[Fault]]:
    """Faults that are tested at once."""
    return {
        **{str(status): [*statuses(status)] for status in STATUSES},
        "connections": [*connections()],
        "silence": [*silences()],
        **{f"cut: {way}": [*cuts(way)] for way in WAYS},
        "errors in a 200": [*errors()],
        "bodies": [*bodies()],
        "whole": [*wholes(dialect)],
        "large": [*large()],
    }
