from __future__ import annotations

import os
from typing import Any

import msgspec
import pytest

from tornadogw.accounts.supply_forms import (
    MOST_KEYS,
    check_role,
    checked_fields,
    checked_key,
    checked_name,
    opened,
    with_fields,
    with_keys,
)
from tornadogw.entries import key_place
from tornadogw.errors import UsageError
from tornadogw.seals import Seal
from tornadogw.store.ports_supply import Stored, StoredKey

SEAL = Seal(os.urandom(32))
BARE = Stored("upstream", "up", {})
OLD = with_fields(
    BARE, {"vendor": "v", "base_url": "http://up", "options": {"region": "eu", "api_secret": "s3cret"}}, SEAL, "owner"
)
OLD = msgspec.structs.replace(OLD, revision=4)


def change(given: dict[str, Any], role: Any = "owner") -> Stored:
    return with_fields(OLD, given, SEAL, role)


def test_users_edit_nothing():
    for role in ("operator", "owner"):
        check_role(role)
    with pytest.raises(UsageError, match="only operators"):
        check_role("user")


@pytest.mark.parametrize("name", ["", "a b", "a#1", "a\nb", "x" * 101, "a\x00"])
def test_impossible_names(name: str):
    with pytest.raises(UsageError) as refused:
        checked_name(name)
    assert refused.value.field == "name"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x"},
        {"keys": []},
        {"options": {"a": "x" * 70_000}},
        {"base_url": "\ud800"},
        {"a": object()},
        {"weight": 2**63},
        {"options": {"a": [{"b": -(10**30)}]}},
    ],
)
def test_impossible_fields(fields: dict[str, Any]):
    with pytest.raises(UsageError):
        checked_fields(fields)


@pytest.mark.parametrize("text", ["", "  ", "x" * 20_000, "\ud800", "env:sk-1 2", "env:a b", "file:relative"])
def test_impossible_keys_are_not_repeated(text: str):
    with pytest.raises(UsageError) as refused:
        checked_key(text, "owner")
    assert refused.value.field == "keys"
    assert not text.strip() or text not in str(refused.value)


def test_references_are_an_owners():
    assert checked_key(" env:KEY ", "owner") == "env:KEY"
    assert checked_key(" sk-1 ", "operator") == "sk-1"
    for text in ("env:KEY", "file:/etc/shadow"):
        with pytest.raises(UsageError, match="only an owner"):
            checked_key(text, "operator")


@pytest.mark.parametrize(
    "given",
    [
        {"base_url": "http://mine"},
        {"base_url": None},
        {"proxy": "http://mine"},
        {"options": {"region": "us"}},
        {"vendor": "w"},
    ],
)
def test_what_decides_where_keys_go_is_an_owners(given: dict[str, Any]):
    with pytest.raises(UsageError, match="only an owner") as refused:
        change(given, "operator")
    assert refused.value.field in given
    assert change(given, "owner") != OLD


def test_an_operator_may_give_back_what_was_shown_and_change_the_rest():
    shown = {"vendor": "v", "base_url": "http://up", "options": {"region": "eu", "api_secret": "****"}, "weight": 3}
    new = change(shown, "operator")
    assert new.fields == {"vendor": "v", "base_url": "http://up", "weight": 3}
    assert opened(new, SEAL) == opened(OLD, SEAL)
    assert with_fields(BARE, {"vendor": "v"}, SEAL, "operator").fields == {"vendor": "v"}  # with the vendor's address


def test_fields_that_may_hold_secrets_are_sealed():
    assert OLD.fields == {"vendor": "v", "base_url": "http://up"}
    assert b"s3cret" not in OLD.hidden
    new = change({"options": {"region": "us", "api_secret": "****"}, "proxy": "http://u:p@x:1"})
    assert opened(new, SEAL) == {"options": {"region": "us", "api_secret": "s3cret"}, "proxy": "http://u:p@x:1"}
    assert opened(change({"options": None}), SEAL) == {}
    assert opened(OLD, Seal(os.urandom(32))) == opened(None, SEAL) == {}
    open_text = change({"base_url": "http://me:word@up"})
    assert "base_url" not in open_text.fields
    assert opened(open_text, SEAL)["base_url"] == "http://me:word@up"
    assert with_fields(open_text, {"base_url": "http://****@up"}, SEAL, "operator").fields == {"vendor": "v"}
    assert with_fields(open_text, {"base_url": "http://up"}, SEAL, "owner").fields == OLD.fields
    with pytest.raises(UsageError, match="cannot be read") as lost:
        with_fields(OLD, {"weight": 1}, Seal(os.urandom(32)), "owner")
    assert lost.value.field == "options"
    assert with_fields(OLD, {"options": None, "proxy": None}, Seal(os.urandom(32)), "owner").hidden == b""
    with pytest.raises(UsageError, match="is masked") as refused:
        change({"options": {"token": "****"}})
    assert refused.value.field == "token"


def test_a_number_is_never_given_twice():
    two = with_keys(BARE, ["sk-a", "env:B"], SEAL)
    assert [(key.number, key.reference) for key in two.keys] == [(1, ""), (2, "env:B")]
    assert SEAL.open(two.keys[0].sealed, key_place("up", 1)) == "sk-a"
    one = with_keys(two, [two.keys[1]], SEAL)
    again = with_keys(one, ["sk-c", *one.keys], SEAL)
    assert [key.number for key in again.keys] == [3, 2]
    assert again.numbers == 3
    with pytest.raises(UsageError, match="at most"):
        with_keys(BARE, [StoredKey(at) for at in range(MOST_KEYS)] + ["sk"], SEAL)
