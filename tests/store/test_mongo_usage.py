from __future__ import annotations

import bson
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.store.events import days_ago, stored
from tests.store.money import finished
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_events import MongoEvents
from tornadogw.store.mongo_usage import MongoUsage, event, least_event, record
from tornadogw.store.ports_money import Entry
from tornadogw.types import Attempt, Price, Record, Usage

TEXT = st.text(max_size=8)
COUNT = st.integers(0, 2**31)
RECORDS = st.builds(
    Record,
    id=st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
    account_id=TEXT,
    key_id=TEXT,
    mode=st.sampled_from(["chat", "completion"]),
    asked=TEXT,
    model=TEXT,
    shown=TEXT,
    upstream=TEXT,
    stream=st.booleans(),
    finish=st.sampled_from(["whole", "client_gone", ""]),
    code=st.sampled_from([0, 4001]),
    usage=st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT),
    source=st.sampled_from(["reported", "estimated", "disputed", "none"]),
    cost=st.integers(0, 2**62),
    paid=st.none() | st.integers(0, 2**62),
    price=st.builds(Price, COUNT, COUNT, st.none() | COUNT, st.none() | COUNT, st.none() | COUNT),
    attempts=st.lists(st.builds(Attempt, TEXT, TEXT, TEXT, TEXT, COUNT), max_size=3).map(tuple),
    dropped=st.lists(TEXT, max_size=3).map(tuple),
    broken_events=COUNT,
    started=st.integers(0, 4_000_000_000_000).map(lambda each: each / 1000),
    first_event_ms=st.none() | COUNT,
    wallet=st.sampled_from(["", "prepaid", "day"]),
    factor=st.integers(0, 10**7),
    day=st.sampled_from(["", "20261126"]),
    ms=COUNT,
)


@given(RECORDS)
def test_nothing_of_a_record_is_lost(call: Record) -> None:
    assert record(event(call, "hold")) == call
    assert record({**event(call, "hold"), "_id": f"{call.id}~hold"}) == call


def test_every_field_of_a_record_is_drawn_above() -> None:
    """So that a new field cannot be forgotten: the round trip would not notice a default."""
    drawn = RECORDS.wrapped_strategy.kwargs if hasattr(RECORDS, "wrapped_strategy") else RECORDS.kwargs
    assert {*drawn, "trace"} == set(Record.__struct_fields__), "a trace is for traces alone, nobody stores it"


def test_what_says_nothing_is_left_out() -> None:
    call = Record(id="r", account_id="a", key_id="k", mode="chat", asked="auto")
    assert set(event(call, "h")) == {"_id", "r", "a", "k", "t", "md", "q", "i", "o", "src", "c", "p"}


async def test_a_record_is_read_back_by_its_account_only(mongo: Mongo) -> None:
    store, call = MongoUsage(mongo), finished("r1", 5, account_id="ann", upstream="u", started=5.0)
    attempts = (Attempt("u", "m", "answered", cost=5),)
    call = msgspec.structs.replace(call, attempts=attempts, price=Price(2**40, 1))
    await MongoEvents(mongo).insert([Entry("h1", call)])
    found = await store.record("ann", "r1")
    assert found == call
    assert msgspec.json.encode(found) == msgspec.json.encode(call)
    assert await store.record("bob", "r1") is None
    assert await store.record("ann", "r2") is None
    assert await store.record("ann", "r") is None


@pytest.mark.parametrize("request_id", ["mine", "a.b-c_d"])
async def test_of_calls_that_share_an_id_the_latest_is_read(mongo: Mongo, request_id: str) -> None:
    events, store = MongoEvents(mongo), MongoUsage(mongo)
    for number, started in enumerate((5.0, 7.0, 6.0)):
        call = finished(request_id, number, account_id="ann", started=started)
        await events.insert([Entry(f"h{number}", call)])
    await events.insert([Entry("h9", finished(request_id + "x", 9, account_id="ann", started=9.0))])
    found = await store.record("ann", request_id)
    assert found is not None
    assert (found.id, found.cost) == (request_id, 1)


async def test_rows_use_the_index(mongo: Mongo) -> None:
    plan = await mongo.database["events"].find({"a": "ann", "t": {"$gte": 0}}).explain()
    assert plan["queryPlanner"]["winningPlan"]["inputStage"]["stage"] == "IXSCAN"


def test_an_event_fits_whatever_others_worded() -> None:
    """A document may be 16 MiB; an event must stay far below, or its call could not be charged."""
    long = "\N{GRINNING FACE}" * 5000
    attempt = Attempt(long, long, "unreachable", long, 5)
    call = finished("r", asked=long, model=long, shown=long, upstream=long, attempts=(attempt,) * 1000)
    call = msgspec.structs.replace(call, dropped=tuple(f"{number}{long}" for number in range(200)))
    stored = event(call, "hold")
    assert len(bson.encode(stored)) < 100_000
    assert [len(stored[name]) for name in ("q", "m", "sh", "up", "at", "dr")] == [200, 200, 200, 200, 16, 64]
    assert [len(each) for each in stored["at"][0][:2]] == [200, 200]
    assert {len(name) for name in stored["dr"]} == {64}
    assert record(stored).attempts[0].reason == long[:200]


def test_the_least_of_a_record_is_who_when_and_how_much() -> None:
    call = finished(
        "r", 7, asked="\ud800", model="m", usage=Usage(2**70, 2), started=5.0, attempts=(Attempt("u", "m", "x"),)
    )
    least = record(bson.decode(bson.encode(least_event(call, "hold"))))
    assert least == Record(
        id="r", account_id="", key_id="key", mode="chat", asked="", usage=Usage(2**63 - 1, 2), cost=7, started=5.0
    )


async def test_a_record_is_found_by_its_request(mongo: Mongo) -> None:
    """An event of today's has an id of its own; the first version's was the request's."""
    await mongo.database["events"].insert_many([stored(days_ago(0), 5, r="mine"), stored(days_ago(1), 3, r="mine")])
    found = await MongoUsage(mongo).record("ann", "mine")
    assert found is not None
    assert (found.id, found.cost, found.source, found.price) == ("mine", 5, "reported", Price(1, 1))
    assert await MongoUsage(mongo).record("bob", "mine") is None
