from __future__ import annotations

import pytest

from tornadogw.errors import SettingsError
from tornadogw.settings.secrecy import MASK, is_reference, mask, resolve_secret


def test_a_literal_is_the_secret():
    assert resolve_secret("sk-1", {}) == "sk-1"


def test_an_environment_variable():
    assert resolve_secret("env:KEY", {"KEY": "sk-2"}) == "sk-2"


def test_a_file_without_its_line_end(tmp_path):
    (tmp_path / "k").write_text("sk-3\n")
    assert resolve_secret(f"file:{tmp_path}/k", {}) == "sk-3"


@pytest.mark.parametrize(
    ("ref", "sentence"),
    [
        ("", "a key is empty"),
        ("env:KEY", "`env:KEY`: the environment variable KEY is not set"),
        ("env:EMPTY", "`env:EMPTY`: the environment variable EMPTY is not set"),
        ("file:relative", "absolute path"),
        ("file:/nowhere/at/all", "`file:/nowhere/at/all`: the file cannot be read (No such file or directory)"),
        ("file:/tmp", "the file cannot be read (Is a directory)"),
    ],
)
def test_what_cannot_be_resolved_is_said(ref, sentence):
    with pytest.raises(SettingsError) as caught:
        resolve_secret(ref, {"EMPTY": ""})
    assert sentence in str(caught.value)


def test_an_empty_or_binary_file(tmp_path):
    for content, sentence in ((b"\n", "the file is empty"), (b"\xff\xfe", "not UTF-8 text")):
        (tmp_path / "k").write_bytes(content)
        with pytest.raises(SettingsError, match=sentence):
            resolve_secret(f"file:{tmp_path}/k", {})


def test_a_secret_pasted_behind_env_is_not_repeated():
    with pytest.raises(SettingsError) as caught:
        resolve_secret("env:sk-live-1234", {})
    assert "1234" not in str(caught.value)
    assert not is_reference("env:sk-live-1234")
    assert mask("keys", ["env:sk-live-1234"]) == [MASK]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("secret", "abc", MASK),
        ("secret", "", ""),
        ("secret", "file:/run/secrets/k", "file:/run/secrets/k"),
        ("keys", ["env:KEY", "sk-1"], ["env:KEY", MASK]),
        ("url", "mongodb://user:p@ss:w/ord@h1,h2/db", f"mongodb://{MASK}@h1,h2/db"),
        ("url", "mongodb://h/?tlsCertificateKeyFilePassword=abc&w=1", f"mongodb://h/?tlsCertificateKeyFilePassword={MASK}&w=1"),
        ("proxy", "http://token@proxy:3128", f"http://{MASK}@proxy:3128"),
        ("host", "127.0.0.1", "127.0.0.1"),
        ("max_tokens", 1000, 1000),
        ("key_per_minute", 100, 100),
        ("pin_secret", 1234, MASK),
        ("use_token", True, True),
        ("options", {"region": "eu", "apiKey": "x"}, {"region": "eu", "apiKey": MASK}),
        ("options", {"session-token": "y"}, {"session-token": MASK}),
        ("options", {"headers": {"Authorization": "Bearer x"}}, {"headers": {"Authorization": MASK}}),
        ("options", {"credentials": {"type": "x", "id": "y"}}, {"credentials": {"type": MASK, "id": MASK}}),
    ],
)  # fmt: skip
def test_mask(name, value, shown):
    assert mask(name, value) == shown
