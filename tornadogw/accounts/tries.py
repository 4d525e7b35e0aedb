"""What may not be tried too often: passwords, registrations, codes. Counted for all processes as one.

Who tries passwords from one address is stopped there; an account is closed to everybody only after many more, so that
nobody can lock its owner out with a handful.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

from tornadogw.errors import UsageError
from tornadogw.store.ports_people import TriesStore

__all__ = ["TooMany", "Tries"]

What = Literal["login", "register", "mail", "code", "token", "totp", "oidc"]

WINDOW = 900.0
"""Seconds in which tries are counted, from the first."""
MOST: Mapping[What, tuple[int, int, int]] = {
    "login": (10, 60, 200),
    "register": (10, 10, 10),
    "mail": (3, 10, 5),
    "code": (20, 40, 20),
    "token": (30, 30, 30),
    "totp": (10, 60, 10),
    "oidc": (60, 600, 600),
}
"""How often in a window: by one address for one account, by one address at all, for one account by anybody."""


class TooMany(UsageError):
    """It was tried too often: wait."""

    def __init__(self) -> None:
        minutes = int(WINDOW // 60)
        super().__init__(
            f"too many tries: wait {minutes} minutes, then try again", zh=f"尝试次数过多：请等待 {minutes} 分钟后再试"
        )


class Tries:
    """Counts tries before they are made, so that many at the same time are as many."""

    def __init__(self, store: TriesStore) -> None:
        self._store = store

    async def allow(self, what: What, subject: str, address: str) -> None:
        """Count a try for `subject`, an account or an e-mail address, known or not. Raises `TooMany`."""
        counts = await self._store.count(_names(what, subject, address), WINDOW)
        if any(count > most for count, most in zip(counts, MOST[what], strict=True)):
            raise TooMany

    async def forgive(self, what: What, subject: str, address: str) -> None:
        """It was right: what this address tried for this subject is forgotten."""
        await self._store.clear(_names(what, subject, address)[0])


def _names(what: What, subject: str, address: str) -> Sequence[str]:
    """Digests: what somebody typed into a form, maybe a password into the wrong field, is not stored."""
    both = hashlib.sha256(f"{subject}\n{address}".encode()).hexdigest()
    alone = hashlib.sha256(subject.encode()).hexdigest()
    return f"{what} both {both}", f"{what} from {address}", f"{what} for {alone}"
