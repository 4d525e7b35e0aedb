from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.codes import Coder, Codes
from tornadogw.accounts.plans import Plans
from tornadogw.accounts.subscriptions import DAY
from tornadogw.errors import UsageError
from tornadogw.store import mongo_codes
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_codes import MongoCodes
from tornadogw.store.mongo_plans import MongoPlans
from tornadogw.store.mongo_subscriptions import MongoSubscriptions
from tornadogw.store.ports import Entry, StoreUnavailable
from tornadogw.store.trade import Subscription

ANN, BOB = "ann@example.com", "bob@example.com"
SECRET = b"s" * 32
NOW = 1_700_000_000.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(mongo: Mongo, run, clock: Clock) -> Accounts:
    accounts = Accounts(MongoAccounts(mongo), now=clock)
    for email in (ANN, BOB):
        run(accounts.create(email))
    return accounts


@pytest.fixture
def plans(mongo: Mongo, run, clock: Clock) -> Plans:
    plans = Plans(MongoPlans(mongo), now=clock)
    run(plans.create("pro", daily="5", days=7))
    return plans


@pytest.fixture
def codes(mongo: Mongo, accounts: Accounts, plans: Plans, clock: Clock) -> Codes:
    return Codes(MongoCodes(mongo), accounts, plans, SECRET, now=clock)


# --- texts ---------------------------------------------------------------------------------------------------------


def test_a_code_is_read_however_it_was_typed() -> None:
    coder = Coder(SECRET)
    for _ in range(50):
        code = coder.new()
        digest = coder.digest(code)
        assert digest is not None
        assert len(digest) == 32
        typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
        assert coder.digest(f" {typed} ") == digest
        assert coder.digest(code.replace("-", "").replace("1", "I")) == digest


def test_a_wrong_symbol_is_seen() -> None:
    coder = Coder(SECRET)
    code = coder.new().replace("-", "")
    wrong = [code[:at] + ("0" if code[at] != "0" else "2") + code[at + 1 :] for at in range(len(code))]
    assert [coder.digest(each) for each in wrong] == [None] * len(wrong)
    assert Coder(b"other").digest(code) is None


@given(st.text(max_size=80))
def test_other_texts_are_no_codes(text: str) -> None:
    assert Coder(SECRET).digest(text) is None


# --- batches -------------------------------------------------------------------------------------------------------


async def test_a_batch_is_stored_without_its_texts(codes: Codes, mongo: Mongo) -> None:
    new = await codes.create(amount="5", count=3, expires="90d", label="spring", by="ann")
    assert len(set(new.codes)) == 3
    assert (new.batch.amount, new.batch.count, new.batch.expires) == (5_000_000, 3, NOW + 90 * DAY)
    stored = repr([each async for each in mongo.database["codes"].find()])
    for code in new.codes:
        assert code not in stored
        assert code.replace("-", "") not in stored
        assert code not in repr(new)
    assert list(await codes.list()) == [new.batch]
    [entry] = [each for each in await MongoAudit(mongo).entries(None, 0, 9) if each.act == "code.create"]
    assert (entry.by, entry.subject, entry.after["count"]) == ("ann", new.batch.id, 3)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({}, "amount or a plan"),
        ({"amount": "1", "plan": "pro"}, "amount or a plan"),
        ({"plan": "gone"}, "no plan gone"),
        ({"amount": "0"}, "out of range"),
        ({"amount": "1", "count": 0}, "codes of a batch"),
        ({"amount": "1", "count": 10_001}, "codes of a batch"),
        ({"amount": "1", "expires": "soon"}, "soon"),
        ({"amount": "1", "label": "a\nb"}, "label"),
    ],
)
async def test_wrong_arguments_make_no_batch(codes: Codes, words, named) -> None:
    with pytest.raises(UsageError, match=named):
        await codes.create(**{"count": 1} | words)
    assert list(await codes.list()) == []


# --- redeeming -----------------------------------------------------------------------------------------------------


async def test_a_code_pays_in_once(codes: Codes, mongo: Mongo) -> None:
    new = await codes.create(amount="5", count=2)
    done = await codes.redeem(ANN, new.codes[0], by="tester")
    assert (done.account.balance, done.account.credited, done.repeated) == (5_000_000, 5_000_000, False)
    again = await codes.redeem(ANN, new.codes[0])
    assert (again.account.balance, again.repeated) == (5_000_000, True)
    with pytest.raises(UsageError, match="redeemed already"):
        await codes.redeem(BOB, new.codes[0])
    [batch] = await codes.list()
    assert (batch.count, batch.used) == (2, 1)
    told = [each for each in await MongoAudit(mongo).entries(done.account.id, 0, 9) if each.act == "code.redeem"]
    assert [(each.by, each.subject, each.after["balance"]) for each in told] == [("tester", batch.id, 5_000_000)]


async def test_a_code_gives_a_plan_for_the_days_it_was_sold_with(
    codes: Codes, plans: Plans, mongo: Mongo, accounts: Accounts
) -> None:
    new = await codes.create(plan="pro", count=2)
    await plans.change("pro", days=1)
    await plans.archive("pro")
    with pytest.raises(UsageError, match="archived"):
        await codes.create(plan="pro", count=1)
    for code in new.codes:
        await codes.redeem(ANN, code)
    ann = await accounts.show(ANN)
    assert (await MongoSubscriptions(mongo).get(ann.id)).subscriptions == (
        Subscription("pro", NOW, NOW + 7 * DAY),
        Subscription("pro", NOW + 7 * DAY, NOW + 14 * DAY),
    )
    assert ann.balance == 0


async def test_fifty_claims_of_one_code_and_one_wins(codes: Codes, accounts: Accounts) -> None:
    emails = [f"u{number}@example.com" for number in range(50)]
    for email in emails:
        await accounts.create(email)
    [code] = (await codes.create(amount="5", count=1)).codes
    told = await asyncio.gather(*(codes.redeem(email, code) for email in emails), return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in told) == 1
    assert {str(each) for each in told if isinstance(each, BaseException)} == {"this code was redeemed already"}
    assert sum(each.credited for each in await accounts.list()) == 5_000_000


async def test_one_account_claims_at_many_places_and_is_paid_once(codes: Codes, accounts: Accounts) -> None:
    [code] = (await codes.create(amount="5", count=1)).codes
    told = await asyncio.gather(*(codes.redeem(ANN, code) for _ in range(20)))
    assert sum(not each.repeated for each in told) == 1
    assert (await accounts.show(ANN)).credited == 5_000_000


@pytest.mark.parametrize("worth", [{"amount": "5"}, {"plan": "pro"}])
async def test_a_crash_between_claim_and_credit_loses_nothing(
    codes: Codes, accounts: Accounts, mongo: Mongo, monkeypatch, worth
) -> None:
    """The process dies after the code was marked, before anything was given."""
    [code] = (await codes.create(count=1, **worth)).codes

    async def die(*_args, **_options):
        assert await mongo.database["codes"].count_documents({"a": {"$exists": True}}) == 0  # not seen by others
        raise ConnectionAbortedError

    with monkeypatch.context() as patch:
        patch.setattr(mongo_codes, "pay", die)
        patch.setattr(mongo_codes, "stand", die)
        with pytest.raises(ConnectionAbortedError):
            await codes.redeem(ANN, code)
    assert (await codes.list())[0].used == 0
    assert not (await codes.redeem(BOB, code)).repeated
    assert (await codes.list())[0].used == 1


async def test_a_void_batch_is_good_for_nothing_and_what_was_used_stays(codes: Codes, mongo: Mongo) -> None:
    new = await codes.create(amount="5", count=2)
    await codes.redeem(ANN, new.codes[0])
    voided = await codes.void(new.batch.id, by="bob")
    assert (voided.voided, voided.used) == (NOW, 1)
    assert (await codes.void(new.batch.id, by="bob")).voided == NOW
    with pytest.raises(UsageError, match="void"):
        await codes.redeem(BOB, new.codes[1])
    assert (await codes.redeem(ANN, new.codes[0])).repeated
    told = [each.by for each in await MongoAudit(mongo).entries(None, 0, 99) if each.act == "code.void"]
    assert told == ["bob"]
    with pytest.raises(UsageError, match="no batch gone"):
        await codes.void("gone")


async def test_a_code_that_is_void_or_expired_by_then_is_not_claimed(codes: Codes, mongo, accounts, clock) -> None:
    """Between the look and the claim: the transaction looks again."""
    store, coder = MongoCodes(mongo), Coder(SECRET)
    ann = await accounts.show(ANN)

    async def claim(code: str) -> bool:
        entry = Entry(by="", act="", at=clock.now)
        return await store.claim(coder.digest(code) or b"", ann.id, lambda standing: standing, entry)

    new = await codes.create(amount="5", count=1, expires="1d")
    clock.now += DAY
    assert not await claim(new.codes[0])
    new = await codes.create(amount="5", count=1)
    await codes.void(new.batch.id)
    assert not await claim(new.codes[0])
    assert (await accounts.show(ANN)).credited == 0


async def test_an_expired_code_says_when(codes: Codes, clock: Clock) -> None:
    [code] = (await codes.create(amount="5", count=1, expires="1d")).codes
    clock.now += DAY
    with pytest.raises(UsageError, match="expired, on 2023-11-15 22:13:20"):
        await codes.redeem(ANN, code)


async def test_garbage_costs_no_read(plans: Plans) -> None:
    away = Mongo.connect("mongodb://%2Fno%2Fsuch.sock/?directConnection=true", "test", timeout_ms=100)
    try:
        codes = Codes(MongoCodes(away), Accounts(MongoAccounts(away)), plans, SECRET)
        with pytest.raises(UsageError, match="not a code"):
            await codes.redeem(ANN, "0000-0000-0000-0000-0000")
        with pytest.raises(StoreUnavailable):
            await codes.redeem(ANN, Coder(SECRET).new())
    finally:
        await away.close()


async def test_a_code_of_nobody_and_an_account_that_is_none(codes: Codes, accounts: Accounts) -> None:
    [code] = (await codes.create(amount="5", count=1)).codes
    with pytest.raises(UsageError, match="no such code"):
        await codes.redeem(ANN, Coder(SECRET).new())
    with pytest.raises(UsageError, match="no account"):
        await codes.redeem("who@example.com", code)
    await accounts.disable(ANN)
    with pytest.raises(UsageError, match="disabled"):
        await codes.redeem(ANN, code)
    assert (await codes.list())[0].used == 0
