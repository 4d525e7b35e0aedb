"""Plans: make, change, archive, offer again, list. A change counts at once for everybody who has the plan."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tornadogw.accounts.accounts import parse_amount
from tornadogw.accounts.checks import checked_count, checked_models, checked_rpm, parse_factor
from tornadogw.errors import Conflict, NotThere, UsageError
from tornadogw.store.ports import Duplicate, Entry
from tornadogw.store.trade import Plan, PlanStore

__all__ = ["MOST_DAYS", "Plans", "mark"]

MOST_DAYS = 3660
_LONGEST_NAME = 64


def mark(plan: Plan) -> str:
    """Another one for each state of a plan."""
    return hashlib.sha256(msgspec.json.encode(plan)).hexdigest()[:16]


class Plans:
    """What can be done with plans. Every method raises `UsageError` for a wrong argument or an unknown plan."""

    def __init__(self, store: PlanStore, *, now: Callable[[], float] = time.time) -> None:
        self._store, self._now = store, now

    async def create(  # noqa: PLR0913 -- each is a property of the plan
        self,
        name: str,
        *,
        daily: str,
        models: Sequence[str] | None = None,
        rpm: int | None = None,
        factor: str = "1",
        days: int = 30,
        prepaid_after: bool = True,
        prepaid_outside: bool = True,
        by: str = "",
    ) -> Plan:
        """A new plan. `daily`: currency units as decimal text; `factor`: what it takes of a price, decimal text."""
        plan = Plan(
            name=_checked_name(name),
            daily=parse_amount(daily),
            models=checked_models(models),
            rpm=checked_rpm(rpm),
            factor=parse_factor(factor),
            days=checked_count("days", days, MOST_DAYS, zh="天数", field="days") or 0,
            prepaid_after=prepaid_after,
            prepaid_outside=prepaid_outside,
            created=self._now(),
        )
        try:
            await self._store.add(plan, self._entry("plan.create", plan.name, by))
        except Duplicate:
            raise Conflict(
                f"there is a plan {plan.name} already: `tornadogw plan change` changes it",
                zh=f"套餐 {plan.name} 已经存在",
                field="name",
            ) from None
        return plan

    async def change(  # noqa: PLR0913 -- as above
        self,
        name: str,
        *,
        daily: str | None = None,
        models: Sequence[str] | None = None,
        all_models: bool = False,
        rpm: int | None = None,
        no_rpm: bool = False,
        factor: str | None = None,
        days: int | None = None,
        prepaid_after: bool | None = None,
        prepaid_outside: bool | None = None,
        seen: str = "",
        by: str = "",
    ) -> Plan:
        """Change what is given, from now on and for those who have the plan too; `days` for new subscriptions only.

        `no_rpm`: it has no limit of its own any more. `seen`: `mark` of the plan that the editor has read, so that
        nobody takes back what somebody else has changed meanwhile.
        """
        given = {
            "daily": None if daily is None else parse_amount(daily),
            "models": checked_models(models),
            "rpm": checked_rpm(rpm),
            "factor": None if factor is None else parse_factor(factor),
            "days": checked_count("days", days, MOST_DAYS, zh="天数", field="days"),
            "prepaid_after": prepaid_after,
            "prepaid_outside": prepaid_outside,
        }
        fields: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        if all_models:
            fields["models"] = None
        if no_rpm:
            fields["rpm"] = None

        def edit(plan: Plan) -> Plan:
            if seen and seen != mark(plan):
                raise Conflict(
                    f"the plan {name} has been changed meanwhile: look at it again",
                    zh=f"套餐 {name} 已被他人更改：请重新查看后再改",
                )
            return msgspec.structs.replace(plan, **fields)

        return await self._change(name, "plan.change", edit, by)

    async def archive(self, name: str, *, by: str = "") -> Plan:
        """Nobody new gets it; who has it keeps it, and codes for it that are in the world are good."""
        return await self._change(name, "plan.archive", lambda plan: msgspec.structs.replace(plan, active=False), by)

    async def offer(self, name: str, *, by: str = "") -> Plan:
        """The way back from `archive`."""
        return await self._change(name, "plan.offer", lambda plan: msgspec.structs.replace(plan, active=True), by)

    async def show(self, name: str) -> Plan:
        plan = await self._store.get(name)
        if plan is None:
            raise _unknown(name)
        return plan

    async def offered(self, name: str) -> Plan:
        """As `show`, of a plan that is not archived."""
        plan = await self.show(name)
        if not plan.active:
            raise UsageError(
                f"the plan {name} is archived: nobody new gets it", zh=f"套餐 {name} 已归档：不再提供", field="plan"
            )
        return plan

    async def list(self) -> Sequence[Plan]:
        """Every plan, by name."""
        return await self._store.all()

    async def _change(self, name: str, act: str, edit: Callable[[Plan], Plan], by: str) -> Plan:
        plan = await self._store.change(name, edit, self._entry(act, name, by))
        if plan is None:
            raise _unknown(name)
        return plan

    def _entry(self, act: str, name: str, by: str) -> Entry:
        return Entry(by=by, act=act, at=self._now(), subject=name)


def _checked_name(name: str) -> str:
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or " " in name or name.startswith("-"):
        raise UsageError(
            f"{name!r} is no name for a plan: 1 to {_LONGEST_NAME} printable characters, no spaces",
            zh=f"{name!r} 不能作套餐名：须为 1 到 {_LONGEST_NAME} 个可打印字符，不含空格",
            field="name",
        )
    return name


def _unknown(name: str) -> UsageError:
    return NotThere(
        f"there is no plan {name}: `tornadogw plan list` shows those there are", zh=f"没有套餐 {name}", field="plan"
    )
