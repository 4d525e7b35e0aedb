"""Editing upstreams and models: who may, what is refused, and what the audit log says. No gateway runs."""

from __future__ import annotations

import asyncio
import os
from typing import Any
from unittest.mock import patch

import pytest

from tests.test_entries import FILE, ORIGINS, PRICE, VENDORS
from tornadogw.accounts.desk import Actor
from tornadogw.accounts.supply import Supply
from tornadogw.entries import Entries
from tornadogw.errors import UsageError
from tornadogw.seals import Seal
from tornadogw.settings import Settings
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_supply import MongoSupply

SEAL = Seal(os.urandom(32))
OWNER = Actor("olga", "owner")
OPERATOR = Actor("otto", "operator")
USER = Actor("ugo", "user")
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
    one = await mine.add_upstream(OPERATOR, "up", {"vendor": "acme", "weight": 2}, ["sk-0123456789-last"])
    assert (one.revision, one.changed, one.by, one.keys[0].text) == (1, 77.0, "otto", "…last")
    one = await mine.change_upstream(OPERATOR, "up", {"weight": None, "priority": 5}, revision=1)
    assert (one.fields["weight"], one.fields["priority"], one.revision) == (1, 5, 2)
    one = await mine.add_key(OWNER, "up", "env:KEY", revision=2)
    one = await mine.replace_key(OPERATOR, "up", 1, "sk-new", revision=3)
    one = await mine.remove_key(OPERATOR, "up", 2, revision=4)
    assert [key.name for key in one.keys] == ["up#3"]
    assert [each.name for each in await mine.upstreams()] == ["file", "up"]
    await mine.remove_upstream(OPERATOR, "up", revision=5)
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
    one = await mine.add_model(OPERATOR, "new", FINE | {"auto": 3, "aliases": ["n"]})
    one = await mine.change_model(OPERATOR, "new", {"price": {"input": "9", "output": "2"}}, revision=one.revision)
    assert (one.fields["price"]["input"], one.fields["auto"]) == ("9", 3)
    assert (await mine.model("new")).fields == one.fields
    await mine.remove_model(OPERATOR, "new", revision=one.revision)
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
    one = await mine.add_upstream(OPERATOR, "up", {"vendor": "acme"}, ["sk-a"])
    two = await mine.add_model(OPERATOR, "two", FINE | {"routes": [{"upstream": "up", "model": "r"}]})
    three = await mine.add_model(OPERATOR, "three", FINE | {"fallbacks": ["two"]})
    before = await mine._store.read(), await lines(mongo)
    now = {"revision": one.revision}
    await refused(mine.add_model(USER, "x", FINE), "only operators")
    await refused(mine.remove_upstream(USER, "up", **now), "only operators")
    await refused(
        mine.add_upstream(OPERATOR, "x", {"vendor": "own", "base_url": "http://x"}), "only an owner", "base_url"
    )
    await refused(mine.add_upstream(OPERATOR, "x", {"vendor": "acme"}, ["env:KEY"]), "only an owner", "keys")
    await refused(mine.add_key(OPERATOR, "up", "file:/etc/passwd", **now), "only an owner", "keys")
    await refused(mine.change_upstream(OPERATOR, "up", {"vendor": "own"}, **now), "only an owner", "vendor")
    await refused(mine.add_upstream(OWNER, "x y", {"vendor": "acme"}), "no name", "name")
    await refused(mine.add_upstream(OWNER, "up", {"vendor": "acme"}), "already, in database", "name")
    await refused(mine.add_upstream(OWNER, "file", {"vendor": "acme"}), "already, in /etc/gw.toml:3", "name")
    await refused(mine.add_model(OWNER, "talk", FINE), "is taken by", "name")
    await refused(mine.add_upstream(OWNER, "x", {"vendor": "acne"}), 'did you mean "acme"', "vendor")
    await refused(mine.add_model(OWNER, "x", {"price": PRICE}), "has no routes", "routes")
    await refused(mine.add_model(OWNER, "x", FINE | {"colour": 1}), "no setting", "colour")
    wrong = FINE | {"routes": [{"upstream": "file", "model": "r"}, {"upstream": "fiel", "model": "r"}]}
    await refused(mine.add_model(OWNER, "x", wrong), 'did you mean "file"', "routes[1].upstream")
    await refused(mine.change_model(OWNER, "chat", FINE, revision=1), "written in /etc/gw.toml:9")
    await refused(mine.change_upstream(OWNER, "nobody", {}, revision=1), "no upstream nobody", "name")
    await refused(mine.change_upstream(OWNER, "up", {"weight": 2}, revision=99), "changed meanwhile by otto")
    await refused(mine.remove_key(OWNER, "up", 9, **now), "no key 9", "keys")
    await refused(mine.remove_upstream(OWNER, "up", **now), "model two has need of it")
    await refused(mine.remove_model(OWNER, "two", revision=two.revision), "model three has need of it")
    await refused(mine.test("up"), "running gateway")
    with patch("tornadogw.accounts.supply.MOST_ENTRIES", 2):
        await refused(mine.add_model(OWNER, "x", FINE), "2 at most")
    assert (await mine._store.read(), await lines(mongo)) == before
    await mine.remove_model(OPERATOR, "three", revision=three.revision)
    await mine.remove_model(OPERATOR, "two", revision=two.revision)
    await mine.remove_upstream(OPERATOR, "up", **now)


async def test_of_two_who_edit_the_same_one_is_told_so(mongo: Mongo) -> None:
    mine = supply(mongo)
    one = await mine.add_model(OWNER, "new", FINE)
    edits = [mine.change_model(OWNER, "new", {"auto": at}, revision=one.revision) for at in range(4)]
    told = await asyncio.gather(*edits, return_exceptions=True)
    assert sorted(type(each).__name__ for each in told) == ["Conflict", "Conflict", "Conflict", "Shown"]
    added = await asyncio.gather(*(mine.add_model(OWNER, "same", FINE) for _ in range(3)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in added) == ["Conflict", "Conflict", "Shown"]
    assert len(await lines(mongo)) == 5  # three edits, two of them with a price


async def test_what_was_sealed_with_another_secret_is_mended_by_another_key(mongo: Mongo) -> None:
    other = Supply(MongoSupply(mongo), Entries(FILE, ORIGINS, VENDORS, {}, Seal(os.urandom(32))), None)
    await other.add_upstream(OWNER, "up", {"vendor": "acme", "proxy": "http://x:1"}, ["sk-theirs", "sk-too"])
    mine = supply(mongo)
    one = await mine.upstream("up")
    assert (one.counts, one.faults[0].field, one.keys[0].text) == (False, "options", "…")
    one = await mine.change_upstream(OWNER, "up", {"proxy": "http://x:1", "options": None}, revision=one.revision)
    assert (one.counts, one.faults[0].field) == (False, "keys")
    one = await mine.replace_key(OWNER, "up", 1, "sk-ours", revision=one.revision)
    one = await mine.remove_key(OWNER, "up", 2, revision=one.revision)
    assert (one.counts, one.fields["proxy"]) == (True, "http://x:1")
