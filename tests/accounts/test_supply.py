"""Editing upstreams and models: who may, what is refused, and what the audit log says. No gateway runs."""

from __future__ import annotations

import asyncio
import os
from typing import Any
from unittest.mock import patch

import pytest

from tests.test_entries import FILE, ORIGINS, PRICE, VENDORS
from tornadogw.accounts.supply import Supply
from tornadogw.entries import Entries
from tornadogw.errors import UsageError
from tornadogw.seals import Seal
from tornadogw.settings import Settings
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_supply import MongoSupply

SEAL = Seal(os.urandom(32))
OWNER: dict[str, Any] = {"by": "olga", "role": "owner"}
OPERATOR: dict[str, Any] = {"by": "otto", "role": "operator"}
USER: dict[str, Any] = {"by": "ugo", "role": "user"}
FINE = {"price": PRICE, "routes": [{"upstream": "file", "model": "r"}]}


def supply(mongo: Mongo, file: Settings = FILE) -> Supply:
    return Supply(MongoSupply(mongo), Entries(file, ORIGINS, VENDORS, {"KEY": "sk-env"}, SEAL), None, now=lambda: 77.0)


async def lines(mongo: Mongo) -> list[tuple[str, str, str, Any, Any]]:
    found = await mongo.database["audit"].find().sort("_id").to_list(None)
    return [(line["by"], line["act"], line["s"], line["b"], line["c"]) for line in found]


async def refused(work: Any, why: str, field: str = "") -> None:
    with pytest.raises(UsageError, match=why) as error:
        await work
    assert error.value.field == field
    assert error.value.zh


async def test_an_upstream_from_its_making_to_its_end(mongo: Mongo) -> None:
    mine = supply(mongo)
    one = await mine.add_upstream("up", {"vendor": "acme", "weight": 2}, ["sk-0123456789-last"], **OPERATOR)
    assert (one.revision, one.changed, one.by, one.keys[0].text) == (1, 77.0, "otto", "…last")
    one = await mine.change_upstream("up", {"weight": None, "priority": 5}, revision=1, **OPERATOR)
    assert (one.fields["weight"], one.fields["priority"], one.revision) == (1, 5, 2)
    one = await mine.add_key("up", "env:KEY", revision=2, **OWNER)
    one = await mine.replace_key("up", 1, "sk-new", revision=3, **OPERATOR)
    one = await mine.remove_key("up", 2, revision=4, **OPERATOR)
    assert [key.name for key in one.keys] == ["up#3"]
    assert [each.name for each in await mine.upstreams()] == ["file", "up"]
    await mine.remove_upstream("up", revision=5, **OPERATOR)
    assert [each.name for each in await mine.upstreams()] == ["file"]
    assert await lines(mongo) == [
        ("otto", "upstream.add", "up", {}, {"vendor": "acme", "weight": 2, "keys": ["up#1"]}),
        ("otto", "upstream.change", "up", {"weight": 2}, {"priority": 5}),
        ("olga", "upstream.key.add", "up", {"keys": ["up#1"]}, {"keys": ["up#1", "up#2"]}),
        ("otto", "upstream.key.replace", "up", {"keys": ["up#1", "up#2"]}, {"keys": ["up#3", "up#2"]}),
        ("otto", "upstream.key.remove", "up", {"keys": ["up#3", "up#2"]}, {"keys": ["up#3"]}),
        ("otto", "upstream.remove", "up", {"vendor": "acme", "priority": 5, "keys": ["up#3"]}, {}),
    ]


async def test_a_model_and_its_price(mongo: Mongo) -> None:
    mine = supply(mongo)
    one = await mine.add_model("new", FINE | {"auto": 3, "aliases": ["n"]}, **OPERATOR)
    one = await mine.change_model("new", {"price": {"input": "9", "output": "2"}}, revision=one.revision, **OPERATOR)
    assert (one.fields["price"]["input"], one.fields["auto"]) == ("9", 3)
    assert (await mine.model("new")).fields == one.fields
    await mine.remove_model("new", revision=one.revision, **OPERATOR)
    prices = [line for line in await lines(mongo) if line[1] == "price.change"]
    old, new = ({"input": price, "output": 2_000_000} for price in (1_000_000, 9_000_000))
    assert prices == [
        ("otto", "price.change", "new", {}, old),
        ("otto", "price.change", "new", old, new),
        ("otto", "price.change", "new", new, {}),
    ]
    assert [each.name for each in await mine.models()] == ["chat"]


async def test_what_may_not_or_cannot_be_is_refused_and_changes_nothing(mongo: Mongo) -> None:
    mine = supply(mongo)
    one = await mine.add_upstream("up", {"vendor": "acme"}, ["sk-a"], **OPERATOR)
    two = await mine.add_model("two", FINE | {"routes": [{"upstream": "up", "model": "r"}]}, **OPERATOR)
    three = await mine.add_model("three", FINE | {"fallbacks": ["two"]}, **OPERATOR)
    before = await mine._store.read(), await lines(mongo)
    now = {"revision": one.revision}
    await refused(mine.add_model("x", FINE, **USER), "only operators")
    await refused(mine.remove_upstream("up", **now, **USER), "only operators")
    await refused(
        mine.add_upstream("x", {"vendor": "own", "base_url": "http://x"}, **OPERATOR), "only an owner", "base_url"
    )
    await refused(mine.add_upstream("x", {"vendor": "acme"}, ["env:KEY"], **OPERATOR), "only an owner", "keys")
    await refused(mine.add_key("up", "file:/etc/passwd", **now, **OPERATOR), "only an owner", "keys")
    await refused(mine.change_upstream("up", {"vendor": "own"}, **now, **OPERATOR), "only an owner", "vendor")
    await refused(mine.add_upstream("x y", {"vendor": "acme"}, **OWNER), "no name", "name")
    await refused(mine.add_upstream("up", {"vendor": "acme"}, **OWNER), "already, in database", "name")
    await refused(mine.add_upstream("file", {"vendor": "acme"}, **OWNER), "already, in /etc/gw.toml:3", "name")
    await refused(mine.add_model("talk", FINE, **OWNER), "is taken by", "name")
    await refused(mine.add_upstream("x", {"vendor": "acne"}, **OWNER), 'did you mean "acme"', "vendor")
    await refused(mine.add_model("x", {"price": PRICE}, **OWNER), "has no routes", "routes")
    await refused(mine.add_model("x", FINE | {"colour": 1}, **OWNER), "no setting", "colour")
    wrong = FINE | {"routes": [{"upstream": "file", "model": "r"}, {"upstream": "fiel", "model": "r"}]}
    await refused(mine.add_model("x", wrong, **OWNER), 'did you mean "file"', "routes[1].upstream")
    await refused(mine.change_model("chat", FINE, revision=1, **OWNER), "written in /etc/gw.toml:9")
    await refused(mine.change_upstream("nobody", {}, revision=1, **OWNER), "no upstream nobody", "name")
    await refused(mine.change_upstream("up", {"weight": 2}, revision=99, **OWNER), "changed meanwhile by otto")
    await refused(mine.remove_key("up", 9, **now, **OWNER), "no key 9", "keys")
    await refused(mine.remove_upstream("up", **now, **OWNER), "model two has need of it")
    await refused(mine.remove_model("two", revision=two.revision, **OWNER), "model three has need of it")
    await refused(mine.test("up"), "running gateway")
    with patch("tornadogw.accounts.supply.MOST_ENTRIES", 2):
        await refused(mine.add_model("x", FINE, **OWNER), "2 at most")
    assert (await mine._store.read(), await lines(mongo)) == before
    await mine.remove_model("three", revision=three.revision, **OPERATOR)
    await mine.remove_model("two", revision=two.revision, **OPERATOR)
    await mine.remove_upstream("up", **now, **OPERATOR)


async def test_of_two_who_edit_the_same_one_is_told_so(mongo: Mongo) -> None:
    mine = supply(mongo)
    one = await mine.add_model("new", FINE, **OWNER)
    edits = [mine.change_model("new", {"auto": at}, revision=one.revision, **OWNER) for at in range(4)]
    told = await asyncio.gather(*edits, return_exceptions=True)
    assert sorted(type(each).__name__ for each in told) == ["Shown", "UsageError", "UsageError", "UsageError"]
    added = await asyncio.gather(*(mine.add_model("same", FINE, **OWNER) for _ in range(3)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in added) == ["Shown", "UsageError", "UsageError"]
    assert len(await lines(mongo)) == 5  # three edits, two of them with a price


async def test_what_was_sealed_with_another_secret_is_mended_by_another_key(mongo: Mongo) -> None:
    other = Supply(MongoSupply(mongo), Entries(FILE, ORIGINS, VENDORS, {}, Seal(os.urandom(32))), None)
    await other.add_upstream("up", {"vendor": "acme", "proxy": "http://x:1"}, ["sk-theirs", "sk-too"], **OWNER)
    mine = supply(mongo)
    one = await mine.upstream("up")
    assert (one.counts, one.faults[0].field, one.keys[0].text) == (False, "options", "…")
    one = await mine.change_upstream("up", {"proxy": "http://x:1", "options": None}, revision=one.revision, **OWNER)
    assert (one.counts, one.faults[0].field) == (False, "keys")
    one = await mine.replace_key("up", 1, "sk-ours", revision=one.revision, **OWNER)
    one = await mine.remove_key("up", 2, revision=one.revision, **OWNER)
    assert (one.counts, one.fields["proxy"]) == (True, "http://x:1")
