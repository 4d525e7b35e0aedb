"""What the pages and the admin API need from MongoDB: who is logged in, which tokens programs have, what was tried too
often, and links that work once.

As in `ports`: every method may raise `StoreUnavailable`, moments are Unix seconds. No token is stored, only its digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from tornadogw.store.ports import Account, Entry
from tornadogw.types import Value

__all__ = [
    "AdminToken",
    "AdminTokenStore",
    "Factor",
    "FactorStore",
    "Identity",
    "IdentityStore",
    "Link",
    "LinkKind",
    "LinkStore",
    "Login",
    "LoginStore",
    "TriesStore",
]

LinkKind = Literal["invite", "register", "reset", "email"]


class Login(Value, frozen=True):
    """Somebody who has logged in, at one browser."""

    id: str
    """Digest of the token that the browser has: who learns it cannot log in with it."""
    account_id: str
    created: float
    seen: float
    """Right to a minute."""
    ends: float
    address: str = ""
    agent: str = ""
    """What the browser calls itself."""
    by: str = ""
    """E-mail address of the operator who is logged in as somebody else; empty: it is the account's own."""


class LoginStore(Protocol):
    """Who is logged in."""

    async def add(self, login: Login, entry: Entry | None, *, own: str = "") -> None:
        """`entry`: for the audit log, when an operator logs in as somebody else; `own`: id of that one's own login."""

    async def find(self, login_id: str) -> tuple[Login, Account, Account | None] | None:
        """A login that has not ended, whose it is, and, if that is somebody else's, the operator while the operator's
        own login has not ended. Notes that it was seen.
        """

    async def of_account(self, account_id: str) -> Sequence[Login]:
        """Those that have not ended, the newest first."""

    async def remove(self, account_id: str, login_id: str) -> bool:
        """False: the account has no such login."""

    async def remove_all(self, account_id: str, *, but: str = "") -> None:
        """Log the account out everywhere, except at `but`."""


class TriesStore(Protocol):
    """Counts what must not be tried too often."""

    async def count(self, names: Sequence[str], seconds: float) -> Sequence[int]:
        """One more try for each of `names`, in windows that begin with the first try; what each has now."""

    async def clear(self, name: str) -> None:
        """Forget the tries of `name`."""


class Link(Value, frozen=True):
    """What a link or code that was sent to somebody stands for."""

    id: str
    """Digest of its token."""
    kind: LinkKind
    ends: float
    uses: int = 1
    """How often it may still be used."""
    what: Mapping[str, Any] = {}
    """What it is for: an account, an e-mail address."""


class LinkStore(Protocol):
    """Links that work once, or so many times."""

    async def add(self, link: Link, entry: Entry | None = None) -> None: ...

    async def find(self, kind: LinkKind, link_id: str) -> Link | None:
        """It, while it works."""

    async def take(self, kind: LinkKind, link_id: str) -> Link | None:
        """Use it: of many who do so at the same time as many succeed as it has uses."""

    async def give_back(self, kind: LinkKind, link_id: str) -> None:
        """It was taken in vain."""

    async def of_kind(self, kind: LinkKind) -> Sequence[Link]:
        """Those that work, the one that ends first at the front."""

    async def remove(self, kind: LinkKind, link_id: str, entry: Entry | None = None) -> bool:
        """False: there is none."""


class AdminToken(Value, frozen=True):
    """What a program has that uses the admin API: without its text, of which only the digest is stored."""

    id: str
    account_id: str
    """Whose rights it has, at most: who made it."""
    label: str = ""
    scopes: tuple[str, ...] = ()
    expires: float | None = None
    created: float = 0.0
    used: float | None = None
    """When it was last used, right to a minute; None: never."""
    revoked: float | None = None
    """Since when it is good for nothing."""


class AdminTokenStore(Protocol):
    """Tokens of the admin API, known by their digest."""

    async def add(self, token: AdminToken, digest: str, entry: Entry) -> None: ...

    async def find(self, digest: str) -> tuple[AdminToken, Account] | None:
        """The token with this digest, whatever became of it, and whose it is. Notes that it was used, if it is good."""

    async def list(self, account_id: str | None) -> Sequence[AdminToken]:
        """Those of the account, None: all; the newest first, a thousand at most."""

    async def revoke(self, token_id: str, entry: Entry) -> AdminToken | None:
        """From now on it is good for nothing. None: there is no such token."""


class Factor(Value, frozen=True):
    """The second factor of an account."""

    account_id: str
    sealed: bytes
    """The secret, encrypted."""
    counter: int
    """Of the last code that was used: no code works twice."""
    recovery: tuple[str, ...] = ()
    """Digests of the recovery codes that were not used."""
    since: float = 0.0


class FactorStore(Protocol):
    """Second factors, one an account at most."""

    async def find(self, account_id: str) -> Factor | None: ...

    async def put(self, factor: Factor, entry: Entry) -> None: ...

    async def remove(self, account_id: str, entry: Entry) -> bool:
        """False: there is none."""

    async def use_counter(self, account_id: str, counter: int) -> bool:
        """False: this code or a later one was used before."""

    async def use_recovery(self, account_id: str, digest: str, entry: Entry) -> bool:
        """False: there is no such code, or it was used."""


class Identity(Value, frozen=True):
    """Who an OpenID provider says that somebody is."""

    issuer: str
    subject: str
    """The provider's own name of that person: never given to another one."""
    email: str = ""
    verified: bool = False
    """Whether the provider has seen that the address is theirs."""


class IdentityStore(Protocol):
    """Which accounts belong to which identities: an account to one of each provider at most."""

    async def find(self, identity: Identity) -> str | None:
        """The account's id; None: nobody is linked."""

    async def has(self, account_id: str, issuer: str) -> bool:
        """Whether the account is linked to anybody of this provider."""

    async def add(self, identity: Identity, account_id: str, entry: Entry) -> bool:
        """False: the identity or the account has another already."""

    async def remove(self, account_id: str, issuer: str, entry: Entry) -> bool:
        """Link the account to nobody of this provider, and remember that. False: it was linked to nobody."""

    async def removed(self, account_id: str, issuer: str) -> bool:
        """Whether the account was linked, and has been linked to nobody since."""
