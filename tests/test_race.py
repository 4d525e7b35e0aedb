"""Several tries at one answer: one is heard, every other one ends, and none is left."""

from __future__ import annotations

import asyncio

import pytest

from tornadogw.race import Lane, Race
from tornadogw.types import Failure


class Client:
    started = gone = False

    def __init__(self):
        self.written = b""
        self.heads = []

    def announce(self, *, stream, headers, drain=None):
        self.heads.append(dict(headers))

    async def write(self, data):
        self.written += data

    async def finish(self, data):
        self.written += data


class Course:
    """A race with lanes that say something, fail or end when they are told to."""

    def __init__(self):
        self.client = Client()
        self.won, self.waited, self.left, self.cancelled = [], [], [], []
        self.race = Race(self.client, self.won.append, lambda lane, seconds: self.waited.append(lane.attempt))
        self.signals = {}

    def enter(self, name):
        self.signals[name] = asyncio.Event(), asyncio.Event()
        self.race.enter(Lane(name, None, self.client), self.run, lambda lane: self.left.append(lane.attempt))

    async def run(self, lane):
        speak, end = self.signals[lane.attempt]
        try:
            await speak.wait()
            lane.client.announce(stream=True, headers={"name": lane.attempt})
            await lane.client.write(lane.attempt.encode())
            await end.wait()
            await lane.client.finish(b".")
        except asyncio.CancelledError:
            self.cancelled.append((lane.attempt, lane.outrun))
            raise

    def speak(self, name):
        self.signals[name][0].set()

    def end(self, name):
        self.signals[name][1].set()


@pytest.fixture
def course():
    return Course()


async def test_the_first_to_speak_is_heard_and_the_others_end_at_once(course):
    async with course.race as race:
        for name in "abc":
            course.enter(name)
        assert not await race.decided(0.01)
        course.speak("b")
        assert await race.decided(None)
        assert race.is_over
        assert [lane.attempt for lane in course.won] == ["b"]
        assert sorted(course.waited) == ["a", "b", "c"]
        await asyncio.sleep(0)
        assert sorted(course.cancelled) == [("a", True), ("c", True)], "before the winner has ended"
        course.end("b")
        lane, failure = await race.ended()
        assert (lane.attempt, failure) == ("b", None)
    assert course.client.written == b"b."
    assert course.client.heads == [{"name": "b"}]
    assert sorted(course.left) == ["a", "b", "c"]


async def test_two_that_speak_at_the_same_moment_are_one_answer(course):
    async with course.race as race:
        course.enter("a")
        course.enter("b")
        await asyncio.sleep(0)
        course.speak("a")
        course.speak("b")
        course.end("a")
        course.end("b")
        lane, _ = await race.ended()
        assert lane.attempt == "a"
    assert course.client.written == b"a."
    assert course.cancelled == [("b", True)]


async def test_one_that_fails_leaves_the_race_to_the_other(course):
    async def fail(_):
        return Failure("elsewhere", code="reset")

    async with course.race as race:
        race.enter(Lane("bad", None, course.client), fail, lambda _: None)
        assert await race.decided(5)
        course.enter("good")
        lane, failure = await race.ended()
        assert (lane.attempt, failure.code, race.is_over) == ("bad", "reset", False)
        course.speak("good")
        course.end("good")
        lane, failure = await race.ended()
        assert (lane.attempt, failure, race.is_over) == ("good", None, True)
    assert course.waited == ["good"]


async def test_the_last_one_to_fail_ends_it(course):
    async def fail(_):
        return Failure("elsewhere")

    async with course.race as race:
        race.enter(Lane("bad", None, course.client), fail, lambda _: None)
        await race.ended()
        assert race.is_over


async def test_what_the_winner_raises_is_raised(course):
    async def run(lane):
        lane.client.announce(stream=True, headers={})
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        async with course.race as race:
            course.enter("slow")
            race.enter(Lane("quick", None, course.client), run, lambda _: None)
            await race.ended()
    assert course.left == ["slow"]


async def test_nobody_asks_what_an_outrun_one_raises(course):
    async def run(_):
        try:
            await asyncio.Event().wait()
        finally:
            raise ConnectionResetError

    async with course.race as race:
        race.enter(Lane("slow", None, course.client), run, lambda _: None)
        course.enter("quick")
        await asyncio.sleep(0)
        course.speak("quick")
        course.end("quick")
        assert (await race.ended())[0].attempt == "quick"


async def test_who_is_cancelled_before_it_has_begun_has_left_too(course):
    with pytest.raises(KeyError):
        async with course.race:
            course.enter("a")
            raise KeyError
    await asyncio.sleep(0)
    assert course.left == ["a"]
    assert course.cancelled == []


async def test_one_that_does_not_notice_that_it_was_outrun_is_not_heard(course):
    async def run(lane):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lane.client.announce(stream=True, headers={"name": "deaf"})

    async with course.race as race:
        race.enter(Lane("deaf", None, course.client), run, lambda _: None)
        course.enter("quick")
        await asyncio.sleep(0)
        course.speak("quick")
        course.end("quick")
        await race.ended()
    assert course.client.heads == [{"name": "quick"}]
