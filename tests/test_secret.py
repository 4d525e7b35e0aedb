from __future__ import annotations

import hashlib
import hmac
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw import secret as room
from tornadogw.errors import SettingsError
from tornadogw.secret import Secret, load_secret

TEXT = "0123456789abcdef"


def hkdf(material: bytes, info: bytes, size: int) -> bytes:
    """RFC 5869 with SHA-256 and no salt, up to 32 bytes."""
    key = hmac.digest(bytes(32), material, hashlib.sha256)
    return hmac.digest(key, info + b"\x01", hashlib.sha256)[:size]


# --- keys ------------------------------------------------------------------------------------------------------------


@given(st.text(min_size=16))
def test_keys_are_derived_as_the_rfc_says(text: str) -> None:
    secret, material = Secret(text), text.encode(errors="surrogateescape")
    assert secret.key_hash_key == hkdf(material, b"tornadogw/key-hash/1", 32)
    assert secret.fingerprint == hkdf(material, b"tornadogw/fingerprint/1", 8).hex()


def test_the_derivation_never_changes() -> None:
    """If this fails, every API key of every gateway would stop working."""
    assert Secret(TEXT).key_hash_key.hex() == "d85fc42e3c0a95c95404bc28f4afb3089bc62b03adb7575322a1bdf3681d0e9a"
    assert Secret(TEXT).fingerprint == "00eb258b09d2d9bc"


def test_each_label_has_its_own_key() -> None:
    secret = Secret(TEXT)
    assert len({secret.derive("a"), secret.derive("b"), secret.key_hash_key, secret.derive("fingerprint/1")}) == 4
    assert secret.derive("a") == Secret(TEXT).derive("a") != Secret(TEXT + "0").derive("a")


def test_nothing_shows_it() -> None:
    secret = Secret(TEXT)
    shown = f"{secret!r} {secret} {secret.fingerprint}"
    assert TEXT not in shown
    assert secret.key_hash_key.hex()[:16] not in shown


# --- where it comes from ---------------------------------------------------------------------------------------------


def test_it_is_made_once_for_us_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = load_secret("", data)
    assert load_secret("", data).key_hash_key == first.key_hash_key
    assert stat.S_IMODE((data / "secret").stat().st_mode) == 0o600
    assert [each.name for each in data.iterdir()] == ["secret"]
    assert load_secret("", tmp_path / "other").fingerprint != first.fingerprint


def test_the_files_text_is_what_another_node_sets(tmp_path: Path) -> None:
    made = load_secret("", tmp_path)
    text = (tmp_path / "secret").read_text().strip()
    assert load_secret(text, tmp_path / "elsewhere").fingerprint == made.fingerprint
    assert not (tmp_path / "elsewhere").exists()


def test_many_at_once_agree(tmp_path: Path) -> None:
    prints: list[str] = []
    gate = threading.Barrier(8)

    def load() -> None:
        gate.wait()
        prints.append(load_secret("", tmp_path).fingerprint)

    threads = [threading.Thread(target=load) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(prints) == 8
    assert len(set(prints)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_secret("", tmp_path)
    (tmp_path / "secret").chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_secret("", tmp_path)


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_secret("", tmp_path)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(SettingsError, match="belong to user 12345"):
        load_secret("", tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_secret("", tmp_path)


@pytest.mark.parametrize("text", ["", "   \n", "short", "x" * (room.SHORTEST - 1)])
def test_a_short_one_is_refused_and_not_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="shorter than 16") as caught:
        load_secret("", tmp_path)
    assert "short\n" not in str(caught.value)
    assert "xxx" not in str(caught.value)


def test_a_short_setting_is_refused_and_not_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"`server\.secret` is shorter") as caught:
        load_secret("hunter2", tmp_path)
    assert "hunter2" not in str(caught.value)


def test_each_purpose_has_a_key_of_its_own():
    secret = Secret("x" * 32)
    assert len({secret.key_hash_key, secret.code_hash_key, bytes.fromhex(secret.fingerprint)}) == 3
    assert secret.code_hash_key == Secret("x" * 32).code_hash_key
