from __future__ import annotations

import pytest
from typing_extensions import override

from tornadogw.accounts.letters import Letter, Mailer, Post, writable
from tornadogw.errors import UsageError


class Kept(Mailer):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    @override
    def send(self, letter: Letter) -> None:
        self.letters.append(letter)


def test_links_lead_to_the_public_address_in_the_readers_language() -> None:
    kept = Kept()
    post = Post(kept, "https://gw.example/", "My\ngateway")
    post.reset("ann@example.com", "a+b", "zh")
    post.register("ann@example.com", "token", None)
    post.taken("ann@example.com", "en")
    assert [each.text.count("https://gw.example/") for each in kept.letters] == [1, 1, 1]
    assert "https://gw.example/reset?token=a%2Bb\n" in kept.letters[0].text
    assert "https://gw.example/confirm?token=token\n" in kept.letters[1].text
    assert [each.subject for each in kept.letters] == [
        "My gateway: 重设密码",
        "My gateway: Confirm your e-mail address",
        "My gateway: You have an account already",
    ]
    assert "token" not in kept.letters[2].text


def test_only_plain_addresses_are_written_to() -> None:
    assert writable("o'neil+x=y@example.com") == "o'neil+x=y@example.com"
    for text in ("安@example.com", "=?a?=@example.com", "a b@example.com", "a@b\r\nc"):
        with pytest.raises(UsageError):
            writable(text)
