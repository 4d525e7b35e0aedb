from __future__ import annotations

from types import SimpleNamespace

from tests.test_router import draft, route
from tornadogw.dialects.chat_render import Identity
from tornadogw.meter import Meter, Metered
from tornadogw.record import Tally, total
from tornadogw.types import Attempt, Caller, Usage

CALLER = Caller("account", "key")


def attempt(*meters, first_event=None):
    candidate = SimpleNamespace(model=SimpleNamespace(name="m"), route=route(price=2))
    answer = SimpleNamespace(identity=Identity("id", 1, "shown"))
    return SimpleNamespace(
        candidate=candidate, answer=answer, meters=list(meters), dropped={"b", "a"}, broken=1, first_event=first_event
    )


def reported(prompt, completion):
    meter = Meter(1000, 1000, 5)
    meter.reported(Usage(prompt, completion))
    return meter


def test_nobody_answered():
    tally = Tally("id", CALLER, draft(model="auto"))
    tally.ended("no_upstream", 4001)
    record = tally.record(None, [Attempt("up", "m", "elsewhere")])
    assert (record.finish, record.code, record.cost, record.source) == ("no_upstream", 4001, 0, "none")
    assert (record.asked, record.model, record.attempts[0].upstream) == ("auto", "", "up")


def test_an_answer_is_priced_and_described():
    tally = Tally("id", CALLER, draft())
    tally.ended("whole", 0)
    record = tally.record(attempt(reported(10, 5)), [])
    assert (record.usage, record.source, record.cost) == (Usage(10, 5), "reported", 30)
    assert (record.shown, record.upstream, record.dropped, record.broken_events) == ("shown", "up", ("a", "b"), 1)
    assert record.price == route(price=2).price


def test_what_came_after_the_last_report_is_charged_when_the_answer_broke_off():
    meter = reported(10, 5)
    meter.relayed("x" * 40)
    tally = Tally("id", CALLER, draft())
    tally.ended("client_gone", 0)
    assert tally.record(attempt(meter), []).usage.completion == 15


def test_legs_are_summed_and_as_trustworthy_as_the_least():
    parts = [Metered(Usage(1, 2, 1), "reported"), Metered(Usage(10, 20), "estimated")]
    assert total(parts) == Metered(Usage(11, 22, 1), "estimated")
    assert total(parts[:1]) is parts[0]
