"""Whose account it is that an OpenID provider vouches for: the linked one, that with the same address, a new one.

An address links an account only where it is known to be its owner's. Otherwise whoever registers another's address
first would share the account with them; and whoever rules the provider would be an operator here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tornadogw.accounts.accounts import Accounts, normal_email
from tornadogw.accounts.logins import may
from tornadogw.errors import Conflict, UsageError
from tornadogw.settings import Settings
from tornadogw.store.ports import Account, Entry
from tornadogw.store.ports_people import Identity, IdentityStore

__all__ = ["Identities"]

BY = "registration"


class Identities:
    """Every method raises `UsageError` with what to do instead."""

    def __init__(
        self, store: IdentityStore, accounts: Accounts, settings: Settings, *, now: Callable[[], float] = time.time
    ) -> None:
        self._store, self._accounts, self._now = store, accounts, now
        self._oidc, self._mode = settings.oidc, settings.portal.registration
        self._proven = bool(settings.mail.host) or self._mode == "closed"
        """Whether nobody can have registered with another's address."""

    async def linked(self, account: Account) -> bool:
        """Whether the account belongs to somebody at the provider."""
        return bool(self._oidc.issuer) and await self._store.has(account.id, self._oidc.issuer)

    async def unlink(self, account: Account, *, by: str = "") -> None:
        """The provider lets nobody in to the account any more, until it is linked by hand; its password does."""
        if not account.has_password:
            raise UsageError(
                "this account has no password: nobody could log in any more",
                zh="该账户没有密码：解除关联后将无法登录",
            )
        issuer = self._oidc.issuer
        entry = Entry(by=by, act="account.unlink", at=self._now(), account_id=account.id, subject=issuer)
        if not issuer or not await self._store.remove(account.id, issuer, entry):
            raise UsageError("this account is not linked", zh="该账户没有关联")

    async def account(self, identity: Identity, *, language: str | None = None, mine: Account | None = None) -> Account:
        """The account, linked from now on. `mine`: whose owner is logged in at the browser already."""
        self._welcome(identity)
        linked = await self._store.find(identity)
        account = None if linked is None else await self._accounts.by_id(linked)
        if account is None:
            account = await self._by_email(identity, language, mine)
        if not account.active:
            raise _disabled()
        return account

    def _welcome(self, identity: Identity) -> None:
        allowed = [domain.lower() for domain in self._oidc.allow]
        domain = identity.email.strip().lower().rpartition("@")[2]
        if allowed and not (identity.verified and domain in allowed):
            raise UsageError("e-mail addresses of your domain may not log in here", zh="您的邮箱域名不允许在此登录")

    async def _by_email(self, identity: Identity, language: str | None, mine: Account | None) -> Account:
        if not (identity.verified and identity.email):
            raise UsageError(
                "the provider does not say that your e-mail address is yours: confirm it there first",
                zh="登录服务未确认您的邮箱：请先在那里验证邮箱",
            )
        email = normal_email(identity.email)
        account = await self._accounts.find(email)
        if account is None:
            account = await self._new(email, language)
        elif not account.active:
            raise _disabled()
        elif await self._needs_proof(account) and (mine is None or mine.id != account.id):
            raise UsageError(
                "there is an account with your address: log in with its password, then link it at /console/account",
                zh="已有使用您邮箱的账户：请先用密码登录，再到 /console/account 关联",
            )
        entry = Entry(by=email, act="account.link", at=self._now(), account_id=account.id, subject=identity.issuer)
        if not await self._store.add(identity, account.id, entry) and await self._store.find(identity) != account.id:
            raise Conflict(
                "the account with your address is linked to somebody else at the provider: ask the operator",
                zh="使用您邮箱的账户已关联登录服务的其他用户：请联系运营者",
            )
        return account

    async def _needs_proof(self, account: Account) -> bool:
        """Whether only who has its password may link it: also if its owner has unlinked it."""
        if may(account, "reader") or (account.has_password and not self._proven):
            return True
        return account.has_password and await self._store.removed(account.id, self._oidc.issuer)

    async def _new(self, email: str, language: str | None) -> Account:
        if not self._oidc.create or self._mode == "closed":
            raise UsageError("there is no account for you here: ask the operator", zh="这里没有您的账户：请联系运营者")
        if self._mode == "invitation":
            raise UsageError(
                "there is no account for you here: register with an invitation first",
                zh="这里没有您的账户：请先凭邀请码注册",
            )
        return await self._accounts.create(email, language=language, by=BY)


def _disabled() -> UsageError:
    return UsageError("your account is disabled: ask the operator", zh="您的账户已停用：请联系运营者")
