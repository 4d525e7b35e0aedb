"""The suite's rules about answers. Each check gives its complaints, a sentence each; none: the rule holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import msgspec

from tornadogw.errors import Unreadable
from tornadogw.testing.material import Sample
from tornadogw.testing.reading import ODD, Said, cuts, events_of, frames_of, pieces, read_all
from tornadogw.types import Event, Failure, Meta, Reasoning, Refusal, Spent, Stop, Text, ToolCall, Usage
from tornadogw.vendor import Vendor

__all__ = ["form", "json", "one_stop", "pure", "splits", "told", "truncation", "usage", "wrong_event"]

REASONS = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
COUNTS = Usage.__struct_fields__
MOST_CUT_BYTES = 4_000_000
"""Of one answer, in all its cuts; the longest are cut at fewer places, and in single bytes all the same."""
MOST_JSON_CUTS = 150
SHOWN = 5
"""Complaints of one kind are alike."""


def answer(vendor: Vendor, sample: Sample) -> Said:
    """The events of a sample in one piece."""
    return read_all(vendor, sample.call, [sample.body])


def failed(events: Sequence[Event | Failure]) -> bool:
    return any(isinstance(event, Failure) for event in events)


# --- the same, however it comes --------------------------------------------------------------------------------------


def splits(vendor: Vendor, samples: Sequence[Sample]) -> Iterator[str]:
    for sample in samples:
        body, right = sample.body, answer(vendor, sample)
        step = max(1, len(body) * len(body) // MOST_CUT_BYTES)
        frames = frames_of(vendor, sample.call, [body])
        ways: dict[str, list[bytes]] = {"single bytes": pieces(body, [1]), "odd sizes": pieces(body, ODD)}
        for at in range(1, len(body), step):
            two = [body[:at], body[at:]]
            if at % (64 * step) == 1 or frames_of(vendor, sample.call, two) != frames:
                ways[f"cut at byte {at}"] = two
        different = [way for way, chunks in ways.items() if read_all(vendor, sample.call, chunks) != right]
        if different:
            yield f"{sample.name}: other events with {', '.join(different[:SHOWN])}"


def pure(vendor: Vendor, samples: Sequence[Sample]) -> Iterator[str]:
    """Twice the same, and two answers read in turns are what they are alone."""
    for sample, other in zip(samples, [*samples[1:], *samples[:1]], strict=True):
        right = [answer(vendor, each) for each in (sample, other)]
        if answer(vendor, sample) != right[0]:
            yield f"{sample.name}: reading it again gives other events"
            continue
        memos = [vendor.memo(each.call) for each in (sample, other)]
        frames = [frames_of(vendor, each.call, [each.body]) for each in (sample, other)]
        mixed: list[Said] = [[], []]
        for place in range(max(map(len, frames))):
            for side in (0, 1):
                mixed[side] += events_of(vendor, frames[side][place : place + 1], memos[side])
        for side in (0, 1):
            if not any(frame.whole for frame in frames[side]):
                mixed[side].extend(vendor.end(memos[side]))
        if mixed != right:
            yield f"{sample.name}: other events while {other.name} is read as well"


# --- what events are -------------------------------------------------------------------------------------------------


def form(vendor: Vendor, samples: Sequence[Sample]) -> Iterator[str]:
    for sample in samples:
        begun: dict[tuple[int, int], str] = {}
        for event in answer(vendor, sample):
            wrong = wrong_event(event) or _wrong_call(event, begun)
            if wrong:
                yield f"{sample.name}: {wrong}"
                break


def wrong_event(event: Any) -> str:
    """What is wrong with an event by itself; empty: nothing."""
    choice = getattr(event, "choice", 0)
    if type(choice) is not int or choice < 0:
        return f"{type(event).__name__} of choice {choice!r}"
    if isinstance(event, Stop) and event.reason not in REASONS:
        return f"Stop({event.reason!r}) is no reason of the dialect"
    if not isinstance(event, Event | Failure):
        return f"{event!r} is neither an event nor a failure"
    return next((f"{name} of the wrong type: {event!r:.80}" for name, good in _fields(event) if not good), "")


def _fields(event: Event | Failure) -> Iterator[tuple[str, bool]]:
    """Names of fields, and whether each is what its type says; an upstream's JSON may have put anything there."""
    for name, kind in _types(type(event)):
        value = getattr(event, name)
        if kind in (str, int, float):
            numbers = (int, float) if kind is float else (kind,)
            yield name, type(value) in numbers
        elif kind is Usage:
            yield from ((name, type(getattr(value, name)) is int) for name in COUNTS)  # the meter disputes odd ones


@cache
def _types(kind: Any) -> list[tuple[str, Any]]:
    """Its fields, looked up once: that is slow, and there are many events."""
    return [(field.name, field.type) for field in msgspec.structs.fields(kind)]


def _wrong_call(event: Any, begun: dict[tuple[int, int], str]) -> str:
    """The first piece of a call has id and name, later ones have neither; ids of one answer differ."""
    if not isinstance(event, ToolCall):
        return ""
    place = (event.choice, event.index)
    if place in begun:
        return f"call {event.index} has its id or name twice" if event.id or event.name else ""
    if not event.id or not event.name:
        return f"call {event.index} begins without {'name' if event.id else 'id'}"
    if event.id in begun.values():
        return f"two calls have the id {event.id}"
    if event.index and (event.choice, event.index - 1) not in begun:
        return f"call {event.index} comes before call {event.index - 1}"
    begun[place] = event.id
    return ""


def one_stop(vendor: Vendor, samples: Sequence[Sample]) -> Iterator[str]:
    for sample in samples:
        events = answer(vendor, sample)
        stopped: set[int] = set()
        seen: set[int] = set()
        for event in events:
            if not isinstance(event, Text | Reasoning | Refusal | ToolCall | Stop):
                continue
            if event.choice in stopped:
                yield f"{sample.name}: {type(event).__name__} after the Stop of choice {event.choice}"
                break
            seen.add(event.choice)
            stopped |= {event.choice} if isinstance(event, Stop) else set()
        else:
            if not failed(events) and (not seen or seen != stopped):
                yield f"{sample.name}: no Stop of choice {min(seen - stopped, default=0)}"


def usage(vendor: Vendor, samples: Sequence[Sample]) -> Iterator[str]:
    told_any = False
    for sample in samples:
        last = Usage()
        for event in answer(vendor, sample):
            if not isinstance(event, Spent):
                continue
            told_any, now = True, event.usage
            fallen = [name for name in COUNTS if getattr(now, name) < getattr(last, name)]
            if fallen:
                yield f"{sample.name}: {fallen[0]} falls from {getattr(last, fallen[0])} to {getattr(now, fallen[0])}"
                break
            if now.cached + now.cache_write > now.prompt or now.reasoning > now.completion:
                yield f"{sample.name}: a part is larger than the whole: {now!r}"
                break
            last = now
    if not told_any:
        yield "no answer tells its usage"


# --- the end ---------------------------------------------------------------------------------------------------------


def truncation(vendor: Vendor, samples: Sequence[Sample]) -> Iterator[str]:
    for sample in samples:
        frames = frames_of(vendor, sample.call, [sample.body])
        step = max(1, len(sample.body) // MOST_JSON_CUTS) if any(frame.whole for frame in frames) else 1
        seen, useful, wrong = None, False, False
        for cut in cuts(vendor, sample.call, sample.body, step=step):
            if cut.events is not seen:  # most cuts tell no more than the one before
                seen, wrong = cut.events, failed(cut.events)
                useful = any(not isinstance(event, Meta | Spent) for event in cut.events)
            if cut.complete and not cut.broken and wrong:
                yield f"{sample.name}: whole at byte {cut.at} of {len(sample.body)}, and yet a failure"
                break
            if not cut.complete and useful and not wrong:
                yield f"{sample.name}: cut at byte {cut.at} of {len(sample.body)}, and taken for whole"
                break


# --- JSON and streams ------------------------------------------------------------------------------------------------


def told(events: Sequence[Event | Failure]) -> dict[str, Any]:
    """What an answer says, whatever the pieces it came in."""
    said: dict[str, Any] = {"usage": None, "id": "", "model": ""}
    for event in events:
        match event:
            case Text(text, choice) | Reasoning(text, choice) | Refusal(text, choice):
                key = f"{type(event).__name__.lower()} of choice {choice}"
                said[key] = said.get(key, "") + text
            case ToolCall(index, identifier, name, arguments, choice):
                key = f"call {index} of choice {choice}"
                before = said.get(key, ("", "", ""))
                said[key] = (before[0] or identifier, before[1] or name, before[2] + arguments)
            case Stop(reason, choice):
                said[f"finish of choice {choice}"] = reason
            case Spent(counts):
                said["usage"] = counts
            case Meta(identifier, model):
                said |= {"id": said["id"] or identifier, "model": said["model"] or model}
            case Failure(kind, code=code):
                said["failure"] = (kind, code)
    return said


def json(vendor: Vendor, samples: Sequence[Sample], pairs: Sequence[tuple[Sample, Sample]]) -> Iterator[str]:
    """`samples`: each JSON body in a call that asked for a stream and in one that did not. `pairs`: the same answer
    as a stream and as JSON.
    """
    for sample in samples:
        two = []
        for stream in (False, True):
            call = _asking(sample, stream=stream)
            try:
                two.append(told(read_all(vendor, call, [sample.body])))
            except Unreadable as error:
                yield f"{sample.name}: unreadable {'where a stream was' if stream else 'as'} asked: {error}"
        if len(two) > 1 and two[0] != two[1]:
            yield f"{sample.name}: other events where a stream was asked"
    for stream_form, whole in pairs:
        streamed, folded = told(answer(vendor, stream_form)), told(answer(vendor, whole))
        different = sorted(key for key in {*streamed, *folded} if not _same(streamed.get(key), folded.get(key)))
        if different:
            key = different[0]
            yield f"{stream_form.name}: {key} is {streamed.get(key)!r:.80} as a stream, {folded.get(key)!r:.80} as JSON"


def _same(one: Any, other: Any) -> bool:
    """Equal; of two calls the arguments as JSON, since a stream may space them otherwise."""
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other) == 3:  # noqa: PLR2004  # a call
        return one[:2] == other[:2] and "".join(one[2].split()) == "".join(other[2].split())
    return bool(one == other)


def _asking(sample: Sample, *, stream: bool) -> Any:
    call = sample.call
    return type(call)(
        call.id, call.draft, call.model, call.base_url, call.options, stream, call.max_tokens, call.temperature
    )
