from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.relay.conftest import WHOLE, call_of, draft_of, event, meter
from tornadogw.errors import Unreadable
from tornadogw.relay.reader import Reader
from tornadogw.types import Extra, Failure, Meta, Spent, Stop, Text, ToolCall, Usage
from tornadogw.vendor import Memo, Vendor


class Scripted(Vendor):
    """Says what the test wants at each frame: a list of events, or an exception to raise."""

    name = "scripted"

    def __init__(self, *said, end=()):
        self.said, self.ending = list(said), end

    def read(self, frame, memo):
        said = self.said.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    def read_whole(self, body, memo):
        return self.read(None, memo)

    def end(self, memo):
        return self.ending


def read(vendor, frames=1, draft=None, offset=0):
    reader = Reader(vendor, call_of(draft or draft_of()), meter(), offset=offset)
    items = [*reader.feed(b"data: {}\n\n" * frames)]
    return reader, items


def test_meta_and_usage_go_where_they_belong():
    vendor = Scripted([Meta("a", "m"), Text("x"), Spent(Usage(3, 4)), Meta("", "other", 9)])
    reader, items = read(vendor)
    assert items == [Text("x")]
    assert reader.meta == Meta("a", "m", 9)
    assert reader._meter.result().usage == Usage(3, 4)


@pytest.mark.parametrize("event_", [Text(""), Extra("k", 1), Spent(Usage(1, 1)), Meta("a")])
def test_what_is_not_useful(event_):
    assert not read(Scripted([event_]))[0].useful


@pytest.mark.parametrize("event_", [Text("x"), ToolCall(0, "id"), Stop("length")])
def test_what_is_useful(event_):
    assert read(Scripted([event_]))[0].useful


def test_a_choice_stops_once_and_says_nothing_afterwards():
    reader, items = read(Scripted([Text("a"), Stop("stop"), Text("b"), Stop("length")]))
    assert items == [Text("a"), Stop("stop")]
    assert reader.complete


def test_choices_that_were_not_asked_for_are_left_out():
    assert read(Scripted([Text("a", 1), Text("b", -1), Extra("k", 1, 5)]))[1] == []


def test_an_offset_moves_every_choice():
    reader, items = read(Scripted([Text("a"), Extra("k", 1), Extra("top", 1, place="answer"), Stop("stop")]), offset=2)
    assert items == [Text("a", 2), Extra("k", 1, 2), Extra("top", 1, place="answer"), Stop("stop", 2)]
    assert list(reader.end()) == []


def test_an_unreadable_event_is_dropped_and_counted():
    reader, items = read(Scripted([Text("a")], Unreadable("x"), [Text("b")]), frames=3)
    assert (items, reader.broken, reader.failure) == ([Text("a"), Text("b")], 1, None)


def test_a_bug_of_a_vendor_is_a_failed_upstream(claim_log):
    claim_log("tornadogw.relay", "scripted")
    reader, items = read(Scripted(ZeroDivisionError("x")))
    assert items == []
    assert reader.failure is not None
    assert reader.failure.kind == "elsewhere"


def test_nothing_is_read_after_a_failure():
    failure = Failure("cool", seconds=3)
    reader, items = read(Scripted([Text("a"), failure, Text("b")], [Text("c")]), frames=2)
    assert (items, reader.failure) == ([Text("a")], failure)


def test_a_stream_without_an_event_is_a_failure():
    reader, _ = read(Scripted([]))
    reader.end()
    assert reader.failure is not None
    assert reader.failure.code == "empty"


def test_open_choices_of_a_whole_answer_are_stopped():
    reader, _ = read(Scripted([Text("a")]))
    assert list(reader.end()) == [Stop("stop")]


@pytest.mark.parametrize("page", [b"<html>oops", b"  \n<!DOCTYPE html>", b"upstream connect error"])
def test_pages_and_garbage_are_failures(page):
    reader = Reader(Scripted(), call_of(draft_of()), meter())
    reader.feed(page)
    reader.end()
    assert reader.failure is not None
    assert reader.failure.code == "unreadable"


def test_a_json_answer_to_a_stream_is_read(rows):
    body = (
        b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}'
    )
    reader = Reader(rows["vllm"], call_of(draft_of()), meter())
    assert reader.feed(body) == []
    assert [item for item in reader.end() if not isinstance(item, Extra)] == [Text("hi"), Stop("stop")]


def test_json_that_is_cut_is_a_failure(rows):
    reader = Reader(rows["vllm"], call_of(draft_of()), meter())
    reader.feed(b'{"id":"c","choices":[')
    reader.end()
    assert reader.failure is not None


def test_every_cut_before_the_finish_is_truncated(rows):
    """And every cut after it is whole: the terminator is not needed."""
    finish = WHOLE.index(event({}, "stop")) + len(event({}, "stop"))
    for cut in range(len(WHOLE) + 1):
        reader = Reader(rows["vllm"], call_of(draft_of()), meter())
        reader.feed(WHOLE[:cut])
        reader.end()
        border = finish - 2  # an unterminated last event counts when its JSON is complete
        assert (reader.failure is None) == (cut >= border), (cut, WHOLE[max(0, cut - 20) : cut])


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_no_bytes_break_the_reader(rows, pieces):
    reader = Reader(rows["vllm"], call_of(draft_of()), meter())
    for piece in pieces:
        reader.feed(piece)
    reader.end()
    assert reader.failure is not None or reader.useful


def test_done_is_the_vendors_word():
    class Ends(Scripted):
        def read(self, frame, memo: Memo):
            memo.done = True
            return [Text("x"), Stop("stop")]

    assert read(Ends())[0].done


def test_an_answer_without_end_is_not_folded_without_end(rows, monkeypatch):
    monkeypatch.setattr("tornadogw.relay.reader.LIMIT", 1000)
    for stream, kept in ((False, "too_large"), (True, None)):
        reader = Reader(rows["vllm"], call_of(draft_of(stream=stream)), meter())
        for _ in range(30):
            reader.feed(event({"content": "x" * 50}))
        assert (reader.failure and reader.failure.code) == kept
