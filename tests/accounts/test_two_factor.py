from __future__ import annotations

import base64
import re

import pytest
from argon2 import PasswordHasher

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.audit import Audit
from tornadogw.accounts.desk import Actor
from tornadogw.accounts.logins import Logins
from tornadogw.accounts.office import office
from tornadogw.accounts.own import Own
from tornadogw.accounts.tries import TooMany, Tries
from tornadogw.accounts.two_factor import RECOVERY, SETUP, STEP, TwoFactor, code_at
from tornadogw.errors import UsageError
from tornadogw.seals import Seal
from tornadogw.secret import Secret
from tornadogw.settings import Settings
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_audit import MongoAudit
from tornadogw.store.mongo_factors import MongoFactors
from tornadogw.store.mongo_logins import MongoLogins
from tornadogw.store.mongo_tries import MongoTries

ANN = "ann@example.com"


class Desk:
    """The service with a clock that the test sets."""

    def __init__(self, mongo: Mongo) -> None:
        self.now = 1_700_000_000.0
        hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        self.accounts, tries = Accounts(MongoAccounts(mongo), hasher=hasher), Tries(MongoTries(mongo))
        self.audit = Audit(MongoAudit(mongo), self.accounts)
        own = Own(self.accounts, Logins(MongoLogins(mongo)), tries, self.audit)
        self.service = TwoFactor(MongoFactors(mongo), own, tries, Seal(b"k" * 32), "My gateway", now=lambda: self.now)


def test_codes_are_those_of_the_standard() -> None:
    secret = base64.b32encode(b"12345678901234567890").decode()
    for at, code in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037")):
        assert code_at(secret, at) == code


async def test_a_code_works_once_and_a_step_early_or_late(mongo: Mongo) -> None:
    desk = Desk(mongo)
    ann = await desk.accounts.create(ANN, password="password")
    service = desk.service
    with pytest.raises(UsageError, match="not your password"):
        await service.begin(ann, "wrong one")
    setup = await service.begin(ann, "password")
    assert setup.secret not in repr(setup)
    assert setup.uri == f"otpauth://totp/My%20gateway%3Aann@example.com?secret={setup.secret}&issuer=My%20gateway"
    assert not await service.on(ann), "not before a code was right"
    with pytest.raises(UsageError, match="code is wrong") as caught:
        await service.confirm(ann, setup.sealed, "000000x")
    assert caught.value.field == "code"
    bob = await desk.accounts.create("bob@example.com")
    for account, sealed in ((bob, setup.sealed), (ann, "x"), (ann, "AAAA")):
        with pytest.raises(UsageError, match="begin again"):
            service.again(account, sealed)
    codes = await service.confirm(ann, setup.sealed, code_at(setup.secret, desk.now))
    assert (len(set(codes)), await service.left(ann)) == (RECOVERY, RECOVERY)
    stored = str(await mongo.database["factors"].find_one())
    assert setup.secret not in stored
    assert codes[0] not in stored
    with pytest.raises(UsageError, match="already"):
        await service.begin(ann, "password")

    with pytest.raises(UsageError, match="was used"):
        await service.check(ann, code_at(setup.secret, desk.now))
    await service.check(ann, code_at(setup.secret, desk.now + STEP))
    desk.now += 3 * STEP
    await service.check(ann, code_at(setup.secret, desk.now - STEP))
    with pytest.raises(UsageError, match="wrong"):
        await service.check(ann, code_at(setup.secret, desk.now + 2 * STEP))
    await service.check(ann, codes[0].lower().replace("-", " "))
    with pytest.raises(UsageError, match="was used"):
        await service.check(ann, codes[0])
    assert await service.left(ann) == RECOVERY - 1

    with pytest.raises(UsageError, match="not your password"):
        await service.switch_off(ann, "wrong one", codes[1])
    await service.switch_off(ann, "password", codes[1], by=ANN)
    assert not await service.on(ann)
    acts = [each.act for each in await desk.audit.entries(ANN, days=36_000)]
    assert sorted(acts) == [  # the test's clock is not that of the accounts
        "account.create",
        "account.recovery_code",
        "account.recovery_code",
        "account.two_factor",
        "account.two_factor_off",
    ]
    late = await service.begin(ann, "password")
    desk.now += SETUP + 2
    with pytest.raises(UsageError, match="too long"):
        await service.confirm(ann, late.sealed, code_at(late.secret, desk.now))


async def test_codes_are_not_guessed_all_day(mongo: Mongo) -> None:
    desk = Desk(mongo)
    ann = await desk.accounts.create(ANN, password="password")
    setup = await desk.service.begin(ann, "password")
    await desk.service.confirm(ann, setup.sealed, code_at(setup.secret, desk.now))
    wrong = "111111" if code_at(setup.secret, desk.now) != "111111" else "222222"
    for number in range(9):
        with pytest.raises(UsageError, match="wrong"):
            await desk.service.check(ann, wrong, address=str(number))
    with pytest.raises(TooMany):
        await desk.service.check(ann, code_at(setup.secret, desk.now + STEP), address="x")


async def test_operators_switch_it_off_and_another_secret_opens_nothing(mongo: Mongo) -> None:
    desk = Desk(mongo)
    ann = await desk.accounts.create(ANN, password="password")
    setup = await desk.service.begin(ann, "password")
    await desk.service.confirm(ann, setup.sealed, code_at(setup.secret, desk.now))
    shared = office(mongo, Secret("s" * 32), Settings())
    with pytest.raises(UsageError, match="ask the operator"):
        await shared.two_factor.check(ann, "123456")
    with pytest.raises(UsageError, match="only operators"):
        await shared.desk.end_two_factor(Actor("bob", "reader"), ann.id)
    await shared.desk.end_two_factor(Actor("olga", "operator"), ann.id)
    assert not await shared.two_factor.on(ann)
    line = (await shared.audit.entries(ANN))[-1]
    assert (line.act, line.by) == ("account.two_factor_off", "olga")
    with pytest.raises(UsageError, match=re.escape("no second factor")):
        await shared.desk.end_two_factor(Actor("olga", "operator"), ann.id)
