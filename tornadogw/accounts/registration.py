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
from tornadogw.accounts.letters import MINUTES, Post, writable
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
        self,
        links: LinkStore,
        accounts: Accounts,
        tries: Tries,
        mode: Mode,
        *,
        post: Post | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`post`: who writes to people, to see that an address is theirs; None: it is believed."""
        self._links, self._accounts, self._tries, self._now = links, accounts, tries, now
        self.mode, self._post = mode, post

    @property
    def confirms(self) -> bool:
        """Whether an account is made only when its e-mail address was seen to be right: `ask`, not `register`."""
        return self._post is not None

    async def register(
        self, email: str, password: str, *, invitation: str = "", language: str | None = None, address: str = ""
    ) -> Account:
        """A new account for who came from `address`. That an address is taken is said, so it may not be asked often."""
        self._open()
        subject = normal_email(email)
        await self._tries.allow("register", subject, address)
        if self._post is not None:
            raise UsageError("an address is confirmed by mail here", zh="这里需要通过邮件确认邮箱")
        hashed = await self._accounts.hashed(password)
        return await self._make(subject, hashed, language, digest(invitation.strip()[:_LONGEST]))

    async def ask(
        self, email: str, password: str, *, invitation: str = "", language: str | None = None, address: str = ""
    ) -> None:
        """Write to the address: a link that makes the account, or that there is one already.

        Either way the same is done and nothing is answered, so that nobody learns who has an account.
        """
        self._open()
        if self._post is None:
            raise UsageError("no mail is sent here", zh="这里不发送邮件")
        subject = writable(normal_email(email))
        await self._tries.allow("register", subject, address)
        await self._tries.allow("mail", subject, address)
        invited = digest(invitation.strip()[:_LONGEST])
        if self.mode == "invitation" and await self._links.find("invite", invited) is None:
            raise _no_invitation()
        what = {"email": subject, "pw": await self._accounts.hashed(password), "lang": language, "invite": invited}
        token = secrets.token_urlsafe(32)
        link = Link(id=digest(token), kind="register", ends=self._now() + MINUTES * 60, what=what)
        known = await self._accounts.find(subject)
        await self._links.add(link)
        if known is None:
            self._post.register(subject, token, language)
        else:
            self._post.taken(subject, known.language or language)  # whose token nobody learns

    async def asked(self, token: str) -> str:
        """The address for which a link makes an account, while it works; looking uses nothing up."""
        return str((await self._asked(token)).what["email"])

    async def confirm(self, token: str, password: str, *, address: str = "") -> Account:
        """The account that a link was for. `password`: the one chosen then, known only to who registered.

        Without it somebody could choose a password for another's address, and wait for them to open the link.
        """
        self._open()
        link = await self._asked(token)
        what = link.what
        await self._tries.allow("login", what["email"], address)
        if not await self._accounts.fits(what["pw"], password):
            raise UsageError(
                "this is not the password that was chosen: enter it again, or register again",
                zh="这不是注册时设置的密码：请重新输入，或者重新注册",
                field="password",
            )
        await self._tries.forgive("login", what["email"], address)
        if await self._links.take("register", link.id) is None:
            raise _no_link()
        try:
            return await self._make(what["email"], what["pw"], what["lang"], what["invite"])
        except UsageError:
            await self._links.give_back("register", link.id)
            raise

    async def _asked(self, token: str) -> Link:
        link = await self._links.find("register", digest(token[:_LONGEST]))
        if link is None:
            raise _no_link()
        return link

    def _open(self) -> None:
        if self.mode == "closed":
            raise UsageError("nobody can register here: ask the operator", zh="这里不开放注册：请联系运营者")

    async def _make(self, email: str, hashed: str | None, language: str | None, invited: str) -> Account:
        """The account. An invitation is used up by it, and only by it."""
        if self.mode == "open":
            return await self._accounts.create(email, hashed=hashed, language=language, by=BY)
        link = await self._links.take("invite", invited)
        if link is None:
            raise _no_invitation()
        try:
            return await self._accounts.create(email, hashed=hashed, language=language, by=f"{BY} {link.id[:_ID]}")
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
            uses=checked_count("uses", uses, _MOST_USES, zh="使用次数", field="uses") or 1,
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


def _no_link() -> UsageError:
    return UsageError(
        "this link is unknown, was used or is over: register again",
        zh="这个链接不存在、已使用或已过期：请重新注册",
    )


def _no_invitation() -> UsageError:
    return UsageError(
        "this invitation is unknown, used up or over: ask for another",
        zh="这个邀请码不存在、已用完或已过期：请另外索取",
        field="invitation",
    )
