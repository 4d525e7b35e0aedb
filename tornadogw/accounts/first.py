"""The first start: an owner who can log in, and a key that works at once."""

from __future__ import annotations

import secrets

import msgspec
from typing_extensions import override

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.keys import Keys
from tornadogw.errors import UsageError

__all__ = ["OWNER", "Welcome", "welcome"]

BY = "first start"
OWNER = "owner@tornadogw.local"
"""Until somebody makes another owner; no mail is ever sent to it."""


class Welcome(msgspec.Struct, frozen=True):
    """What the first start tells the operator, once: both secrets are stored as hashes only."""

    email: str
    password: str
    key: str

    @override
    def __repr__(self) -> str:
        return f"Welcome(email={self.email!r}, password=<masked>, key=<masked>)"


async def welcome(accounts: Accounts, keys: Keys) -> Welcome | None:
    """Make the owner and a key if there is no owner yet; None: there is one, or another process was first."""
    if await accounts.search(role="owner", limit=1):
        return None
    password = secrets.token_urlsafe(12)
    try:
        owner = await accounts.create(OWNER, password=password, role="owner", by=BY)
    except UsageError:
        return None
    key = await keys.create(owner.email, label="first start", by=BY)
    return Welcome(owner.email, password, key.text)
