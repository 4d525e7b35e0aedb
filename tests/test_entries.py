"""The file and the database beside each other: what counts, what does not, and why."""

from __future__ import annotations

import os
from typing import Any

import msgspec
import pytest

from tornadogw.catalogue import ECHO
from tornadogw.entries import DATABASE, Entries, Offer, hidden_place, key_place
from tornadogw.errors import SettingsError
from tornadogw.seals import Seal
from tornadogw.settings import Model, PriceRow, Route, Settings, Upstream
from tornadogw.store.ports_supply import Stored, StoredKey, Supplied
from tornadogw.types import Traits
from tornadogw.vendor import Vendor

SEAL = Seal(os.urandom(32))
PRICE = {"input": "1", "output": "2"}
FILE_UP = Upstream(name="file", vendor="acme", keys=["sk-file"])
FILE_MODEL = Model(name="chat", aliases=["talk"], price=PriceRow(input="1", output="1"), routes=[Route("file", "c")])
FILE = Settings(upstreams=[FILE_UP], models=[FILE_MODEL])
ORIGINS = {"upstreams[0]": "/etc/gw.toml:3", "models[0]": "/etc/gw.toml:9"}


class Acme(Vendor):
    name = "acme"
    base_url = "https://acme.example/v1"

    def traits(self, model: str) -> Traits:
        if model == "bug":
            raise ZeroDivisionError
        return Traits()


class Own(Acme):
    name, base_url = "own", ""


class Echo(Acme):
    name, base_url = ECHO, ""


VENDORS = {each.name: each() for each in (Acme, Own, Echo)}


def up(name: str, vendor: str = "acme", **more: Any) -> Stored:
    return Stored("upstream", name, {"vendor": vendor, **more})


def model(name: str, *upstreams: str, **more: Any) -> Stored:
    routes = [{"upstream": each, "model": "real"} for each in upstreams]
    return Stored("model", name, {"price": PRICE, "routes": routes, **more})


def offer(*stored: Stored, file: Settings = FILE, environ: dict[str, str] | None = None, **more: Any) -> Offer:
    entries = Entries(file, ORIGINS, more.get("vendors", VENDORS), environ or {}, SEAL)
    return entries.of(Supplied(7, tuple(stored)))


def told(found: Offer) -> dict[str, tuple[bool, list[str]]]:
    """Of the database's: whether each counts, and the fields that are wrong."""
    ours = (each for each in found.found if each.stored is not None)
    return {each.name: (each.counts, [fault.field for fault in each.faults]) for each in ours}


def names(found: Offer) -> list[str]:
    return [each.name for each in found.catalogue.models]


def test_both_are_one_catalogue_the_file_first():
    sealed = StoredKey(4, sealed=SEAL.close("sk-db", key_place("db", 4)))
    mine = msgspec.structs.replace(up("db", weight=3), keys=(sealed, StoredKey(6, reference="env:KEY")))
    found = offer(mine, model("new", "db", "file", fallbacks=["talk"]), environ={"KEY": "sk-env"})
    assert names(found) == ["chat", "new"]
    first, second = found.catalogue.find("new").routes
    assert [(key.name, key.secret) for key in first.credentials] == [("db#4", "sk-db"), ("db#6", "sk-env")]
    assert [(key.name, key.secret) for key in second.credentials] == [("file#1", "sk-file")]
    assert (first.weight, found.catalogue.find("new").fallbacks) == (3, ("chat",))
    assert told(found) == {"db": (True, []), "new": (True, [])}
    assert [each.origin for each in found.found] == ["/etc/gw.toml:3", "/etc/gw.toml:9", DATABASE, DATABASE]
    assert found.prices["new"].output == 2_000_000
    assert found.revision == 7


def test_the_file_wins_for_a_name_and_for_an_alias():
    found = offer(
        up("file", "own", base_url="http://other"), model("chat", "file"), model("new", "file", aliases=["talk"])
    )
    assert names(found) == ["chat"]
    assert found.catalogue.find("chat").routes[0].base_url == "https://acme.example/v1"
    assert told(found) == {"file": (False, ["name"]), "chat": (False, ["name"]), "new": (False, ["aliases"])}
    assert found.find("model", "chat").origin == "/etc/gw.toml:9"
    assert "/etc/gw.toml:3 has one of that name" in found.found[2].faults[0].text


def test_of_two_that_want_one_name_the_earlier_has_it():
    found = offer(model("a", "file", aliases=["x"]), model("b", "file", aliases=["x"]))
    assert names(found) == ["chat", "a"]
    assert told(found)["b"] == (False, ["aliases"])


@pytest.mark.parametrize(
    ("stored", "field"),
    [
        (up("u", "nobody"), "vendor"),
        (up("u", "own"), "base_url"),
        (up("u", base_url="no address"), "base_url"),
        (up("u", proxy="ftp://x"), "proxy"),
        (up("u", weight=0), "weight"),
        (up("u", wieght=1), "wieght"),
        (Stored("upstream", "u", {}), "vendor"),
        (up("a b"), "name"),
        (msgspec.structs.replace(up("u"), keys=(StoredKey(1, sealed=b"not ours, certainly"),)), "keys"),
        (msgspec.structs.replace(up("u"), hidden=SEAL.close("{", hidden_place("u"))), "options"),
        (model("m"), "routes"),
        (model("m", "file", price={"input": "a lot", "output": "1"}), "price.input"),
        (model("m", "file", price={"input": 1, "output": "1"}), "price.input"),
        (model("m", "file", modes=[]), "modes"),
        (model("auto", "file"), "name"),
        (Stored("model", "m", {"price": PRICE, "routes": [{"upstream": "file", "model": "bug"}]}), "routes"),
        (Stored("model", "m", {"routes": 7}), "price"),
    ],
)
def test_what_is_wrong_is_left_out_and_says_where(stored: Stored, field: str):
    found = offer(stored, model("fine", "file"))
    assert told(found)[stored.name] == (False, [field])
    assert all(each.text and "\n" not in each.text for each in found.found[2].faults)
    assert names(found) == ["chat", "fine"]


def test_what_leads_to_something_wrong_goes_on_without_it():
    found = offer(
        up("gone", "nobody"),
        model("one", "gone"),
        model("both", "gone", "file", fallbacks=["one", "chat", "both"]),
        model("last", "file", fallbacks=["one"]),
    )
    assert names(found) == ["chat", "both", "last"]
    assert [route.upstream for route in found.catalogue.find("both").routes] == ["file"]
    assert found.catalogue.find("both").fallbacks == ("chat",)
    assert found.catalogue.find("last").fallbacks == ()
    assert told(found)["one"] == (False, ["routes[0].upstream"])
    assert told(found)["last"] == (True, ["fallbacks"])
    assert len(found.find("model", "both").table.routes) == 2  # as it is written


def test_a_missing_secret_matters_once_a_model_uses_the_upstream():
    lacking = msgspec.structs.replace(up("db"), keys=(StoredKey(1, reference="env:NOT_SET"),))
    assert told(offer(lacking)) == {"db": (True, [])}
    found = offer(lacking, model("m", "db"))
    assert told(found) == {"db": (False, ["keys"]), "m": (False, ["routes[0].upstream"])}
    file = msgspec.structs.replace(
        FILE, upstreams=[FILE_UP, Upstream(name="bare", vendor="acme", keys=["env:NOT_SET"])]
    )
    found = offer(model("m", "bare", "file"), file=file)
    assert told(found) == {"m": (True, ["routes[0].upstream"])}
    assert names(found) == ["chat", "m"]


def test_what_is_wrong_in_the_file_stops_the_start():
    lacking = Upstream(name="file", vendor="acme", keys=["env:NOT_SET"])
    with pytest.raises(SettingsError, match="NOT_SET"):
        offer(file=msgspec.structs.replace(FILE, upstreams=[lacking]))
    for wrong in (Upstream(name="x", vendor="nobody"), Upstream(name="x", vendor="own")):
        with pytest.raises(SettingsError, match='upstream "x"'):
            offer(file=msgspec.structs.replace(FILE, upstreams=[FILE_UP, wrong]))


def test_echo_is_there_until_somebody_has_a_model():
    nothing = Settings()
    assert names(offer(file=nothing)) == [ECHO]
    assert names(offer(up("db"), file=nothing)) == [ECHO]
    assert names(offer(up("db"), model("m", "db"), file=nothing)) == ["m"]
    assert names(offer(up("db", "nobody"), model("m", "db"), file=nothing)) == []
    blocked = {"acme": VENDORS["acme"]}
    assert names(offer(up("db"), file=nothing, vendors=blocked)) == []
    with pytest.raises(SettingsError, match="echo is blocked"):
        Entries(nothing, {}, blocked, {}, SEAL).of(Supplied())
