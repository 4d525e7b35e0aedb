"""`tornadogw account plan` and `account zone`: what an account has beside its money, and how it is shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from tornadogw.cli.commands import Command, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.errors import UsageError
from tornadogw.store.trade import Standing, Subscription

__all__ = ["plan", "standing_document", "standing_lines", "zone"]


@click.command(
    cls=Command,
    help=both("给账户订套餐,或用 --end 结束。", "Give an account a plan, or end what it has with --end."),
)
@argument("email")
@argument("plan", required=False)
@option("--from", "since", metavar="DATE", help=both("从这一天开始。", "First day, YYYY-MM-DD (default: now)."))
@option("--days", type=int, metavar="N", help=both("天数。", "How long, in days (default: the plan's)."))
@option("--ref", metavar="REF", help=both("编号:重复执行也只订一次。", "Given once a reference: safe to repeat."))
@option("--end", is_flag=True, help=both("立即结束所有套餐。", "No plan any more, from now on."))
@pass_state
def plan(state: State, /, email: str, plan: str | None, end: bool, **given: Any) -> None:
    if end == (plan is not None) or (end and any(each is not None for each in given.values())):
        raise UsageError("Give either a plan, with --from, --days and --ref if you like, or --end alone.")

    async def work(to: Session) -> Standing:
        if plan is None:
            return await to.subscriptions.end(email, by=to.by)
        return await to.subscriptions.subscribe(email, plan, **given, by=to.by)

    _give(state, email, with_database(state, work))


@click.command(
    cls=Command, help=both("设置账户的时区,决定一天何时开始。", "Set an account's time zone: where its days begin.")
)
@argument("email")
@argument("zone")
@pass_state
def zone(state: State, email: str, zone: str) -> None:
    async def work(to: Session) -> Standing:
        return await to.subscriptions.set_zone(email, "" if zone == "default" else zone, by=to.by)

    _give(state, email, with_database(state, work))


def _give(state: State, email: str, standing: Standing) -> None:
    now = time.time()
    document = {"email": email, **standing_document(standing, now)}
    state.out.give(document, lambda: standing_lines(standing, now, state.out))


def standing_document(standing: Standing, now: float) -> dict[str, Any]:
    """`plan`: the name of the plan that counts now, or null."""
    running = next((each.plan for each in standing.subscriptions if each.since <= now < each.until), None)
    left: list[Any] = [msgspec.to_builtins(each) for each in _left(standing, now)]
    return {"time_zone": standing.time_zone or None, "plan": running, "subscriptions": left}


def standing_lines(standing: Standing, now: float, out: Output) -> Iterator[str]:
    """As lines of `account show`."""
    yield f"{out.say('时区', 'zone'.ljust(8))}  {standing.time_zone or out.say('默认', 'the setting')}"
    left = _left(standing, now)
    for each in left:
        yield f"{out.say('套餐', 'plan'.ljust(8))}  {each.plan}  {_moment(each.since)} - {_moment(each.until)}"
    if not left:
        yield f"{out.say('套餐', 'plan'.ljust(8))}  {out.say('无', 'none')}"


def _left(standing: Standing, now: float) -> list[Subscription]:
    return [each for each in standing.subscriptions if each.until > now]


def _moment(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(" ", "seconds")
