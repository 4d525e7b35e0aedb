from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandListener

from tests.store.wire import Wire
from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.keys import Keys, NewKey
from tornadogw.auth import Auth, KeyHasher, _check_sum, derived_key, new_key, parse_network, well_formed
from tornadogw.errors import InvalidKey, Unavailable
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_keys import MongoKeys
from tornadogw.types import Caller

SECRET = b"k" * 32
ANN, HERE = "ann@example.com", "192.0.2.7"


class Reads(CommandListener):
    """Commands on keys and accounts, as the driver sent them."""

    def __init__(self) -> None:
        self.count = 0

    def started(self, event) -> None:
        self.count += event.command_name in {"find", "aggregate"}

    def succeeded(self, event) -> None: ...

    def failed(self, event) -> None: ...


class Clock:
    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
def counted(mongod, mongo: Mongo, io_loop, run, reads: Reads):
    """The same database through a client whose reads are counted."""
    client = AsyncIOMotorClient(mongod.url, io_loop=io_loop.asyncio_loop, event_listeners=[reads], tz_aware=True)
    counted = Mongo(client, mongo.database.name, 10_000)
    yield counted
    run(counted.close())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(mongo: Mongo, run) -> Accounts:
    accounts = Accounts(MongoAccounts(mongo))
    run(accounts.create(ANN, language="en"))
    return accounts


@pytest.fixture
def keys(mongo: Mongo, accounts: Accounts, clock: Clock) -> Keys:
    return Keys(MongoKeys(mongo), MongoAccounts(mongo), SECRET, now=clock)


@pytest.fixture
def auth(counted: Mongo, clock: Clock) -> Auth:
    return Auth(MongoKeys(counted), KeyHasher(SECRET), clock=clock, now=clock)


@pytest.fixture
def new(keys: Keys, run) -> NewKey:
    return run(keys.create(ANN))


async def refused(auth: Auth, key: str | None, address: str = HERE) -> bool:
    try:
        await auth.caller(key, address)
    except InvalidKey as error:
        return vars(error) == vars(InvalidKey())  # all alike from outside
    return False


async def unavailable(auth: Auth, key: str) -> bool:
    try:
        await auth.caller(key, HERE)
    except Unavailable:
        return True
    return False


# --- the form of a key -----------------------------------------------------------------------------------------------


def test_new_keys_are_well_formed_and_all_different() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(well_formed(key) and key.startswith("sk-") and len(key) == 49 for key in keys)


@given(st.data())
def test_one_wrong_character_is_noticed(data) -> None:
    text = data.draw(st.text("09azAZ", min_size=40, max_size=40))
    key = f"sk-{text}{_check_sum(text)}"
    assert well_formed(key)
    place = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.sampled_from("0aZ-é\n").filter(lambda each: each != key[place]))
    assert not well_formed(key[:place] + other + key[place + 1 :])


@given(st.text())
def test_other_text_is_no_key(text: str) -> None:
    assert not well_formed(text)
    assert not well_formed(f"sk-{text}")


def test_the_digest_needs_the_secret() -> None:
    key = new_key()
    assert len(KeyHasher(SECRET).digest(key)) == 32
    assert KeyHasher(SECRET).digest(key) == KeyHasher(SECRET).digest(key) != KeyHasher(b"other").digest(key)


# --- who asks --------------------------------------------------------------------------------------------------------


async def test_a_key_is_its_caller(auth: Auth, keys: Keys) -> None:
    new = await keys.create(ANN, label="laptop", rpm=7, models=["a", "b"], stream_default=True)
    assert await auth.caller(new.text, HERE) == Caller(
        account_id=new.key.account_id,
        key_id=new.key.id,
        label="laptop",
        rpm=7,
        models=frozenset({"a", "b"}),
        stream_default=True,
        language="en",
    )


@pytest.mark.parametrize("key", [None, "", "sk-", "Bearer x", "sk-" + "a" * 46, "sk-" + "é" * 46, "x" * 100_000])
async def test_garbage_is_refused_unread(auth: Auth, reads: Reads, key: str | None) -> None:
    assert await refused(auth, key)
    assert reads.count == 0


async def test_an_unknown_key_is_refused_and_asked_for_once(auth: Auth, reads: Reads, clock: Clock) -> None:
    key = new_key()
    for _ in range(3):
        assert await refused(auth, key)
    assert reads.count == 1
    clock.now += 6
    assert await refused(auth, key)
    assert reads.count == 2


async def test_another_secret_knows_no_key(counted: Mongo, new: NewKey) -> None:
    assert await refused(Auth(MongoKeys(counted), KeyHasher(b"other")), new.text)


async def test_a_key_without_its_account_is_refused(auth: Auth, mongo: Mongo, new: NewKey) -> None:
    await mongo.database["accounts"].delete_many({})
    assert await refused(auth, new.text)


# --- the cache -------------------------------------------------------------------------------------------------------


async def test_a_hot_key_costs_no_read(auth: Auth, reads: Reads, clock: Clock, new: NewKey) -> None:
    caller = await auth.caller(new.text, HERE)
    assert reads.count == 1
    for _ in range(100):
        clock.now += 0.29
        assert await auth.caller(new.text, HERE) == caller
    assert reads.count == 1
    clock.now += 1.1
    assert await auth.caller(new.text, HERE) == caller
    assert reads.count == 2


async def test_a_disabled_key_stops_when_it_is_dropped(auth: Auth, keys: Keys, reads: Reads, new: NewKey) -> None:
    await auth.caller(new.text, HERE)
    await keys.disable(ANN, new.key.id)
    auth.drop(key_id="another")
    await auth.caller(new.text, HERE)
    assert reads.count == 1
    auth.drop(key_id=new.key.id)
    assert await refused(auth, new.text)
    assert await refused(auth, new.text)
    assert reads.count == 2
    await keys.enable(ANN, new.key.id)
    auth.drop(key_id=new.key.id)
    assert not await refused(auth, new.text)


async def test_a_rotated_key_changes_its_text(auth: Auth, keys: Keys, new: NewKey) -> None:
    await auth.caller(new.text, HERE)
    rotated = await keys.rotate(ANN, new.key.id)
    auth.drop(key_id=new.key.id)
    assert await refused(auth, new.text)
    assert (await auth.caller(rotated.text, HERE)).key_id == new.key.id


async def test_a_disabled_account_takes_its_keys_along(auth: Auth, accounts: Accounts, keys: Keys, new: NewKey) -> None:
    await accounts.create("bob@example.com")
    other = await keys.create("bob@example.com")
    for each in (new, other):
        await auth.caller(each.text, HERE)
    await accounts.disable(ANN)
    auth.drop(account_id=new.key.account_id)
    assert await refused(auth, new.text)
    assert not await refused(auth, other.text)


async def test_missed_changes_drop_everything(auth: Auth, keys: Keys, new: NewKey) -> None:
    await auth.caller(new.text, HERE)
    await keys.disable(ANN, new.key.id)
    auth.drop_all()
    assert await refused(auth, new.text)


async def test_a_change_during_the_read_is_not_overwritten_by_it(auth: Auth, keys: Keys, new: NewKey) -> None:
    reading = asyncio.create_task(auth.caller(new.text, HERE))
    await asyncio.sleep(0)
    auth.drop(key_id=new.key.id)
    await reading
    await keys.disable(ANN, new.key.id)
    assert await refused(auth, new.text)


async def test_a_new_key_is_known_though_its_digest_was_not(auth: Auth, mongo: Mongo, new: NewKey) -> None:
    text = new_key()
    assert await refused(auth, text)
    await mongo.database["keys"].update_one({}, {"$set": {"h": KeyHasher(SECRET).digest(text)}})
    auth.drop(key_id=new.key.id)
    assert not await refused(auth, text)


# --- judged at each use ----------------------------------------------------------------------------------------------


async def test_a_key_expires_while_it_is_hot(auth: Auth, keys: Keys, reads: Reads, clock: Clock) -> None:
    new = await keys.create(ANN, expires="1m")
    clock.now += 50
    await auth.caller(new.text, HERE)
    clock.now += 9.9
    await auth.caller(new.text, HERE)
    clock.now += 0.1
    assert await refused(auth, new.text)
    assert reads.count == 1


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.0.2.7", True),
        ("192.0.3.7", False),
        ("::ffff:192.0.2.7", True),
        ("2001:db8:1::5", True),
        ("2001:db8:1::/64", True),
        ("2001:db8::/16", False),
        ("2001:db9::1", False),
        ("::1", False),
        ("", False),
        ("unix", False),
    ],
)
async def test_a_key_works_from_its_networks_only(auth: Auth, keys: Keys, address: str, allowed: bool) -> None:
    new = await keys.create(ANN, ips=["192.0.2.0/24", "2001:db8::/32"])
    assert await refused(auth, new.text, address) is not allowed


async def test_networks_are_checked_though_the_key_is_hot(auth: Auth, keys: Keys, reads: Reads) -> None:
    new = await keys.create(ANN, ips=["192.0.2.0/24"])
    assert not await refused(auth, new.text, "192.0.2.1")
    assert await refused(auth, new.text, "198.51.100.1")
    assert not await refused(auth, new.text, "192.0.2.1")
    assert reads.count == 1


@pytest.mark.parametrize(
    ("text", "network"),
    [("::ffff:10.1.2.3", "10.1.2.3/32"), ("10.0.0.7/8", "10.0.0.0/8"), ("fe80::1%eth0", "fe80::1/128")],
)
def test_networks_have_one_form(text: str, network: str) -> None:
    assert str(parse_network(text)) == network


# --- the database away -----------------------------------------------------------------------------------------------


async def test_away_a_hot_key_goes_on_and_others_hear_of_it(mongod, mongo: Mongo, clock: Clock, new: NewKey) -> None:
    with Wire(mongod.socket) as wire:
        wired = wire.connect(mongo.database.name, 400)
        auth = Auth(MongoKeys(wired), KeyHasher(SECRET), clock=clock, now=clock)
        await auth.caller(new.text, HERE)
        with wire.cut():
            clock.now += 29
            await auth.caller(new.text, HERE)
            for key in (new_key(), new.text):
                with pytest.raises(Unavailable) as told:
                    await auth.caller(key, HERE)
                assert told.value.retry_after == 1
                clock.now += 2
        while await unavailable(auth, new.text):  # the driver looks for its server twice a second
            pass
        await wired.close()


# --- changes may go untold -------------------------------------------------------------------------------------------


async def test_a_revoked_key_stops_in_a_second_when_nobody_tells(
    counted: Mongo, clock: Clock, keys: Keys, reads: Reads, new: NewKey
) -> None:
    heard = True
    auth = Auth(MongoKeys(counted), KeyHasher(SECRET), fresh=lambda: heard, clock=clock, now=clock)
    await auth.caller(new.text, HERE)
    clock.now += 5
    await auth.caller(new.text, HERE)
    assert reads.count == 1
    heard = False
    for _ in range(3):
        await asyncio.gather(*(auth.caller(new.text, HERE) for _ in range(5)))
    assert reads.count == 2
    await keys.disable(ANN, new.key.id)
    await auth.caller(new.text, HERE)
    clock.now += 1.1
    assert await refused(auth, new.text)
    assert await refused(auth, new.text)
    assert reads.count == 3
    heard = True
    assert await refused(auth, new.text)
    assert reads.count == 3


async def test_a_key_that_is_gone_stops_too_when_nobody_tells(counted: Mongo, clock: Clock, new: NewKey) -> None:
    auth = Auth(MongoKeys(counted), KeyHasher(SECRET), fresh=lambda: False, clock=clock, now=clock)
    await auth.caller(new.text, HERE)
    await counted.database["keys"].delete_many({})
    clock.now += 1.1
    for _ in range(2):
        assert await refused(auth, new.text)


async def test_with_the_database_away_too_a_cached_key_serves_its_time(
    mongod, mongo: Mongo, clock: Clock, new: NewKey
) -> None:
    with Wire(mongod.socket) as wire:
        wired = wire.connect(mongo.database.name, 200)
        auth = Auth(MongoKeys(wired), KeyHasher(SECRET), fresh=lambda: False, clock=clock, now=clock)
        await auth.caller(new.text, HERE)
        with wire.cut():
            for _ in range(3):
                clock.now += 9
                await auth.caller(new.text, HERE)
            clock.now += 9
            assert await unavailable(auth, new.text)
        await wired.close()


async def test_a_key_dropped_while_it_is_asked_for_in_vain_is_not_believed(
    mongod, mongo: Mongo, clock: Clock, new: NewKey
) -> None:
    with Wire(mongod.socket) as wire:
        wired = wire.connect(mongo.database.name, 300)
        auth = Auth(MongoKeys(wired), KeyHasher(SECRET), fresh=lambda: False, clock=clock, now=clock)
        await auth.caller(new.text, HERE)
        clock.now += 1.1
        with wire.cut():
            asking = asyncio.create_task(unavailable(auth, new.text))
            await asyncio.sleep(0)
            auth.drop(key_id=new.key.id)
            assert await asking
        await wired.close()


async def test_a_caller_has_the_keys_own_limits(auth: Auth, keys: Keys) -> None:
    new = await keys.create(ANN, daily_budget="1", budget="2", tpm=3, concurrent=4)
    caller = await auth.caller(new.text, HERE)
    assert (caller.budget_daily, caller.budget_total) == (1_000_000, 2_000_000)
    assert (caller.tokens_per_minute, caller.concurrent, caller.terms, caller.time_zone) == (3, 4, (), "")


def test_a_derived_key_is_a_key_and_always_the_same() -> None:
    one, other = derived_key(bytes(range(30))), derived_key(bytes(range(1, 31)))
    assert well_formed(one)
    assert one == derived_key(bytes(range(30)))
    assert one != other
