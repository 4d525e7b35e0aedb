from __future__ import annotations

import msgspec
import pytest

from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_keys import MongoKeys
from tornadogw.store.ports import Account, ApiKey, Duplicate, Entry, Found

KEY = ApiKey(
    id="k1",
    account_id="1",
    label="laptop",
    rpm=7,
    models=("a", "b.c"),
    ips=("10.0.0.0/8",),
    expires=9.5,
    stream_default=False,
    created=5.5,
)
BARE = ApiKey(id="k2", account_id="1", created=6.0)
ENTRY = Entry(by="tester", act="test", at=1.0)
DIGEST, OTHER = b"\x00" * 32, b"\x01" * 32


@pytest.fixture
def store(mongo: Mongo, run) -> MongoKeys:
    run(MongoAccounts(mongo).add(Account(id="1", email="ann@example.com", language="en"), "hash", ENTRY))
    store = MongoKeys(mongo)
    run(store.add(KEY, DIGEST, ENTRY))
    return store


async def test_a_key_is_found_by_its_digest_with_what_its_account_adds(store: MongoKeys, mongo: Mongo) -> None:
    assert await store.find(DIGEST) == Found(KEY, account_active=True, language="en")
    assert await store.find(OTHER) is None
    await MongoAccounts(mongo).set_status("1", "disabled", ENTRY)
    await MongoAccounts(mongo).set_language("1", None, ENTRY)
    assert await store.find(DIGEST) == Found(KEY, account_active=False, language=None)


async def test_a_key_of_nobody_is_of_no_active_account(store: MongoKeys, mongo: Mongo) -> None:
    await mongo.database["accounts"].delete_many({})
    assert await store.find(DIGEST) == Found(KEY, account_active=False)


async def test_a_bare_key_is_read_back_as_it_was(store: MongoKeys) -> None:
    await store.add(BARE, OTHER, ENTRY)
    assert await store.of_account("1") == [KEY, BARE]
    assert await store.of_account("2") == []


async def test_a_digest_is_unique(store: MongoKeys) -> None:
    with pytest.raises(Duplicate):
        await store.add(BARE, DIGEST, ENTRY)


async def test_a_key_is_disabled_and_enabled(store: MongoKeys) -> None:
    assert await store.set_disabled("1", "k1", True, ENTRY)
    assert await store.of_account("1") == [msgspec.structs.replace(KEY, disabled=True)]
    assert await store.set_disabled("1", "k1", False, ENTRY)
    assert await store.of_account("1") == [KEY]


async def test_a_new_digest_replaces_the_old(store: MongoKeys) -> None:
    assert await store.set_digest("1", "k1", OTHER, ENTRY)
    assert await store.find(DIGEST) is None
    assert await store.find(OTHER) == Found(KEY, account_active=True, language="en")


async def test_only_the_account_changes_its_keys(store: MongoKeys) -> None:
    assert not await store.set_disabled("2", "k1", True, ENTRY)
    assert not await store.set_digest("2", "k1", OTHER, ENTRY)
    assert not await store.set_disabled("1", "k9", True, ENTRY)
    assert await store.of_account("1") == [KEY]


async def test_finding_uses_the_index(store: MongoKeys, mongo: Mongo) -> None:
    plan = await mongo.database["keys"].find({"h": DIGEST}).explain()
    assert plan["queryPlanner"]["winningPlan"]["inputStage"]["stage"] == "IXSCAN"


async def test_a_key_of_an_earlier_version_has_no_limits_of_its_own(store: MongoKeys, mongo: Mongo) -> None:
    await mongo.database["keys"].update_one({"_id": "k1"}, {"$unset": {"bd": 1, "bt": 1, "tpm": 1, "cc": 1}})
    found = await store.find(DIGEST)
    assert found is not None
    assert found.key == KEY


async def test_budgets_are_set_one_by_one(store: MongoKeys) -> None:
    assert await store.set_budgets("1", "k1", {"daily": 5}, ENTRY)
    assert await store.set_budgets("1", "k1", {"total": 2**40}, ENTRY)
    assert await store.of_account("1") == [msgspec.structs.replace(KEY, budget_daily=5, budget_total=2**40)]
    assert await store.set_budgets("1", "k1", {"daily": None}, ENTRY)
    assert await store.of_account("1") == [msgspec.structs.replace(KEY, budget_total=2**40)]
    assert not await store.set_budgets("2", "k1", {"daily": 5}, ENTRY)
