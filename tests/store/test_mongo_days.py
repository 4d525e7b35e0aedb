from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.million.month import check_month
from tests.store.events import day_name, days_ago, entries, stored
from tornadogw.store import mongo_days
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import MongoDays, between, counted, decoded, encoded, usage_day
from tornadogw.store.mongo_rebuild import MongoDayJobs
from tornadogw.store.mongo_retention import keep
from tornadogw.store.ports import StoreUnavailable
from tornadogw.store.ports_usage import Count, UsageDay

NAMES = st.text(st.sampled_from("ab.$%\0 25E中"), max_size=6)
TODAY, YESTERDAY = day_name(0), day_name(1)


@given(NAMES)
def test_a_name_survives_as_key_of_a_map(name: str) -> None:
    key = encoded(name)
    assert decoded(key) == name
    assert key
    assert not set(key) & set(".$\0")


@given(NAMES, NAMES)
def test_two_names_are_two_keys(one: str, other: str) -> None:
    assert (encoded(one) == encoded(other)) == (one == other)


async def store(mongo: Mongo, *events: dict) -> MongoDays:
    """As the ledger does it: stored, then added."""
    days = MongoDays(mongo, "UTC")
    await mongo.database["events"].insert_many(events)
    await days.add(entries(*events))
    return days


async def test_a_day_is_counted_by_hour_model_key_and_wallet(mongo: Mongo) -> None:
    noon = days_ago(0)
    days = await store(
        mongo,
        stored(noon, 5, m="a.b$c", ic=1, iw=1, og=2),
        stored(noon + timedelta(hours=1), 7, m="a.b$c", k="other"),
        stored(noon + timedelta(hours=1), 0, m=None, w=None),
        stored(noon, 11, a="bob"),
    )
    first, second = f"{noon:%Y%m%d%H}", f"{noon + timedelta(hours=1):%Y%m%d%H}"
    one, other, free = Count(1, 5, 3, 2, 1, 1, 2), Count(1, 7, 3, 2), Count(1, 0, 3, 2)
    expected = UsageDay(
        TODAY,
        hours={first: one, second: Count(2, 7, 6, 4)},
        models={"a.b$c": Count(2, 12, 6, 4, 1, 1, 2), "": free},
        keys={"key": Count(2, 5, 6, 4, 1, 1, 2), "other": other},
        wallets={"prepaid": Count(2, 12, 6, 4, 1, 1, 2), "": free},
    )
    assert await days.page("ann", TODAY, TODAY) == [expected]
    assert await days.days("ann", YESTERDAY, TODAY) == [expected]
    assert [each.wallets for each in await days.page("bob", TODAY, TODAY)] == [{"prepaid": Count(1, 11, 3, 2)}]


async def test_the_day_is_the_one_on_which_the_call_was_held(mongo: Mongo) -> None:
    """Its own account's, whatever the clock says; without one, that of the setting's zone."""
    late = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
    days = MongoDays(mongo, "Asia/Shanghai")
    await days.add(entries(stored(late, 1, d="20260309"), stored(late, 2, d=None)))
    found = await days.page("ann", "20260101", "20261231")
    assert [(each.day, each.hours["2026030923"].cost) for each in found] == [("20260309", 1), ("20260310", 2)]


async def test_amounts_outgrow_32_bits(mongo: Mongo) -> None:
    many = 2**31 - 1
    days = await store(mongo, *[stored(days_ago(0), 2**40, i=many, o=many) for _ in range(3)])
    count = Count(3, 3 * 2**40, 3 * many, 3 * many)
    assert [each.models for each in await days.page("ann", TODAY, TODAY)] == [{"m": count}]
    assert [each.models for each in await days.days("ann", TODAY, TODAY)] == [{"m": count}]


async def test_what_no_database_can_hold_is_cut(mongo: Mongo) -> None:
    days = MongoDays(mongo, "UTC")
    await days.add(entries(stored(days_ago(0), 5, i=2**70)))
    assert [each.models["m"].prompt for each in await days.page("ann", TODAY, TODAY)] == [2**63 - 1]


EVENTS = st.lists(
    st.builds(
        stored,
        st.integers(0, 100).map(lambda hours: datetime(2026, 10, 23, tzinfo=UTC) + timedelta(hours=hours)),
        st.integers(0, 2**40),
        a=st.sampled_from(["ann", "bob"]),
        m=st.none() | NAMES.filter(bool),
        k=st.sampled_from(["k1", "k2"]),
        w=st.sampled_from(["prepaid", "day", None]),
        d=st.sampled_from(["20261023", "20261024", "20261025", None]),
        og=st.none() | st.integers(1, 9),
    ),
    max_size=12,
)


def test_adding_and_counting_anew_agree(mongo: Mongo, run) -> None:
    """Whatever the names and zones: one is Python, the other the database."""

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(EVENTS, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]))
    def agree(events: list[dict], zone: str) -> None:
        run(check(events, zone))

    async def check(events: list[dict], zone: str) -> None:
        for name in ("events", "usage_day"):
            await mongo.database[name].delete_many({})
        if events:
            await mongo.database["events"].insert_many([{**each} for each in events])
        await MongoDays(mongo, zone).add(entries(*events))
        added = await mongo.database["usage_day"].find().sort("_id").to_list(None)
        fresh = await mongo.database["events"].aggregate(counted({}, None, zone)).to_list(None)
        assert [usage_day(each) for each in added] == [
            usage_day(each) for each in sorted(fresh, key=lambda d: d["_id"])
        ]
        assert [(each["a"], each["d"]) for each in added] == [
            (each["a"], each["d"]) for each in sorted(fresh, key=lambda d: d["_id"])
        ]

    agree()


async def test_an_open_day_is_read_from_its_events(mongo: Mongo) -> None:
    """A process that ended before it added them leaves nothing wrong."""
    days = MongoDays(mongo, "UTC")
    await mongo.database["events"].insert_many([stored(days_ago(number), 5) for number in (0, 1, 1, 6)])
    assert [(each.day, each.models["m"].requests) for each in await days.days("ann", day_name(9), TODAY)] == [
        (day_name(6), 1),
        (YESTERDAY, 2),
        (TODAY, 1),
    ]
    assert await days.page("ann", day_name(9), TODAY) == []


async def test_a_closed_day_is_read_from_its_document(mongo: Mongo) -> None:
    days, jobs = await store(mongo, stored(days_ago(5), 5), stored(days_ago(0), 7)), MongoDayJobs(mongo, "UTC")
    await jobs.rebuild(day_name(5), day_name(5))
    await jobs.done(day_name(5))
    await mongo.database["usage_day"].update_many({}, {"$unset": {"x": ""}})
    await mongo.database["events"].delete_many({})
    found = await days.days("ann", day_name(9), TODAY)
    assert [(each.day, each.models["m"].cost) for each in found] == [(day_name(5), 5)]  # today's events are gone


async def test_what_comes_late_opens_its_day_again(mongo: Mongo) -> None:
    days, jobs = await store(mongo, stored(days_ago(5), 5)), MongoDayJobs(mongo, "UTC")
    await mongo.database["usage_day"].update_many({}, {"$unset": {"x": ""}})
    await jobs.done(day_name(5))
    late = stored(days_ago(5), 7)
    await mongo.database["events"].insert_one(late)
    assert [each.models["m"].cost for each in await days.days("ann", day_name(9), TODAY)] == [5]
    await days.mark(entries(late))
    assert [each.models["m"].cost for each in await days.days("ann", day_name(9), TODAY)] == [12]
    assert [each.models["m"].cost for each in await days.page("ann", day_name(9), TODAY)] == [5]


async def test_days_whose_events_are_gone_are_read_from_what_was_added(mongo: Mongo) -> None:
    days = await store(mongo, stored(days_ago(50), 5))
    await keep(mongo, events=30, days=400)
    await mongo.database["events"].delete_many({})
    assert [each.models["m"].cost for each in await days.days("ann", day_name(60), TODAY)] == [5]


async def test_what_could_not_be_added_is_marked_with_the_next(mongo: Mongo, monkeypatch) -> None:
    days, old, new = MongoDays(mongo, "UTC"), stored(days_ago(5), 5), stored(days_ago(0), 7)
    written = MongoDays._write

    async def fails(self, updates) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(MongoDays, "_write", fails)
    with pytest.raises(StoreUnavailable):
        await days.add(entries(old))
    monkeypatch.setattr(MongoDays, "_write", written)
    await days.add(entries(new))
    found = await mongo.database["usage_day"].find().sort("_id").to_list(None)
    assert [(each["_id"], "x" in each, "m" in each) for each in found] == [
        (f"ann:{day_name(5)}", True, False),
        (f"ann:{TODAY}", True, True),
    ]
    await days.add(entries())
    assert not days._unsure


async def test_adding_while_the_database_is_away_says_so(away: Mongo) -> None:
    with pytest.raises(StoreUnavailable):
        await MongoDays(away, "UTC").add(entries(stored(days_ago(0))))


def test_all_days_between() -> None:
    assert between("20260227", "20260302") == ["20260227", "20260228", "20260301", "20260302"]
    assert between("20260302", "20260301") == []


def test_every_local_day_fits_between_its_borders() -> None:
    """Kiritimati is 14 hours ahead of UTC, Baker Island 12 behind."""
    begins = {hours: -hours for hours in (14, -12)}
    for begin in begins.values():
        assert timedelta(hours=begin) > mongo_days.EARLIEST
        assert timedelta(hours=begin + 24) < mongo_days.LATEST


@pytest.mark.gen_test(timeout=120)
async def test_a_month_reads_a_document_a_day(mongo: Mongo) -> None:
    """`tox -e million` does it with a million events and tells the times."""
    await check_month(mongo, 20_000)
