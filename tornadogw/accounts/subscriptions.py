"""Subscriptions: which account has which plan, from when to when; and the account's time zone.

An account has one plan at a time. The same plan again begins when the first ends. Another plan begins at once, and what
is left of the one before comes after it: nothing that was paid for is lost. A day of a subscription has 24 hours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.checks import checked_count, checked_ref, checked_zone, parse_day
from tornadogw.accounts.plans import MOST_DAYS, Plans
from tornadogw.errors import Conflict, UsageError
from tornadogw.store.ports import Account, Entry
from tornadogw.store.trade import Standing, Subscription, SubscriptionStore

__all__ = ["DAY", "Subscriptions", "insert", "subscribed"]

DAY = 86_400
"""Seconds of a subscription's day."""
_REMEMBERED = 90 * DAY
"""How long a subscription that is over stays in the account's document; the audit log has it for ever."""


def insert(
    subscriptions: Sequence[Subscription],
    plan: str,
    seconds: float,
    now: float,
    at: float | None = None,
    ref: str = "",
) -> tuple[Subscription, ...]:
    """The subscriptions with another one. `at`: its beginning, not before now; None: the rule of this room.

    What stood at that time moves behind it, and pushes what comes later as far as it has to; no time is lost.
    """
    if at is None:
        at = max((each.until for each in subscriptions if each.plan == plan and each.until > now), default=now)
    before: list[Subscription] = []
    after: list[Subscription] = []
    for each in subscriptions:
        if each.until <= at:
            before.append(each)
            continue
        if each.since < at:
            before.append(msgspec.structs.replace(each, until=at))
        after.append(msgspec.structs.replace(each, since=max(each.since, at)))
    placed, free = [Subscription(plan, at, at + seconds, ref)], at + seconds
    for each in after:
        since = max(each.since, free)
        free = since + (each.until - each.since)
        placed.append(msgspec.structs.replace(each, since=since, until=free))
    return (*(each for each in before if each.until > now - _REMEMBERED), *placed)


def subscribed(
    standing: Standing, plan: str, days: int, now: float, at: float | None = None, ref: str = ""
) -> Standing:
    """The standing with `days` of a plan more."""
    placed = insert(standing.subscriptions, plan, days * DAY, now, at, ref)
    return msgspec.structs.replace(standing, subscriptions=placed)


def _ended(standing: Standing, now: float) -> Standing:
    left = (
        each if each.until <= now else msgspec.structs.replace(each, until=now)
        for each in standing.subscriptions
        if each.since < now
    )
    return msgspec.structs.replace(standing, subscriptions=tuple(left))


class Subscriptions:
    """What can be done with what an account has beside its money.

    Every method raises `UsageError` for a wrong argument, an unknown account or plan.
    """

    def __init__(
        self,
        store: SubscriptionStore,
        accounts: Accounts,
        plans: Plans,
        *,
        time_zone: str = "UTC",
        now: Callable[[], float] = time.time,
    ) -> None:
        """`time_zone`: the setting, for accounts without one of their own."""
        self._store, self._accounts, self._plans = store, accounts, plans
        self._time_zone, self._now = time_zone, now

    async def of(self, account: Account) -> Standing:
        return await self._store.get(account.id)

    async def subscribe(
        self,
        email: str,
        plan: str,
        *,
        days: int | None = None,
        since: str | None = None,
        ref: str | None = None,
        by: str = "",
    ) -> Standing:
        """Give the account a plan. `days`: None, the plan's; `since`: a day of the account's, `YYYY-MM-DD`.

        `ref` makes it safe to repeat: until 90 days after its end a subscription is given once.
        """
        checked_ref(ref)
        account = await self._accounts.show(email)
        offered = await self._plans.offered(plan)
        length = checked_count("days", days, MOST_DAYS, zh="天数", field="days") or offered.days
        now = self._now()

        def edit(standing: Standing) -> Standing:
            if ref and (given := {each.plan for each in standing.subscriptions if each.ref == ref}):
                if given != {plan}:
                    raise Conflict(
                        f"the reference {ref} belongs to another subscription: no plan was given",
                        zh=f"编号 {ref} 属于另一笔订阅：没有授予任何套餐",
                        field="ref",
                    )
                return standing
            at = None if since is None else _beginning(since, standing.time_zone or self._time_zone, now)
            return subscribed(standing, plan, length, now, at, ref or "")

        return await self._store.change(account.id, edit, self._entry("account.plan", account, plan, by))

    async def end(self, email: str, *, by: str = "") -> Standing:
        """The account has no plan from now on, nor any that would begin later."""
        account = await self._accounts.show(email)
        now = self._now()
        entry = self._entry("account.plan_end", account, "", by)
        return await self._store.change(account.id, lambda standing: _ended(standing, now), entry)

    async def set_zone(self, email: str, zone: str, *, by: str = "") -> Standing:
        """Where the account's days begin, from now on. Empty: as the setting says."""
        checked = checked_zone(zone) if zone else ""
        account = await self._accounts.show(email)
        entry = self._entry("account.zone", account, "", by)
        return await self._store.change(
            account.id, lambda standing: msgspec.structs.replace(standing, time_zone=checked), entry
        )

    def _entry(self, act: str, account: Account, subject: str, by: str) -> Entry:
        return Entry(by=by, act=act, at=self._now(), account_id=account.id, subject=subject)


def _beginning(text: str, zone: str, now: float) -> float:
    """Today begins now: what is over stays as it was."""
    at = parse_day(text, zone)
    if at > now + MOST_DAYS * DAY:
        raise UsageError(
            f"{text} is too far away: a subscription begins within {MOST_DAYS} days",
            zh=f"{text} 太远：订阅须在 {MOST_DAYS} 天内开始",
            field="start",
        )
    today = f"{datetime.fromtimestamp(now, ZoneInfo(zone)):%Y-%m-%d}"
    if at < parse_day(today, zone):
        raise UsageError(
            f"{text} is over in {zone}: a subscription begins on {today} at the earliest",
            zh=f"{text} 在 {zone} 已经过去：订阅最早从 {today} 开始",
            field="start",
        )
    return max(at, now)
