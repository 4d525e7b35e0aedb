"""Each rule about answers goes red on a vendor that breaks it, and on that alone where it can."""

from __future__ import annotations

import itertools
import json
from typing import ClassVar

import pytest

from tests.testing.toy import HELLO, Toy, ToySuite, red, sse
from tornadogw.types import Extra, Failure, Frame, Spent, Stop, Text, ToolCall, Usage
from tornadogw.vendor import Memo


def test_a_good_vendor_keeps_every_rule():
    assert red() == {}


class ChangingIds(Toy):
    """Ids from a counter instead of from the answer."""

    numbers = itertools.count()

    def events(self, said, memo):
        for event in super().events(said, memo):
            yield ToolCall(0, f"call_{next(self.numbers)}", event.name) if isinstance(event, ToolCall) else event


class OneMemo(Toy):
    """State in the vendor: two answers mix."""

    shared: ClassVar[list[str]] = []

    def events(self, said, memo):
        if said.get("id"):
            OneMemo.shared = []
        for event in super().events(said, memo):
            if isinstance(event, Text):
                OneMemo.shared.append(event.text)
                yield Text("".join(OneMemo.shared))
            else:
                yield event


class TwoStops(Toy):
    def events(self, said, memo):
        for event in super().events(said, memo):
            yield from [event, event] if isinstance(event, Stop) else [event]


class TextAfterStop(Toy):
    def events(self, said, memo):
        for event in super().events(said, memo):
            yield from [event, Text("!")] if isinstance(event, Stop) else [event]


class NoStop(Toy):
    def events(self, said, memo):
        return (event for event in super().events(said, memo) if not isinstance(event, Stop))


class OddReason(Toy):
    def events(self, said, memo):
        return (Stop("end_turn") if isinstance(event, Stop) else event for event in super().events(said, memo))


class CallWithoutId(Toy):
    def events(self, said, memo):
        for event in super().events(said, memo):
            yield ToolCall(0, "", event.name) if isinstance(event, ToolCall) else event


class FallingUsage(Toy):
    def events(self, said, memo):
        for event in super().events(said, memo):
            yield from [event, Spent(Usage(1, 1))] if isinstance(event, Spent) else [event]


class PartsAboveTheWhole(Toy):
    def events(self, said, memo):
        for event in super().events(said, memo):
            yield Spent(Usage(3, 2, cached=4)) if isinstance(event, Spent) else event


class NoUsage(Toy):
    def events(self, said, memo):
        return (event for event in super().events(said, memo) if not isinstance(event, Spent))


class CutIsWhole(Toy):
    def end(self, memo):
        return []


class WrittenStop(Toy):
    """Whoever is cut gets a Stop."""

    def end(self, memo):
        return [] if memo.done else [Stop("stop")]


class WholeIsCut(Toy):
    def end(self, memo):
        return [Failure("elsewhere", code="truncated")]


class OtherJson(Toy):
    def read_whole(self, body, memo):
        return [Text("Ho") if event == Text("Hi") else event for event in super().read_whole(body, memo)]


class NoJsonWhereStreamed(Toy):
    def read_whole(self, body, memo):
        return [] if memo.call.stream else super().read_whole(body, memo)


class SlipsOnNonsense(Toy):
    """Trusts that usage is a list of two."""

    def events(self, said, memo):
        if "used" in said:
            said["used"][0]  # that is the bug
        yield from super().events(said, memo)


class NoJsonCheck(Toy):
    def parse(self, data):
        return json.loads(data)


@pytest.mark.parametrize(
    ("rule", "vendor"),
    [
        ("splits", ChangingIds),
        ("pure", ChangingIds),
        ("one_stop", TwoStops),
        ("one_stop", TextAfterStop),
        ("one_stop", NoStop),
        ("form", OddReason),
        ("form", CallWithoutId),
        ("usage", FallingUsage),
        ("usage", PartsAboveTheWhole),
        ("usage", NoUsage),
        ("truncation", CutIsWhole),
        ("truncation", WrittenStop),
        ("truncation", WholeIsCut),
        ("json", OtherJson),
        ("json", NoJsonWhereStreamed),
        ("any_answer", SlipsOnNonsense),
        ("any_answer", NoJsonCheck),
    ],
)
def test_a_broken_vendor_is_seen(rule, vendor):
    assert red(rule, vendor=vendor)


def test_answers_that_mix_are_seen():
    other = sse({"id": "b"}, {"word": "A"}, {"word": "B"}, {"used": [1, 1], "done": "stop"})
    samples = {**ToySuite.samples, "other": other}
    assert red(samples=samples) == {}
    assert red("pure", samples=samples, vendor=OneMemo)


def test_truncation_names_the_first_byte():
    (reason,) = red("truncation", vendor=CutIsWhole)["truncation"]
    first = len(sse(HELLO[0])) + len(sse(HELLO[1])) - 2  # a frame that is complete in itself counts at the end
    assert f"cut at byte {first} of" in reason


def test_truncation_is_seen_though_frames_are_many():
    class Forgets(Toy):
        """Takes a long answer for whole."""

        def read(self, frame: Frame, memo: Memo):
            memo.frames = getattr(memo, "frames", 0) + 1
            return super().read(frame, memo)

        def end(self, memo):
            return [] if getattr(memo, "frames", 0) > 50 else super().end(memo)

    long = sse(HELLO[0], *({"word": "la"} for _ in range(60)), HELLO[-1])
    assert red("truncation", samples={**ToySuite.samples, "long": long}, vendor=Forgets)


@pytest.mark.parametrize("rule", ["splits", "form", "one_stop", "usage", "truncation", "pure", "json"])
def test_no_answers_are_no_proof(rule):
    assert red(rule, samples={}, whole={})


def test_opaque_values_are_no_events_of_their_own():
    assert Extra("signs", ["c2lnbmF0dXJlLTE="]) in Toy().read(Frame(b'{"sign": "c2lnbmF0dXJlLTE="}'), Toy().memo(None))
