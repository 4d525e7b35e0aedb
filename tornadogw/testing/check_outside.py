"""The suite's rules about errors, secrets, the outside world and hostile input. Each check gives its complaints."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import logging
import math
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tornadogw.errors import Cannot, Unreadable
from tornadogw.testing.check_reading import wrong_event
from tornadogw.testing.check_writing import HELLO, PROBES, asking
from tornadogw.testing.material import Fault, Sample, draft_of, json_of, nodes
from tornadogw.testing.reading import events_of, frames_of, read_all
from tornadogw.types import Call, Draft, Failure, Frame, UpstreamRequest
from tornadogw.vendor import Vendor

__all__ = ["any_answer", "any_request", "failures", "secrets", "watched"]

Write = Callable[[Call], UpstreamRequest]
Make = Callable[[Draft], Call]

NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""
IN_HALF_A_MINUTE = "Fri, 15 Jan 2027 08:00:30 GMT"
KINDS = frozenset({"client", "cannot", "elsewhere", "cool", "disable"})
SCOPES = frozenset({"key", "key+model", "upstream+model"})
STATUSES: Mapping[int, tuple[str, ...]] = {
    400: ("client",),
    401: ("disable",),
    402: ("disable",),
    404: ("cannot",),
    422: ("client",),
    429: ("cool",),
    500: ("elsewhere",),
    502: ("elsewhere",),
    503: ("elsewhere", "cool"),
    504: ("elsewhere",),
    529: ("elsewhere", "cool"),
}
"""What a status means where the body says nothing (vendor-wire.md section 4)."""
BODIES = (
    b"",
    b"<html>Bad gateway</html>",
    b"[]",
    b"null",
    b'{"error": 1}',
    b'{"error": {"message": [1]}}',
    b"\xff\xfe",
)
DEEP = b"[" * 100_000
HOSTILE: tuple[Any, ...] = (None, True, -1, 0, 1.5, 10**30, "", "x" * 300, [], {}, [None], {"": None}, "\x00", [[[1]]])
EMPTY: tuple[Any, ...] = ("", [], " ", None)
MUTATIONS = 400
WAITS: tuple[tuple[Mapping[str, str], float], ...] = (
    ({"retry-after": "7"}, 7.0),
    ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
    ({"retry-after": IN_HALF_A_MINUTE}, 30.0),
)
"""What an upstream may say of the wait, and the seconds."""
ODD_WAITS = ("soon", "-5", "nan", "inf", "1e999", "", "9" * 400)


# --- errors ----------------------------------------------------------------------------------------------------------


def failures(
    vendor: Vendor,
    faults: Sequence[tuple[str, Fault, int, Mapping[str, str], bytes]],
    recorded: Sequence[tuple[str, int, Mapping[str, str], bytes]],
    statuses: Mapping[int, tuple[str, ...]],
    waits: Sequence[tuple[Mapping[str, str], float]] = WAITS,
) -> Iterator[str]:
    """`faults`: name, what must come of it, and the answer. `recorded`: answers that must give a failure at least."""
    for name, fault, status, headers, body in faults:
        if wrong := fault.complaint(vendor.failure(status, headers, body, NOW)):
            yield f"{name}: {wrong}"
    for name, status, headers, body in recorded:
        said = vendor.failure(status, headers, body, NOW)
        if wrong := _wrong_failure(said, status) or ("" if said.message else "no message"):
            yield f"{name}: {wrong}"
    for status, kinds in {**STATUSES, **statuses}.items():
        said = vendor.failure(status, {}, b"", NOW)
        if said.kind not in kinds:
            yield f"status {status} without a body is {said.kind!r}, not {' or '.join(kinds)}"
        elif said.kind == "cool" and not said.seconds > 0:
            yield f"status {status} cools for no time"
    yield from _waits(vendor, waits)
    yield from _any_error(vendor)


def _any_error(vendor: Vendor) -> Iterator[str]:
    for status in (*range(300, 600, 7), 400, 401, 403, 404, 429, 500, 503, 529):
        for body in (*BODIES, DEEP):
            if wrong := _wrong_failure(vendor.failure(status, {}, body, NOW), status):
                yield f"status {status} with {body[:30]!r}: {wrong}"


def _waits(vendor: Vendor, waits: Sequence[tuple[Mapping[str, str], float]]) -> Iterator[str]:
    for headers, seconds in waits:
        if (told := vendor.failure(429, headers, b"", NOW).seconds) != seconds:
            yield f"429 with {dict(headers)} waits {told} s, not {seconds}"
    for odd in ODD_WAITS:
        told = vendor.failure(429, {"retry-after": odd}, b"", NOW).seconds
        if not math.isfinite(told) or told < 0:
            yield f"429 with retry-after {odd[:20]!r} waits {told} s"


def _wrong_failure(said: Any, status: int) -> str:
    if not isinstance(said, Failure):
        return f"{said!r:.60} is no Failure"
    if said.kind not in KINDS or said.scope not in SCOPES:
        return f"{said.kind!r} of {said.scope!r} is no class of failures"
    if said.status != status:
        return f"says status {said.status}, not {status}"
    return wrong_event(said)


# --- secrets and the outside world -----------------------------------------------------------------------------------


def secrets(
    vendor: Vendor, write: Write, calls: Sequence[Call], samples: Sequence[Sample], secret: str
) -> Iterator[str]:
    """`write` uses `secret` as the key."""
    parts = {secret, *(part for part in secret.replace('"', " ").replace(":", " ").split() if len(part) >= 16)}  # noqa: PLR2004  # shorter parts are words
    found: dict[str, None] = {}

    def look(place: str, text: str) -> None:
        if any(part in text for part in parts):
            found[place] = None

    with _overheard() as heard:
        for call in calls:
            try:
                request = write(call)
            except Cannot as error:
                look("a refusal", str(error))
                continue
            look("the address", request.url)
            look("the body", request.body.decode("utf-8", "replace"))
            look("the names of what was dropped", " ".join(request.dropped))
            look("the request's repr", repr(request))
        for sample in samples:
            memo = vendor.memo(sample.call)
            events_of(vendor, frames_of(vendor, sample.call, [sample.body]), memo)
            look("the memo", f"{memo!r} {vars(memo)!r}")
        for status in (400, 401, 429, 500):
            look("a failure", repr(vendor.failure(status, {}, b"", NOW)))
        look("the vendor", f"{vendor!r} {vars(vendor)!r}")
    look("a log line or the standard output", heard.getvalue())
    yield from (f"the key is in {place}" for place in found)


@contextlib.contextmanager
def _overheard() -> Iterator[io.StringIO]:
    """What is logged, at any level, and printed."""
    heard = io.StringIO()
    handler, root = logging.StreamHandler(heard), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.NOTSET + 1)
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            yield heard
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


class _Watch:
    """An audit hook, which Python never takes back: it looks only at the thread that is watched, while it is."""

    PREFIXES = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork")

    def __init__(self) -> None:
        self.thread: int | None = None
        self.seen: list[str] = []
        self.installed = False

    def __call__(self, event: str, _: tuple[Any, ...]) -> None:
        if self.thread == threading.get_ident() and event.startswith(self.PREFIXES):
            self.seen.append(event)
            raise PermissionError(f"a vendor does no I/O: {event}")


_WATCH = _Watch()


@contextlib.contextmanager
def watched() -> Iterator[list[str]]:
    """No socket and no program in this thread meanwhile; the list tells what was tried, caught or not."""
    if not _WATCH.installed:
        _WATCH.installed = True
        sys.addaudithook(_WATCH)
    before, _WATCH.thread, _WATCH.seen = _WATCH.thread, threading.get_ident(), []
    try:
        yield _WATCH.seen
    finally:
        _WATCH.thread = before


# --- hostile input ---------------------------------------------------------------------------------------------------


def any_answer(vendor: Vendor, samples: Sequence[Sample], call: Call) -> Iterator[str]:
    yield from _fuzzed(vendor, call)
    chance = random.Random(vendor.name)  # noqa: S311  # the same mutations every time
    for number in range(MUTATIONS if samples else 0):
        sample = samples[number % len(samples)]
        if number % 2:
            body = _bent(sample.body, chance)
            if wrong := _reads(lambda s=sample, b=body: read_all(vendor, s.call, [b])):  # type: ignore[misc]  # bound early
                yield f"{sample.name}, bytes changed: {wrong}"
                return
        elif wrong := _reads(lambda s=sample: _read_bent(vendor, s, chance)):  # type: ignore[misc]  # bound early
            yield f"{sample.name}, values changed: {wrong}"
            return
    for body in (*BODIES, DEEP, b"data: " + DEEP + b"\n\n", b'{"a":' * 50_000, b"data: [DONE]\n\n"):
        if wrong := _reads(lambda b=body: read_all(vendor, call, [b])):  # type: ignore[misc]  # bound early
            yield f"{body[:20]!r}: {wrong}"


def _fuzzed(vendor: Vendor, call: Call) -> Iterator[str]:
    """What hypothesis finds: bytes, and JSON values as frames."""
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415  # the kit imports without it
    from hypothesis import strategies as st  # noqa: PLC0415

    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
    values = st.recursive(
        scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3)
    )
    framed = st.builds(
        lambda value, event: Frame(json.dumps(value).encode(), event), values, st.sampled_from(["", "error", "message"])
    )
    found: list[str] = []

    @settings(
        max_examples=100,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(max_size=80) | values.map(lambda value: json.dumps(value).encode()), st.lists(framed, max_size=4))
    def look(body: bytes, frames: list[Frame]) -> None:
        for text in (body, b"data: " + body):
            note(repr(text), _reads(functools.partial(read_all, vendor, call, [text, b"\n\n"])))
        memo = vendor.memo(call)
        note(repr(frames), _reads(lambda: [*events_of(vendor, frames, memo), *vendor.end(memo)]))

    def note(what: str, wrong: str) -> None:
        if wrong:
            found.append(f"{what:.80}: {wrong}")

    look()
    yield from found[:3]


def _reads(read: Callable[[], Any]) -> str:
    """What is wrong with what is read; empty: events of the contract's form, or Unreadable."""
    try:
        return next((wrong for event in read() if (wrong := wrong_event(event))), "")
    except Unreadable:
        return ""
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        return f"raises {type(error).__name__}: {error!s:.80}"


def _read_bent(vendor: Vendor, sample: Sample, chance: random.Random) -> list[Any]:
    """The sample's frames, a value of one of them replaced."""
    frames = frames_of(vendor, sample.call, [sample.body])
    place = chance.randrange(len(frames) or 1)
    if frames and (value := json_of(frames[place])) is not None:
        old = frames[place]
        frames[place] = Frame(json.dumps(_replaced(value, chance)).encode(), old.event, old.whole)
    memo = vendor.memo(sample.call)
    events = events_of(vendor, frames, memo)
    return [*events, *([] if any(frame.whole for frame in frames) else vendor.end(memo))]


def _replaced(value: Any, chance: random.Random) -> Any:
    """The value with one of those inside it replaced by something hostile."""
    value = json.loads(json.dumps(value))
    path, _ = chance.choice(list(nodes(value)))
    new = chance.choice(HOSTILE)
    if not path:
        return new
    inner = value
    for key in path[:-1]:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    inner[int(path[-1]) if isinstance(inner, list) else path[-1]] = new
    return value


def _bent(body: bytes, chance: random.Random) -> bytes:
    """Bytes cut out, doubled, or replaced."""
    start = chance.randrange(len(body) + 1)
    end = min(len(body), start + chance.choice((1, 3, 20, 200)))
    middle = chance.choice((b"", body[start:end] * 2, chance.randbytes(4), b"\r\n\r\n", b"data: ", b'"', b"}"))
    return body[:start] + middle + body[end:]


def any_request(write: Write, make: Make, model: str, asked: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Clients' bodies with values replaced: those that the gateway lets through."""
    chance = random.Random(model)  # noqa: S311  # the same mutations every time
    bodies = [*asked, *(asking(probe, model) for probe in PROBES.values()), {"model": model, "prompt": "Hello"}]
    bodies += [{"model": model, "messages": [{**HELLO, "content": content}]} for content in EMPTY]
    tried: list[Any] = [*bodies, *(_replaced(chance.choice(bodies), chance) for _ in range(MUTATIONS))]
    for body in tried:
        draft = draft_of(body) if isinstance(body, Mapping) else None
        if draft is None:
            continue
        try:
            write(make(draft))
        except Cannot as error:
            if not error.param:
                yield f"{body!r:.200} is refused without a name"
        except Exception as error:  # noqa: BLE001  # that is what is looked for
            yield f"raises {type(error).__name__}: {error!s:.60} for {body!r:.200}"
