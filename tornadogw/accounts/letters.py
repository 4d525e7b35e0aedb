"""What is written to people: each letter in both languages, with links to `server.public_url` and nowhere else."""

from __future__ import annotations

import re
from typing import Literal, Protocol
from urllib.parse import urlencode

import msgspec
from typing_extensions import override

from tornadogw.errors import UsageError

__all__ = ["MINUTES", "Letter", "Mailer", "Post", "writable"]

MINUTES = 30
"""For which a link in a letter works."""
_WRITABLE = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII)
_ENCODED = "=?"
"""Begins an encoded word (RFC 2047), which could hide a line break in a header."""

Words = tuple[str, str, str]
"""Subject, what is said, what else is said."""

Kind = Literal["register", "taken", "reset", "address", "address_taken", "address_changed"]

_WORDS: dict[Kind, dict[str, Words]] = {
    "register": {
        "en": (
            "Confirm your e-mail address",
            "Somebody, you we hope, wants an account for this address. Open this link and enter the password chosen:",
            "If it was not you, do nothing: no account is made.",
        ),
        "zh": (
            "请确认您的邮箱",
            "有人（希望是您）想用这个邮箱注册账户。请打开以下链接，并输入注册时设置的密码：",
            "如果不是您本人操作，请忽略本邮件：不会创建账户。",
        ),
    },
    "taken": {
        "en": (
            "You have an account already",
            "Somebody, you we hope, wanted an account for this address. There is one already; log in, or reset it:",
            "If it was not you, do nothing: nothing was changed.",
        ),
        "zh": (
            "您已有账户",
            "有人（希望是您）想用这个邮箱注册新账户，但账户已经存在。请登录；如果忘记了密码，可以重设：",
            "如果不是您本人操作，请忽略本邮件：没有任何改动。",
        ),
    },
    "reset": {
        "en": (
            "A new password",
            "Somebody, you we hope, has forgotten the password of your account. To choose a new one, open this link:",
            "If it was not you, do nothing: your password stays as it is.",
        ),
        "zh": (
            "重设密码",
            "有人（希望是您）忘记了您账户的密码。请打开以下链接设置新密码：",
            "如果不是您本人操作，请忽略本邮件：密码保持不变。",
        ),
    },
    "address": {
        "en": (
            "Confirm your new e-mail address",
            "Somebody, you we hope, wants this address for their account. Open this link and enter your password:",
            "If it was not you, do nothing: nothing is changed.",
        ),
        "zh": (
            "请确认您的新邮箱",
            "有人（希望是您）想把账户的邮箱改为这个地址。请打开以下链接，并输入您的密码：",
            "如果不是您本人操作，请忽略本邮件：不会有任何改动。",
        ),
    },
    "address_taken": {
        "en": (
            "You have an account already",
            "Somebody, you we hope, wanted this address for another account. There is one with it already:",
            "If it was not you, do nothing: nothing was changed.",
        ),
        "zh": (
            "您已有账户",
            "有人（希望是您）想把另一个账户的邮箱改为这个地址，但已有账户在使用它：",
            "如果不是您本人操作，请忽略本邮件：没有任何改动。",
        ),
    },
    "address_changed": {
        "en": (
            "Your e-mail address was changed",
            "Your account has another e-mail address now, and this one is not used for it any more. Log in here:",
            "If it was not you, tell the operator at once.",
        ),
        "zh": (
            "您的邮箱已更改",
            "您的账户已改用另一个邮箱，这个地址不再使用。登录地址：",
            "如果不是您本人操作，请立即联系运营者。",
        ),
    },
}
_WORKS = {
    "en": f"The link works once, for {MINUTES} minutes.",
    "zh": f"链接只能使用一次，{MINUTES} 分钟内有效。",
}


class Letter(msgspec.Struct, frozen=True):
    """One mail in plain text."""

    to: str
    subject: str
    text: str

    @override
    def __repr__(self) -> str:
        return f"Letter(subject={self.subject!r}, text=<masked>)"


class Mailer(Protocol):
    """Who carries letters."""

    def send(self, letter: Letter) -> None:
        """Takes it and returns at once; whether it arrives is not known."""


def writable(email: str) -> str:
    """An address to which a letter can be sent whole, without a trick in its header. Raises `UsageError`."""
    if not _WRITABLE.fullmatch(email) or _ENCODED in email:
        raise UsageError(
            "no mail can be sent to this address: take one of ASCII letters and digits",
            zh="无法向这个邮箱发送邮件：请使用只含 ASCII 字母和数字的邮箱",
            field="email",
        )
    return email


class Post:
    """Writes the letters of one deployment."""

    def __init__(self, mailer: Mailer, public_url: str, title: str) -> None:
        self._mailer, self._base, self._title = mailer, public_url.rstrip("/"), " ".join(title.split())

    def register(self, email: str, token: str, language: str | None) -> None:
        self._write("register", email, language, f"/confirm?{urlencode({'token': token})}", works=True)

    def taken(self, email: str, language: str | None) -> None:
        self._write("taken", email, language, "/login", works=False)

    def reset(self, email: str, token: str, language: str | None) -> None:
        self._write("reset", email, language, f"/reset?{urlencode({'token': token})}", works=True)

    def address(self, email: str, token: str, language: str | None) -> None:
        self._write("address", email, language, f"/email?{urlencode({'token': token})}", works=True)

    def address_taken(self, email: str, language: str | None) -> None:
        self._write("address_taken", email, language, "/login", works=False)

    def address_changed(self, email: str, language: str | None) -> None:
        self._write("address_changed", email, language, "/login", works=False)

    def _write(self, kind: Kind, email: str, language: str | None, path: str, *, works: bool) -> None:
        spoken = "zh" if language == "zh" else "en"
        subject, said, else_said = _WORDS[kind][spoken]
        parts = [said, f"{self._base}{path}", *([_WORKS[spoken]] if works else []), else_said, self._title]
        self._mailer.send(Letter(writable(email), f"{self._title}: {subject}", "\n\n".join(parts) + "\n"))
