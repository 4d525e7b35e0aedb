from __future__ import annotations

import asyncio

import msgspec
import pytest

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.keys import Keys, Wanted, as_is
from tornadogw.auth import KeyHasher, derived_key, well_formed
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_keys import MongoKeys

SECRET = b"k" * 32
ANN, BOB = "ann@example.com", "bob@example.com"
NOW = 1_700_000_000.0


@pytest.fixture
def keys(mongo: Mongo, run) -> Keys:
    accounts = MongoAccounts(mongo)
    for email in (ANN, BOB):
        run(Accounts(accounts).create(email))
    return Keys(MongoKeys(mongo), accounts, SECRET, now=lambda: NOW)


async def test_a_key_is_made_with_all_it_can_have(keys: Keys) -> None:
    new = await keys.create(
        "Ann@example.com",
        label="my laptop",
        rpm=7,
        models=["a", "b ", "a"],
        ips=["192.0.2.7", "2001:db8::/32", "::ffff:10.0.0.0/104"],
        expires="30d",
        stream_default=False,
    )
    key = new.key
    assert well_formed(new.text)
    assert (key.label, key.rpm, key.models, key.stream_default) == ("my laptop", 7, ("a", "b"), False)
    assert key.ips == ("192.0.2.7/32", "2001:db8::/32", "10.0.0.0/8")
    assert (key.created, key.expires, key.disabled) == (NOW, NOW + 2_592_000, False)
    assert list(await keys.list(ANN)) == [key]
    assert list(await keys.list(BOB)) == []


async def test_only_the_digest_is_stored(keys: Keys, mongo: Mongo) -> None:
    new = await keys.create(ANN)
    document = await mongo.database["keys"].find_one({})
    assert document is not None
    assert document["h"] == KeyHasher(SECRET).digest(new.text)
    assert len(document["h"]) == 32
    assert new.text[3:] not in repr(document)


async def test_no_repr_shows_the_text(keys: Keys) -> None:
    new = await keys.create(ANN)
    assert new.text not in repr(new)
    assert new.text not in repr([new])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"label": "x" * 101}, "label"),
        ({"label": "a\nb"}, "label"),
        ({"rpm": 0}, "per minute"),
        ({"models": []}, "models"),
        ({"models": ["a", ""]}, "models"),
        ({"ips": ["10.0.0.0/33"]}, r"10\.0\.0\.0/33"),
        ({"ips": ["here"]}, "here"),
        ({"expires": "soon"}, "soon"),
    ],
)
async def test_wrong_arguments_make_no_key(keys: Keys, change: dict[str, object], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        await keys.create(ANN, **change)
    assert list(await keys.list(ANN)) == []


async def test_a_key_is_disabled_and_enabled(keys: Keys) -> None:
    key = (await keys.create(ANN)).key
    assert (await keys.disable(ANN, key.id)).disabled
    assert [each.disabled for each in await keys.list(ANN)] == [True]
    assert not (await keys.enable(ANN, key.id)).disabled


async def test_rotation_changes_the_text_and_nothing_else(keys: Keys, mongo: Mongo) -> None:
    old = await keys.create(ANN, label="laptop", rpm=7)
    new = await keys.rotate(ANN, old.key.id)
    assert new.key == old.key
    store, hasher = MongoKeys(mongo), KeyHasher(SECRET)
    assert await store.find(hasher.digest(old.text)) is None
    found = await store.find(hasher.digest(new.text))
    assert found is not None
    assert found.key == old.key


async def test_a_key_belongs_to_its_account(keys: Keys) -> None:
    key = (await keys.create(ANN)).key
    for change in (keys.disable, keys.enable, keys.rotate):
        with pytest.raises(UsageError, match=f"bob@example.com has no key {key.id}"):
            await change(BOB, key.id)
    assert list(await keys.list(ANN)) == [key]


async def test_an_unknown_account_is_a_sentence(keys: Keys) -> None:
    with pytest.raises(UsageError, match="account create"):
        await keys.create("nobody@example.com")


async def test_a_key_has_limits_of_its_own(keys: Keys) -> None:
    key = (await keys.create(ANN, daily_budget="1.5", budget="20", tpm=1000, concurrent=2)).key
    assert (key.budget_daily, key.budget_total) == (1_500_000, 20_000_000)
    assert (key.tokens_per_minute, key.concurrent) == (1000, 2)
    assert list(await keys.list(ANN)) == [key]
    changed = await keys.set_budgets(ANN, key.id, daily="none")
    assert (changed.budget_daily, changed.budget_total) == (None, 20_000_000)
    changed = await keys.set_budgets(ANN, key.id, daily="3", total="4")
    assert (changed.budget_daily, changed.budget_total) == (3_000_000, 4_000_000)
    assert list(await keys.list(ANN)) == [changed]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"daily_budget": "0"}, "out of range"),
        ({"budget": "x"}, "not an amount"),
        ({"tpm": 0}, "tokens per minute"),
        ({"concurrent": 0}, "concurrent requests"),
    ],
)
async def test_impossible_limits_make_no_key(keys: Keys, change: dict[str, object], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        await keys.create(ANN, **change)
    assert list(await keys.list(ANN)) == []


async def test_budgets_of_another_account_or_none_at_all(keys: Keys) -> None:
    key = (await keys.create(ANN)).key
    with pytest.raises(UsageError, match="no key"):
        await keys.set_budgets(BOB, key.id, daily="1")
    with pytest.raises(UsageError, match="nothing to change"):
        await keys.set_budgets(ANN, key.id)


async def test_a_key_with_a_given_text_is_made_once(keys: Keys, mongo: Mongo) -> None:
    ann = await Accounts(MongoAccounts(mongo)).show(ANN)
    text = derived_key(b"x" * 30)
    await asyncio.gather(*(keys.ensure(ann, "abc", text, label="Playground", by="ann") for _ in range(5)))
    [key] = await keys.list(ANN)
    assert key.label == "Playground"
    document = await mongo.database["keys"].find_one({})
    assert document is not None
    assert document["h"] == KeyHasher(SECRET).digest(text)


async def test_a_key_is_made_as_it_is_wanted_all_of_it(keys: Keys) -> None:
    new = await keys.create(ANN, label="old", rpm=5, expires="1d", budget="3")
    changed = await keys.change(ANN, new.key.id, Wanted(label="new", tpm=9), by="ann")
    assert (changed.label, changed.rpm, changed.budget_total, changed.tokens_per_minute) == ("new", None, None, 9)
    assert changed.expires == NOW + 86400, "kept"
    assert (await keys.change(ANN, new.key.id, Wanted(), expires="2d")).expires == NOW + 2 * 86400
    assert (await keys.change(ANN, new.key.id, Wanted(), expires="never")).expires is None
    for wanted, field in ((Wanted(rpm=0), "rpm"), (Wanted(tpm=0), "tpm"), (Wanted(daily_budget="x"), "daily_budget")):
        with pytest.raises(UsageError) as caught:
            await keys.change(ANN, new.key.id, wanted)
        assert caught.value.field == field
    with pytest.raises(UsageError, match="has no key"):
        await keys.change(BOB, new.key.id, Wanted())


async def test_some_of_a_key_is_changed_and_the_rest_is_as_it_was(keys: Keys) -> None:
    wanted = Wanted("app", 5, ("m",), ("192.0.2.0/24",), True, "0.000001", "3.50", 7, 8)
    new = await keys.create(ANN, **msgspec.structs.asdict(wanted), expires="1d")
    assert as_is(new.key) == wanted
    changed = await keys.change(ANN, new.key.id, lambda key: msgspec.structs.replace(as_is(key), rpm=None))
    assert changed == msgspec.structs.replace(new.key, rpm=None)
    with pytest.raises(UsageError, match="requests per minute"):
        await keys.change(ANN, new.key.id, lambda _: Wanted(rpm=0))
    assert await keys.list(ANN) == [changed]
    free = await keys.change(ANN, new.key.id, lambda _: Wanted())
    assert as_is(free) == Wanted()
