from __future__ import annotations

import pytest

from tornadogw.accounts.supply_shown import audited, hint, shown
from tornadogw.entries import Fault, Found
from tornadogw.settings import Model, PriceRow, Route, Upstream
from tornadogw.store.ports_supply import Stored, StoredKey

KEY = "sk-0123456789-abcd"
OPTIONS = {"region": "eu", "client_secret": "quite secret"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (KEY, "…abcd"),
        ("short-key", "…"),
        ("0123456789abcde", "…"),
        ("env:NAME", "env:NAME"),
        ("file:/run/k", "file:/run/k"),
        ("env:no such name!!", "…me!!"),
    ],
)
def test_of_a_key_the_last_four_characters_at_most(text: str, told: str) -> None:
    assert hint(text) == told


def test_nothing_secret_is_shown_of_an_upstream() -> None:
    table = Upstream(
        name="up", vendor="v", keys=[KEY, "env:K"], proxy="http://me:secret@proxy:1", options=OPTIONS, weight=2
    )
    stored = Stored(
        "upstream", "up", {}, (StoredKey(2, sealed=b"x"), StoredKey(5, reference="env:K")), revision=3, by="olga"
    )
    one = shown(Found("upstream", "up", "database", table, stored=stored))
    assert [(key.name, key.text) for key in one.keys] == [("up#2", "…abcd"), ("up#5", "env:K")]
    assert one.fields["options"] == {"region": "eu", "client_secret": "****"}
    assert one.fields["proxy"] == "http://****@proxy:1"
    assert (one.fields["weight"], one.fields["queue"], one.editable, one.by) == (2, 100, True, "olga")
    assert not {"keys", "name"} & one.fields.keys()
    assert "secret@" not in str(one)
    assert KEY not in str(one)
    file = shown(Found("upstream", "up", "/etc/gw.toml:3", table))
    assert [key.name for key in file.keys] == ["up#1", "up#2"]
    assert (file.editable, file.revision) == (False, 0)


def test_what_cannot_be_read_is_shown_as_it_is_written() -> None:
    stored = Stored("upstream", "up", {"wieght": 1}, (StoredKey(1, sealed=b"x"), StoredKey(2, reference="env:K")))
    fault = Fault("wieght", "wieght is no setting")
    one = shown(Found("upstream", "up", "database", None, False, (fault,), stored))
    assert (one.fields, one.faults, one.counts) == ({"wieght": 1}, (fault,), False)


def test_a_model_has_the_words_of_the_settings() -> None:
    table = Model(name="m", price=PriceRow(input="1", output="2"), routes=[Route(upstream="up", model="r")], auto=3)
    one = shown(Found("model", "m", "database", table, stored=Stored("model", "m", {}, revision=1)))
    assert one.fields["price"]["output"] == "2"
    assert one.fields["routes"][0]["upstream"] == "up"
    assert (one.fields["auto"], one.keys) == (3, ())
    assert "context" not in one.fields  # it has no value


def test_the_audit_log_has_no_secret_either() -> None:
    assert audited(None, {}) == {}
    stored = Stored("upstream", "up", {"base_url": "http://me:word@up"})
    line = audited(stored, {"options": OPTIONS})
    assert line == {"base_url": "http://****@up", "options": '{"region":"eu","client_secret":"****"}'}
