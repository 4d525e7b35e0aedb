from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.seals import Broken, Seal

KEY = os.urandom(32)


@given(st.text(st.characters(codec="utf-8")))
def test_what_was_sealed_for_a_place_opens_there(text: str) -> None:
    seal = Seal(KEY)
    sealed = seal.close(text, "upstream/a/key/1")
    assert Seal(KEY).open(sealed, "upstream/a/key/1") == text
    assert sealed != seal.close(text, "upstream/a/key/1")  # equal secrets do not look alike


def test_it_opens_nowhere_else() -> None:
    sealed = Seal(KEY).close("sk-secret", "here")
    assert b"sk-secret" not in sealed
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    tries = [(Seal(KEY), sealed, "there"), (Seal(os.urandom(32)), sealed, "here"), (Seal(KEY), changed, "here")]
    for seal, found, place in (*tries, (Seal(KEY), sealed[:5], "here"), (Seal(KEY), b"", "here")):
        with pytest.raises(Broken, match="this gateway's secret"):
            seal.open(found, place)


def test_a_secret_from_the_environment_may_be_no_text() -> None:
    odd = b"sk-\xff".decode(errors="surrogateescape")
    assert Seal(KEY).open(Seal(KEY).close(odd, "p"), "p") == odd


def test_it_shows_no_key() -> None:
    assert repr(Seal(KEY)) == "Seal()"
