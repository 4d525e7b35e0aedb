"""One update a wish: whatever is wished, in whatever order and however often, nothing is made and nothing is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from bson.int64 import Int64
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.money import check_wallet, document, finished, new_caller
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_events import MongoEvents
from tornadogw.store.mongo_leases import MongoLeases
from tornadogw.store.mongo_values import moment
from tornadogw.store.ports_money import Entry, Overdue, Part, Standing, Wallet, Wish
from tornadogw.types import Caller

L1, L2 = "5747000000000001" + "000001", "5747000000000001" + "000002"


@pytest.fixture
def store(mongo: Mongo) -> MongoLeases:
    return MongoLeases(mongo)


def prepaid(caller: Caller) -> Wallet:
    return Wallet("prepaid", caller.account_id, caller.account_id)


async def ask(store: MongoLeases, wallet: Wallet, lease: str = L1, **wish: Any) -> Standing:
    """A wish that settles nothing may open the lease."""
    wish.setdefault("opening", "needs" in wish and not wish.get("settled"))
    return await store.lease(wallet, "5747", Wish(lease, **wish))


async def figures(mongo: Mongo, caller: Caller) -> tuple[int, int, dict[str, tuple[int, int]]]:
    """(balance, spent, {lease: (granted, settled)}) as the document has it."""
    found = await document(mongo, caller)
    check_wallet(found)
    return found["balance"], found["spent"], {name: (each["g"], each["s"]) for name, each in found["leases"].items()}


# --- granting --------------------------------------------------------------------------------------------------------


async def test_a_lease_gets_what_it_needs_and_a_share_of_the_rest(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 1000)
    assert await ask(store, prepaid(caller), needs=(100,), want=10_000) == Standing(250, 750)
    assert await ask(store, prepaid(caller), needs=(100,), want=120) == Standing(370, 630)
    assert await ask(store, prepaid(caller), needs=(600,), want=600) == Standing(970, 30)
    assert await figures(mongo, caller) == (30, 0, {L1: (970, 0)})


async def test_the_dearest_that_is_covered_is_granted(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 100)
    assert await ask(store, prepaid(caller), needs=(101, 60, 10)) == Standing(60, 40)
    assert await ask(store, prepaid(caller), L2, needs=(101, 60, 10)) == Standing(10, 30)
    assert await ask(store, prepaid(caller), "x", needs=(31,)) == Standing(None, 30)
    assert await figures(mongo, caller) == (30, 0, {L1: (60, 0), L2: (10, 0)})


async def test_every_amount_stays_64_bits_wide(mongo: Mongo, store: MongoLeases) -> None:
    """In 32 bits the sums would overflow one day, in doubles they would lose their last digits."""
    caller = await new_caller(mongo, 2**60 + 1)
    wallet = prepaid(caller)
    await ask(store, wallet, needs=(3,), want=1000)
    await ask(store, wallet, settled=5, want=2**59, keep=2**58 + 1)
    await ask(store, wallet, L2, needs=(1,))
    await store.close(Part("prepaid", caller.account_id, L2), 1)
    found = await document(mongo, caller)
    check_wallet(found)
    amounts = [found["credited"], found["balance"], found["spent"]]
    amounts += [each[name] for each in found["leases"].values() for name in ("g", "s")]
    assert all(isinstance(each, Int64) for each in amounts), amounts


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"_id": "other"}])
async def test_nobody_active_gets_nothing_more(mongo: Mongo, store: MongoLeases, change: dict[str, str]) -> None:
    caller = await new_caller(mongo, 100)
    await ask(store, prepaid(caller), needs=(10,))
    if "_id" in change:
        await mongo.database["accounts"].delete_one({"_id": caller.account_id})
    else:
        await mongo.database["accounts"].update_one({"_id": caller.account_id}, {"$set": change})
    assert not (await ask(store, prepaid(caller), settled=4, needs=(1,), want=5)).active
    if "status" in change:
        assert await figures(mongo, caller) == (90, 4, {L1: (10, 4)})


# --- settling, giving back, ending -----------------------------------------------------------------------------------


async def test_settling_may_be_repeated_and_come_out_of_order(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 100)
    await ask(store, prepaid(caller), needs=(60,))
    for settled in (10, 30, 30, 20):
        await ask(store, prepaid(caller), settled=settled)
    assert await figures(mongo, caller) == (40, 30, {L1: (60, 30)})


async def test_what_was_granted_too_little_comes_from_the_balance(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 100)
    await ask(store, prepaid(caller), needs=(60,))
    assert await ask(store, prepaid(caller), settled=130) == Standing(130, -30)
    assert await figures(mongo, caller) == (-30, 130, {L1: (130, 130)})


async def test_what_is_not_kept_goes_back(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 100)
    await ask(store, prepaid(caller), needs=(60,))
    assert await ask(store, prepaid(caller), settled=10, keep=20) == Standing(30, 70)
    assert await ask(store, prepaid(caller), settled=10, keep=500) == Standing(30, 70)


async def test_a_lease_that_ends_leaves_nothing_behind(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 100)
    await ask(store, prepaid(caller), needs=(60,))
    for _ in range(2):
        await ask(store, prepaid(caller), settled=10, keep=0, ending=True)
        assert await figures(mongo, caller) == (90, 10, {})
    assert "le" not in await document(mongo, caller)


async def test_what_has_ended_is_not_opened_again(mongo: Mongo, store: MongoLeases) -> None:
    """A wish that comes late must not charge a second time."""
    caller = await new_caller(mongo, 100)
    await ask(store, prepaid(caller), needs=(60,))
    await ask(store, prepaid(caller), settled=10, keep=0, ending=True)
    assert await ask(store, prepaid(caller), settled=10, needs=(5,), want=5) == Standing(None, 90)
    assert await ask(store, prepaid(caller), settled=10, want=50) == Standing(None, 90)
    assert await figures(mongo, caller) == (90, 10, {})


# --- closing from outside --------------------------------------------------------------------------------------------


async def overdue(mongo: Mongo, store: MongoLeases, wallet: Wallet, lease: str = L1, ago: float = 100) -> Overdue:
    past = [{"$set": {f"leases.{lease}.exp": {"$subtract": ["$$NOW", round(ago * 1000)]}}}]
    past.append({"$set": {"le": f"$leases.{lease}.exp"}})
    name = "accounts" if wallet.kind == "prepaid" else "wallets"
    await mongo.database[name].update_one({"_id": wallet.id}, past)
    [found] = await store.overdue(60)
    return found


async def test_only_what_is_over_for_long_is_overdue(mongo: Mongo, store: MongoLeases) -> None:
    caller, other = await new_caller(mongo, 100), await new_caller(mongo, 100)
    wallet = prepaid(caller)
    await ask(store, wallet, needs=(10,))
    await ask(store, wallet, L2, needs=(10,))
    await ask(store, prepaid(other), needs=(10,))
    assert await store.overdue(60) == []
    assert await store.overdue(-15) == []
    found = await overdue(mongo, store, wallet)
    assert (found.wallet, found.lease) == (wallet, L1)
    assert {(each.wallet.id, each.lease) for each in await store.overdue(-31)} == {
        (caller.account_id, L1),
        (caller.account_id, L2),
        (other.account_id, L1),
    }


async def test_reclaiming_gives_back_and_stays_known(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 100)
    wallet = prepaid(caller)
    await ask(store, wallet, needs=(60,))
    found = await overdue(mongo, store, wallet)
    assert await store.reclaim(found, 15)
    assert not await store.reclaim(found, 15)
    assert await figures(mongo, caller) == (85, 15, {L1: (15, 15)})
    assert await store.overdue(60) == []
    # its owner comes back: it gets nothing, and what it brings is charged
    assert await ask(store, wallet, settled=20, needs=(1,), want=9) == Standing(None, 80)
    assert await figures(mongo, caller) == (80, 20, {L1: (20, 20)})
    assert await ask(store, wallet, settled=20, keep=0, ending=True) == Standing(None, 80)
    assert await figures(mongo, caller) == (80, 20, {L1: (20, 20)})


async def test_what_is_late_only_settles(mongo: Mongo, store: MongoLeases) -> None:
    """A server that was frozen does operations that nobody waits for any more, in any order."""
    caller = await new_caller(mongo, 100)
    wallet = prepaid(caller)
    await ask(store, wallet, needs=(60,), number=1)
    await ask(store, wallet, settled=5, needs=(20,), number=4)
    before = (await document(mongo, caller))["leases"][L1]
    assert await ask(store, wallet, settled=7, keep=0, number=2) == Standing(80, 20)
    assert await ask(store, wallet, settled=6, keep=0, ending=True, number=3) == Standing(80, 20)
    assert await ask(store, wallet, settled=6, needs=(10,), want=10, number=3) == Standing(80, 20)
    after = (await document(mongo, caller))["leases"][L1]
    assert after == before | {"s": 7}
    assert await figures(mongo, caller) == (20, 7, {L1: (80, 7)})
    assert await ask(store, wallet, settled=8, keep=0, number=5) == Standing(8, 92)


async def test_a_kept_lease_gives_nothing_back_and_is_not_forgotten(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 100)
    part = Part("prepaid", caller.account_id, L1)
    assert not await store.keep(part)
    await ask(store, prepaid(caller), needs=(60,), seconds=-100)
    assert len(await store.overdue(60)) == 1
    assert await store.keep(part)
    assert await store.overdue(-1) == []
    assert await figures(mongo, caller) == (40, 0, {L1: (60, 0)})
    await store.close(part, 0)
    await mongo.database["accounts"].update_one({}, {"$set": {f"leases.{L1}.closed": moment(0), "lc": moment(0)}})
    assert (await store.late(60))[0].old
    assert await store.keep(part)
    assert not (await store.late(60))[0].old
    assert await figures(mongo, caller) == (100, 0, {L1: (0, 0)})


async def test_a_renewal_wins_over_a_reclaim(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 100)
    await ask(store, prepaid(caller), needs=(60,))
    found = await overdue(mongo, store, prepaid(caller))
    await ask(store, prepaid(caller), settled=1)
    assert not await store.reclaim(found, 0)
    assert await figures(mongo, caller) == (40, 1, {L1: (60, 1)})


async def test_closing_may_be_repeated_and_charges_what_comes_late(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 100)
    part = Part("prepaid", caller.account_id, L1)
    assert not await store.close(part, 5)
    await ask(store, prepaid(caller), needs=(60,))
    for settled in (0, 15, 15, 10):
        assert await store.close(part, settled)
    assert await figures(mongo, caller) == (85, 15, {L1: (15, 15)})
    [late] = await store.late(60)
    assert (late.wallet, late.lease, late.settled, late.old) == (prepaid(caller), L1, 15, False)
    [late] = await store.late(-1)
    assert late.old
    await store.close(part, 16)
    await store.forget(late)
    assert await figures(mongo, caller) == (84, 16, {L1: (16, 16)})
    await store.forget(msgspec.structs.replace(late, settled=16))
    assert await figures(mongo, caller) == (84, 16, {})
    assert await store.late(60) == []


# --- wallets with a limit --------------------------------------------------------------------------------------------


async def wallet_of(mongo: Mongo, wallet: Wallet) -> Any:
    found = await mongo.database["wallets"].find_one({"_id": wallet.id})
    if found is not None:
        check_wallet(found)
    return found


async def test_a_wallet_is_made_full_and_follows_its_limit(mongo: Mongo, store: MongoLeases) -> None:
    day = Wallet("day", "a:20261126", "a", limit=100, ends=1_800_000_000.0)
    assert await ask(store, day, settled=5) == Standing(None)
    assert await wallet_of(mongo, day) is None
    assert await ask(store, day, needs=(30,)) == Standing(30, 70)
    found = await wallet_of(mongo, day)
    assert (found["kind"], found["a"], found["credited"], found["e"].year) == ("day", "a", 100, 2027)
    more = msgspec.structs.replace(day, limit=150)
    assert await ask(store, more, needs=(100,)) == Standing(130, 20)
    less = msgspec.structs.replace(day, limit=50)
    assert await ask(store, less, L2, needs=(1,)) == Standing(None, -80)
    assert (await wallet_of(mongo, day))["credited"] == 50
    total = Wallet("total", "k:key", "a", limit=10)
    assert await ask(store, total, needs=(11,)) == Standing(None, 10)
    assert "e" not in await wallet_of(mongo, total)


async def test_many_make_one_wallet_at_once(mongo: Mongo, store: MongoLeases) -> None:
    day = Wallet("day", "a:20261126", "a", limit=100, ends=1_800_000_000.0)
    found = await asyncio.gather(*(ask(store, day, f"{number:022x}", needs=(10,), want=10) for number in range(20)))
    assert sum(each.granted or 0 for each in found) == 100
    assert (await wallet_of(mongo, day))["balance"] == 0


async def test_budgets_count_events_of_other_leases(mongo: Mongo, store: MongoLeases) -> None:
    parts = (Part("prepaid", "a", L1), Part("daily", "k:key:20261126", L2))
    entries = [Entry(f"{L1}{n:08x}", finished("r", cost, account_id="a"), parts) for n, cost in enumerate((3, 4))]
    entries += [Entry(f"{L1}{9:08x}", finished("r", 10, account_id="a"), parts[:1])]
    entries += [Entry(f"{L1[:-1]}2{0:08x}", finished("r", 99, account_id="a"), ())]
    await MongoEvents(mongo).insert(entries)
    assert await store.charged(parts[0]) == 17
    assert await store.charged(parts[1]) == 7
    assert await store.charged(Part("total", "k:key", "none")) == 0


# --- any order -------------------------------------------------------------------------------------------------------

AMOUNT = st.integers(0, 300)
WISHES = st.one_of(
    st.tuples(
        st.just("wish"),
        st.sampled_from([L1, L2]),
        AMOUNT,
        st.lists(st.integers(1, 300), max_size=2),
        AMOUNT,
        st.none() | AMOUNT,
        st.booleans(),
    ),
    st.tuples(st.just("close"), st.sampled_from([L1, L2]), AMOUNT),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paid=st.integers(0, 1000), steps=st.lists(WISHES, max_size=12))
def test_nothing_is_made_or_lost(mongo: Mongo, run, paid: int, steps) -> None:
    """What is spent is the sum of the highest settlement of each lease that was open, however it went on."""

    async def live() -> None:
        store, caller = MongoLeases(mongo), await new_caller(mongo, paid)
        for step, lease, settled, *rest in steps:
            before = (await document(mongo, caller))["leases"].get(lease)
            if step == "close":
                await store.close(Part("prepaid", caller.account_id, lease), settled)
            else:
                needs, want, keep, ending = rest
                needs = tuple(sorted(set(needs), reverse=True))
                await ask(
                    store,
                    prepaid(caller),
                    lease,
                    settled=settled,
                    needs=needs,
                    want=want,
                    keep=0 if ending else keep,
                    ending=ending,
                )
            found = await document(mongo, caller)
            check_wallet(found)
            after = found["leases"].get(lease)
            if before is not None and after is not None:
                assert after["s"] == max(before["s"], settled)
                assert ("closed" in after) >= ("closed" in before)

    run(live())


async def test_a_lease_remembers_when_it_began(mongo: Mongo, store: MongoLeases) -> None:
    caller = await new_caller(mongo, 1000)
    begun = []
    for wish in ({"needs": (10,)}, {"settled": 5, "want": 100}, {"settled": 7, "ending": True}):
        await ask(store, prepaid(caller), **wish)
        begun += [each.get("t") for each in (await document(mongo, caller))["leases"].values()]
    await store.close(Part("prepaid", caller.account_id, L1), 7)
    begun += [each.get("t") for each in (await document(mongo, caller))["leases"].values()]
    assert len(set(begun)) == 1
    assert begun[0] is not None
