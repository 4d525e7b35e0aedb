"""New accounts that people make themselves: by anybody, by who has an invitation, or not at all."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from typing_extensions import override

from tornadogw.accounts.accounts import Accounts, normal_email
from tornadogw.accounts.checks import checked_count, parse_duration
from tornadogw.accounts.logins import digest
from tornadogw.accounts.tries import Tries
from tornadogw.errors import NotThere, UsageError
from tornadogw.store.ports import Account, Entry
from tornadogw.store.ports_people import Link, LinkStore

__all__ = ["Mode", "NewInvitation", "Registration"]

Mode = Literal["open", "invitation", "closed"]
BY = "registration"
_MOST_USES = 100_000
_ID = 12
"""Characters of a digest by which people name an invitation."""
_LONGEST = 100
"""Characters of an invitation that are looked at."""


class NewInvitation(msgspec.Struct, frozen=True):
    """An invitation and its code, for the one time it is shown."""

    link: Link
    code: str

    @override
    def __repr__(self) -> str:
        return f"NewInvitation(link={self.link!r}, code=<masked>)"


class Registration:
    """Every method raises `UsageError` with what to do instead."""

    def __init__(
        self, links: LinkStore, accounts: Accounts, tries: Tries, mode: Mode, *, now: Callable[[], float] = time.time
    ) -> None:
        self._links, self._accounts, self._tries, self.mode, self._now = links, accounts, tries, mode, now

    async def register(
        self, email: str, password: str, *, invitation: str = "", language: str | None = None, address: str = ""
    ) -> Account:
        """A new account for who came from `address`. That an address is taken is said, so it may not be asked often."""
        if self.mode == "closed":
            raise UsageError("nobody can register here: ask the operator", zh="这里不开放注册：请联系运营者")
        subject = normal_email(email)
        await self._tries.allow("register", subject, address)
        if self.mode == "open":
            return await self._accounts.create(subject, password=password, language=language, by=BY)
        link = await self._links.take("invite", digest(invitation.strip()[:_LONGEST]))
        if link is None:
            raise _no_invitation()
        by = f"{BY} {link.id[:_ID]}"
        try:
            return await self._accounts.create(subject, password=password, language=language, by=by)
        except UsageError:
            await self._links.give_back("invite", link.id)
            raise

    async def invite(self, *, uses: int = 1, expires: str = "30d", by: str = "") -> NewInvitation:
        """A code with which `uses` people may register."""
        code = secrets.token_urlsafe(12)
        link = Link(
            id=digest(code),
            kind="invite",
            ends=self._now() + parse_duration(expires),
            uses=checked_count("uses", uses, _MOST_USES) or 1,
            what={"by": by},
        )
        await self._links.add(link, self._entry("invitation.create", link, by))
        return NewInvitation(link, code)

    async def invitations(self) -> Sequence[Link]:
        """Those that still work."""
        return await self._links.of_kind("invite")

    async def withdraw(self, link_id: str, *, by: str = "") -> None:
        """It works no more. `link_id`: its beginning is enough."""
        full = next(
            (each.id for each in await self.invitations() if len(link_id) >= _ID and each.id.startswith(link_id)), ""
        )
        entry = Entry(by=by, act="invitation.withdraw", at=self._now(), subject=full[:_ID])
        if not full or not await self._links.remove("invite", full, entry):
            raise NotThere("there is no such invitation", zh="没有这个邀请码")

    def _entry(self, act: str, link: Link, by: str) -> Entry:
        after = {"uses": link.uses, "ends": int(link.ends)}
        return Entry(by=by, act=act, at=self._now(), subject=link.id[:_ID], after=after)


def _no_invitation() -> UsageError:
    return UsageError(
        "this invitation is unknown, used up or over: ask for another",
        zh="这个邀请码不存在、已用完或已过期：请另外索取",
        field="invitation",
    )
