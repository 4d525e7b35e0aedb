from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.accounts.accounts import Accounts, format_amount, normal_email, parse_amount
from tornadogw.errors import UsageError
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def accounts(mongo: Mongo) -> Accounts:
    return Accounts(MongoAccounts(mongo), hasher=CHEAP, now=lambda: 1_700_000_000.0)


# --- amounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "micro"),
    [
        ("1", 1_000_000),
        ("12.5", 12_500_000),
        ("0.000001", 1),
        (" 7.10 ", 7_100_000),
        ("0.1000000000", 100_000),
        ("1000000000", 10**15),
        ("0.29", 290_000),
    ],
)
def test_amounts_are_exact(text: str, micro: int) -> None:
    assert parse_amount(text) == micro


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.0",
        "-1",
        "+1",
        "1e3",
        "1,000",
        "NaN",
        "Infinity",
        ".5",
        "5.",
        "１０",
        "0.0000001",
        "1000000001",
        "1 0",
    ],
)
def test_other_amounts_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"amount|range|fine"):
        parse_amount(text)


@given(st.integers(1, 10**15))
def test_an_amount_survives_being_written_and_read(micro: int) -> None:
    assert parse_amount(format_amount(micro)) == micro


def test_amounts_are_written_with_at_least_two_decimals() -> None:
    assert [format_amount(each) for each in (0, 1, -1_500_000, 12_340_000)] == ["0.00", "0.000001", "-1.50", "12.34"]


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" Ann@Example.COM ", "ann@example.com"),
        ("a.b+c@x-y.org", "a.b+c@x-y.org"),
        ("owner@localhost", "owner@localhost"),
    ],
)
def test_addresses_have_one_form(text: str, normal: str) -> None:
    assert normal_email(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@x.org",
        "ann@",
        "a b@x.org",
        "a@@x.org",
        "a@x..org",
        "a@-x.org",
        "a@x_y.org",
        "a\n@x.org",
        "a@" + "x" * 260,
    ],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="e-mail"):
        normal_email(text)


# --- accounts --------------------------------------------------------------------------------------------------------


async def test_an_account_is_made_shown_and_listed(accounts: Accounts) -> None:
    made = await accounts.create("Bob@Example.com", role="operator", language="en")
    await accounts.create("ann@example.com")
    assert await accounts.show("bob@example.com") == made
    assert (made.email, made.role, made.language, made.status) == ("bob@example.com", "operator", "en", "active")
    assert (made.credited, made.balance, made.held, made.spent, made.has_password) == (0, 0, 0, 0, False)
    assert [each.email for each in await accounts.list()] == ["ann@example.com", "bob@example.com"]


async def test_an_address_has_one_account(accounts: Accounts) -> None:
    await accounts.create("ann@example.com")
    with pytest.raises(UsageError, match=r"ann@example\.com already"):
        await accounts.create("ANN@example.com")


async def test_an_unknown_account_is_a_sentence(accounts: Accounts) -> None:
    with pytest.raises(UsageError, match="account list"):
        await accounts.show("nobody@example.com")


@pytest.mark.parametrize(
    ("change", "named"), [({"role": "king"}, "owner"), ({"language": "fr"}, "zh"), ({"password": "short"}, "8 to 1024")]
)
async def test_wrong_arguments_make_no_account(accounts: Accounts, change: dict[str, str], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        await accounts.create("ann@example.com", **change)
    assert await accounts.list() == []


async def test_a_password_lets_in_and_no_other_does(accounts: Accounts) -> None:
    made = await accounts.create("ann@example.com", password="correct horse")
    assert made.has_password
    assert await accounts.log_in("Ann@example.com", "correct horse") == made
    assert await accounts.log_in("ann@example.com", "wrong horse") is None
    assert await accounts.log_in("nobody@example.com", "correct horse") is None
    assert await accounts.log_in("not an address", "correct horse") is None


async def test_a_password_is_changed_and_taken_away(accounts: Accounts) -> None:
    await accounts.create("ann@example.com", password="correct horse")
    await accounts.set_password("ann@example.com", "another horse")
    assert await accounts.log_in("ann@example.com", "correct horse") is None
    assert await accounts.log_in("ann@example.com", "another horse") is not None
    assert not (await accounts.set_password("ann@example.com", None)).has_password
    assert await accounts.log_in("ann@example.com", "another horse") is None


async def test_the_hash_is_argon2_and_shows_nowhere(accounts: Accounts, mongo: Mongo) -> None:
    await accounts.create("ann@example.com", password="correct horse")
    document = await mongo.database["accounts"].find_one({})
    assert document is not None
    assert document["pw"].startswith("$argon2id$")
    assert document["pw"] not in repr(await accounts.show("ann@example.com"))


async def test_a_disabled_account_cannot_log_in(accounts: Accounts) -> None:
    await accounts.create("ann@example.com", password="correct horse")
    assert (await accounts.disable("ann@example.com")).status == "disabled"
    assert await accounts.log_in("ann@example.com", "correct horse") is None
    assert (await accounts.enable("ann@example.com")).status == "active"
    assert await accounts.log_in("ann@example.com", "correct horse") is not None


async def test_role_and_language_change(accounts: Accounts) -> None:
    await accounts.create("ann@example.com")
    assert (await accounts.set_role("ann@example.com", "owner")).role == "owner"
    assert (await accounts.set_language("ann@example.com", "zh")).language == "zh"
    shown = await accounts.show("ann@example.com")
    assert (shown.role, shown.language) == ("owner", "zh")
    with pytest.raises(UsageError, match="king"):
        await accounts.set_role("ann@example.com", "king")


# --- payments --------------------------------------------------------------------------------------------------------


async def test_a_payment_is_credited(accounts: Accounts) -> None:
    await accounts.create("ann@example.com")
    first = await accounts.credit("ann@example.com", "10.5")
    second = await accounts.credit("ann@example.com", "0.000001", by="tests")
    assert (first.amount, first.repeated, first.account.balance) == (10_500_000, False, 10_500_000)
    assert second.ref != first.ref
    assert (second.account.balance, second.account.credited) == (10_500_001, 10_500_001)


async def test_a_reference_pays_once(accounts: Accounts) -> None:
    await accounts.create("ann@example.com")
    await accounts.credit("ann@example.com", "10", ref="order-7")
    again = await accounts.credit("ann@example.com", "10", ref="order-7")
    assert again.repeated
    assert again.account.credited == 10_000_000


async def test_a_reference_of_another_payment_is_refused(accounts: Accounts) -> None:
    await accounts.create("ann@example.com")
    await accounts.create("bob@example.com")
    await accounts.credit("ann@example.com", "10", ref="order-7")
    for email, amount in (("ann@example.com", "11"), ("bob@example.com", "10")):
        with pytest.raises(UsageError, match="order-7"):
            await accounts.credit(email, amount, ref="order-7")
    assert [each.credited for each in await accounts.list()] == [10_000_000, 0]


@pytest.mark.parametrize("ref", ["", "a b", "ü", "x" * 129])
async def test_other_references_are_refused(accounts: Accounts, ref: str) -> None:
    await accounts.create("ann@example.com")
    with pytest.raises(UsageError, match="reference"):
        await accounts.credit("ann@example.com", "1", ref=ref)


@pytest.mark.parametrize("ref", ["code-" + "0a" * 32, "order-" + "0a" * 10, "order-" + "0a" * 10 + "-refund"])
async def test_what_codes_and_orders_call_their_payments_nobody_else_may(accounts: Accounts, ref: str) -> None:
    await accounts.create("ann@example.com")
    for pay in (accounts.credit, accounts.debit):
        with pytest.raises(UsageError, match="codes and orders"):
            await pay("ann@example.com", "5", ref=ref)
    assert (await accounts.credit("ann@example.com", "5", ref="order-17")).account.balance == 5_000_000
