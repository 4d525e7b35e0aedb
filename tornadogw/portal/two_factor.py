"""The second factor: how it is set up and switched off at one's own account, and the second step of the log-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import segno
from typing_extensions import override

from tornadogw.accounts.two_factor import Setup
from tornadogw.errors import UsageError
from tornadogw.handlers.base import Access
from tornadogw.portal.entry import HALF, HALF_DAYS, EntryPage, inside
from tornadogw.portal.private import PrivatePage
from tornadogw.store.ports import Account
from tornadogw.types import Value

__all__ = ["BORDER", "HERE", "CodePage", "Picture", "TwoFactorForms", "qr"]

HERE = "/console/account"


BORDER = 4
"""White modules around a QR code (ISO 18004)."""


class Picture(Value, frozen=True):
    """A QR code for a template: a square of `size` modules, and the path of an SVG that draws the dark ones."""

    size: int
    path: str


def qr(text: str) -> Picture:
    """`text` as a picture."""
    rows = list(segno.make(text, error="m", micro=False).matrix_iter(border=BORDER))
    dark = ((x, y) for y, row in enumerate(rows) for x, module in enumerate(row) if module)
    return Picture(len(rows), "".join(f"M{x} {y}h1v1h-1z" for x, y in dark))


class TwoFactorForms(PrivatePage):
    """The part of the page of one's own account that is about the second factor."""

    acts: ClassVar[Mapping[str, str]] = {
        "factor_begin": "begin_factor",
        "factor_confirm": "confirm_factor",
        "factor_off": "switch_factor_off",
    }
    setup: Setup | None = None
    recovery: tuple[str, ...] = ()

    async def factor(self) -> dict[str, Any]:
        """What the template shows of it."""
        service, account = self.parts.office.two_factor, self.visit.account
        if self.form.text("act") == "factor_confirm" and not self.recovery:
            try:
                self.setup = service.again(account, self.form.text("setup"))
            except UsageError:
                self.setup = None
        return {
            "codes_left": await service.left(account),
            "setup": self.setup,
            "picture": None if self.setup is None else qr(self.setup.uri),
            "recovery": self.recovery,
        }

    async def begin_factor(self) -> None:
        self.setup = await self.parts.office.two_factor.begin(
            self.visit.account, self.form.raw("old_password"), address=self.subject
        )
        self.show(self.template, **await self.values())

    async def confirm_factor(self) -> None:
        self.recovery = tuple(
            await self.parts.office.two_factor.confirm(
                self.visit.account,
                self.form.text("setup"),
                self.form.text("code"),
                address=self.subject,
                by=self.visit.by,
            )
        )
        self.show(self.template, **await self.values())

    async def switch_factor_off(self) -> None:
        await self.parts.office.two_factor.switch_off(
            self.visit.account,
            self.form.raw("old_password"),
            self.form.text("code"),
            address=self.subject,
            by=self.visit.by,
        )
        self.go(HERE, self.say("Two-factor log-in is off."))


class CodePage(EntryPage):
    """The second step of the log-in, for the browser that has done the first one a moment ago."""

    access: ClassVar[Access] = "public"
    template: ClassVar[str] = "login_code.html"
    acts: ClassVar[Mapping[str, str]] = {"": "log_in"}

    @override
    async def get(self, *rest: str) -> None:
        if await self._half() is None:
            self.go("/login")
            return
        await super().get(*rest)

    @override
    async def values(self) -> dict[str, Any]:
        return {"next": inside(self.get_query_argument("next", self.form.text("next")))}

    async def log_in(self) -> None:
        account = await self._half()
        if account is None:
            self.go("/login", self.say("That took too long: log in again."))
            return
        await self.parts.office.two_factor.check(account, self.form.text("code"), address=self.subject)
        self.clear_cookie(HALF)
        await self.enter(account)

    async def _half(self) -> Account | None:
        """Whose password this browser has given within five minutes, if it is still the password."""
        found = self.get_signed_cookie(HALF, max_age_days=HALF_DAYS)
        if found is None:
            return None
        account_id, _, mark = found.decode("ascii", "replace").partition(" ")
        accounts = self.parts.office.accounts
        account = await accounts.by_id(account_id)
        if account is None or not account.active or await accounts.mark(account.id) != mark:
            return None
        return account
