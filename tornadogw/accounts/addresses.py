"""Another e-mail address for an account: by who owns it and confirms the new one, or by an operator.

Who asks for it gives the password, and once more when the link in the letter to the new address is opened: so that
nobody gives an account an address that is another's, and nobody who opens a stranger's link gives away theirs. Whether
there is an account with the new address is told to nobody but in a letter to it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress

from tornadogw.accounts.accounts import Accounts, normal_email
from tornadogw.accounts.first import OWNER
from tornadogw.accounts.letters import MINUTES, Post, writable
from tornadogw.accounts.logins import Logins, digest
from tornadogw.accounts.own import Own
from tornadogw.accounts.tries import Tries
from tornadogw.errors import UsageError
from tornadogw.store.ports import Account
from tornadogw.store.ports_people import Link, LinkStore

__all__ = ["Addresses"]

_LONGEST = 100
"""Characters of a token that are looked at."""


class Addresses:
    """Every method raises `UsageError` with what to do instead."""

    def __init__(
        self,
        links: LinkStore,
        accounts: Accounts,
        logins: Logins,
        own: Own,
        tries: Tries,
        post: Post | None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`post`: who writes to people; None: only operators change addresses."""
        self._links, self._accounts, self._logins, self._own = links, accounts, logins, own
        self._tries, self._post, self._now = tries, post, now

    @property
    def by_mail(self) -> bool:
        """Whether people change their own."""
        return self._post is not None

    async def ask(
        self, account: Account, password: str, email: str, *, language: str | None = None, address: str = ""
    ) -> str:
        """Write to the new address, which is returned. The same is done and answered if it is another account's."""
        if self._post is None:
            raise UsageError("no mail is sent here: ask the operator", zh="这里不发送邮件：请联系运营者")
        await self._own.prove(account, password, address=address)
        new = writable(normal_email(email))
        if new == account.email:
            raise UsageError("this is your address already", zh="这已经是您的邮箱", field="email")
        await self._tries.allow("mail", new, address)
        token, mark = secrets.token_urlsafe(32), await self._accounts.mark(account.id)
        what = {"account": account.id, "old": account.email, "email": new, "mark": mark}
        known = await self._accounts.find(new)
        await self._links.add(Link(id=digest(token), kind="email", ends=self._now() + MINUTES * 60, what=what))
        if known is None:
            self._post.address(new, token, account.language or language)
        else:
            self._post.address_taken(new, known.language or language)  # the link's token nobody learns
        return new

    async def asked(self, token: str) -> str:
        """The address that a link is about, while it works; looking uses nothing up."""
        link, _ = await self._asked(token)
        return str(link.what["email"])

    async def confirm(self, token: str, password: str, *, login_id: str = "", address: str = "") -> Account:
        """The account has the new address, and every login but `login_id` is over."""
        link, account = await self._asked(token)
        await self._own.prove(account, password, address=address)
        if await self._links.take("email", link.id) is None:
            raise _no_link()
        try:
            return await self.change(account, link.what["email"], login_id=login_id, by=account.email)
        except UsageError:
            await self._links.give_back("email", link.id)
            raise

    async def change(self, account: Account, email: str, *, login_id: str = "", by: str = "") -> Account:
        """At once. Every login but `login_id` is over, and the old address is written to, if anybody is."""
        changed = await self._accounts.set_email(account, email, by=by)
        if changed.email != account.email:
            await self._logins.end_all(account, but=login_id)
            if self._post is not None and account.email != OWNER:
                with suppress(UsageError):  # nobody can write there
                    self._post.address_changed(account.email, account.language)
        return changed

    async def _asked(self, token: str) -> tuple[Link, Account]:
        """Nothing of what it rests on has changed since: neither address nor password."""
        link = await self._links.find("email", digest(token[:_LONGEST]))
        account = None if link is None else await self._accounts.by_id(link.what["account"])
        if link is None or account is None or not account.active or account.email != link.what["old"]:
            raise _no_link()
        if await self._accounts.mark(account.id) != link.what["mark"]:
            raise _no_link()
        return link, account


def _no_link() -> UsageError:
    return UsageError(
        "this link is unknown, was used or is over: ask for another",
        zh="这个链接不存在、已使用或已过期：请重新申请",
    )
