"""`tornadogw plan ...`: make, change, archive, offer again, list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click
import msgspec

from tornadogw.accounts.accounts import format_amount
from tornadogw.accounts.checks import format_factor
from tornadogw.cli.commands import Group, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.store.trade import Plan

__all__ = ["plan"]

F = TypeVar("F", bound=Callable[..., Any])


def _terms(command: F) -> F:
    """The options that say what a plan is."""
    for each in reversed(
        (
            option("--models", metavar="A,B", help=both("只付这些模型。", "Models that it pays for (default: all).")),
            option("--rpm", type=int, metavar="N", help=both("每分钟请求数。", "Requests per minute of a key.")),
            option("--factor", metavar="F", help=both("价格系数,如 0.8。", "What it takes of a price, such as 0.8.")),
            option("--days", type=int, metavar="N", help=both("订阅天数。", "How long a subscription lasts, in days.")),
            option(
                "--prepaid-after/--no-prepaid-after",
                default=None,
                help=both("当天额度不够时是否用余额。", "Whether the balance pays what the day does not cover."),
            ),
            option(
                "--prepaid-outside/--no-prepaid-outside",
                default=None,
                help=both("套餐外的模型是否用余额。", "Whether the balance pays for models outside the plan."),
            ),
        )
    ):
        command = each(command)
    return command


@click.group(cls=Group, help=both("管理套餐。", "Manage plans."))
def plan() -> None:
    """Commands on plans."""


@plan.command(help=both("建立套餐。", "Make a plan."))
@argument("name")
@option("--daily", metavar="A", required=True, help=both("每天的额度。", "What may be spent on one day."))
@_terms
@pass_state
def create(state: State, /, name: str, daily: str, models: str | None, **given: Any) -> None:
    stated = {key: value for key, value in given.items() if value is not None}
    _one(state, lambda to: to.plans.create(name, daily=daily, models=_names(models), by=to.by, **stated))


@plan.command(help=both("修改套餐,对已有订阅立即生效。", "Change a plan, for those who have it too, from now on."))
@argument("name")
@option("--daily", metavar="A", help=both("每天的额度。", "What may be spent on one day."))
@_terms
@option("--all-models", is_flag=True, help=both("付所有模型。", "Pays for all models."))
@option("--no-rpm", is_flag=True, help=both("没有每分钟请求数的限制。", "No requests per minute of its own."))
@pass_state
def change(state: State, /, name: str, models: str | None, **given: Any) -> None:
    _one(state, lambda to: to.plans.change(name, models=_names(models), by=to.by, **given))


@plan.command(help=both("下架:新用户不能再订,已有的不变。", "Nobody new gets it; who has it keeps it."))
@argument("name")
@pass_state
def archive(state: State, name: str) -> None:
    _one(state, lambda to: to.plans.archive(name, by=to.by))


@plan.command(help=both("重新上架。", "Offer an archived plan again."))
@argument("name")
@pass_state
def offer(state: State, name: str) -> None:
    _one(state, lambda to: to.plans.offer(name, by=to.by))


@plan.command("list", help=both("列出所有套餐。", "List all plans."))
@pass_state
def list_(state: State) -> None:
    async def work(to: Session) -> tuple[list[Plan], str]:
        return list(await to.plans.list()), to.currency

    found, currency = with_database(state, work)
    _give(state, {"plans": [msgspec.to_builtins(each) for each in found]}, found, currency)


def _names(models: str | None) -> list[str] | None:
    return None if models is None else models.split(",")


def _one(state: State, work: Callable[[Session], Awaitable[Plan]]) -> None:
    async def with_currency(to: Session) -> tuple[Plan, str]:
        return await work(to), to.currency

    found, currency = with_database(state, with_currency)
    _give(state, msgspec.to_builtins(found), [found], currency)


def _give(state: State, document: Any, plans: list[Plan], currency: str) -> None:
    heads = [
        ("套餐", "NAME"),
        ("状态", "STATE"),
        (f"每天 {currency}", f"DAILY {currency}"),
        ("系数", "FACTOR"),
        ("天数", "DAYS"),
        ("每分钟", "RPM"),
        ("模型", "MODELS"),
        ("余额可付", "BALANCE PAYS"),
    ]
    state.out.give(document, lambda: state.out.table(heads, (_row(each, state.out) for each in plans)))


def _row(found: Plan, out: Output) -> list[str]:
    pays = [
        *([out.say("额度后", "after")] if found.prepaid_after else []),
        *([out.say("套餐外", "outside")] if found.prepaid_outside else []),
    ]
    return [
        found.name,
        out.say("有效", "active") if found.active else out.say("下架", "archived"),
        format_amount(found.daily),
        format_factor(found.factor),
        str(found.days),
        "-" if found.rpm is None else str(found.rpm),
        "-" if found.models is None else ",".join(found.models),
        ", ".join(pays) or "-",
    ]
