"""A new password for who has forgotten the old one, by a link to the account's e-mail address."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from tornadogw.accounts.accounts import Accounts, normal_email
from tornadogw.accounts.letters import MINUTES, Post, writable
from tornadogw.accounts.logins import Logins, digest
from tornadogw.accounts.tries import Tries
from tornadogw.errors import UsageError
from tornadogw.store.ports import Account
from tornadogw.store.ports_people import Link, LinkStore

__all__ = ["BY", "Recovery"]

BY = "reset by mail"
"""Who changed the password, for the audit log."""
_LONGEST = 100
"""Characters of a token that are looked at."""


class Recovery:
    """Every method raises `UsageError` with what to do instead."""

    def __init__(
        self,
        links: LinkStore,
        accounts: Accounts,
        logins: Logins,
        tries: Tries,
        post: Post | None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._links, self._accounts, self._logins, self._tries = links, accounts, logins, tries
        self._post, self._now = post, now

    @property
    def by_mail(self) -> bool:
        """Whether letters are sent; else an operator makes a new password."""
        return self._post is not None

    async def forgot(self, email: str, *, language: str | None = None, address: str = "") -> None:
        """Write to the account with this address. The same is done and answered if there is none."""
        if self._post is None:
            raise UsageError("no mail is sent here: ask the operator", zh="这里不发送邮件：请联系运营者")
        subject = writable(normal_email(email))
        await self._tries.allow("mail", subject, address)
        account = await self._accounts.find(subject)
        known = account if account is not None and account.active else None
        mark = await self._accounts.mark("" if known is None else known.id)
        token = secrets.token_urlsafe(32)
        what = {"account": "" if known is None else known.id, "mark": mark, "email": subject}
        await self._links.add(Link(id=digest(token), kind="reset", ends=self._now() + MINUTES * 60, what=what))
        if known is not None:
            self._post.reset(known.email, token, known.language or language)

    async def works(self, token: str) -> bool:
        """Whether `reset` would take it; looking uses nothing up: programs that look for harm in mails do so."""
        link = await self._links.find("reset", digest(token[:_LONGEST]))
        return link is not None and await self._whose(link) is not None

    async def reset(self, token: str, password: str) -> Account:
        """The account has another password and is logged out everywhere; other links to it are of no use any more."""
        if not await self.works(token):  # before what costs much: nobody counts who tries
            raise _no_link()
        hashed = await self._accounts.hashed(password)
        link = await self._links.take("reset", digest(token[:_LONGEST]))
        account = None if link is None else await self._whose(link)
        if account is None:
            raise _no_link()
        changed = await self._accounts.set_hashed(account, hashed, by=BY)
        await self._logins.end_all(account)
        return changed

    async def _whose(self, link: Link) -> Account | None:
        """None too once the password was changed in another way, or the address, to which the link was sent."""
        account = await self._accounts.by_id(link.what["account"])
        if account is None or not account.active or account.email != link.what.get("email", account.email):
            return None
        if await self._accounts.mark(account.id) != link.what["mark"]:
            return None
        return account


def _no_link() -> UsageError:
    return UsageError(
        "this link is unknown, was used or is over: ask for another",
        zh="这个链接不存在、已使用或已过期：请重新申请",
    )
