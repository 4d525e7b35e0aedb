"""`tornadogw code ...`: make, list, void, redeem. The texts of codes are printed once, when they are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
import msgspec

from tornadogw.accounts.accounts import format_amount
from tornadogw.cli.commands import Group, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.store.trade import Batch

__all__ = ["code"]

T = TypeVar("T")


@click.group(cls=Group, help=both("管理兑换码。", "Manage redeem codes."))
def code() -> None:
    """Commands on redeem codes."""


@code.command(help=both("建立一批兑换码,只显示这一次。", "Make a batch of codes; they are shown only now."))
@option("--amount", metavar="A", help=both("每个码的金额。", "What each is worth."))
@option("--plan", metavar="P", help=both("每个码的套餐。", "The plan that each gives."))
@option("--count", type=int, required=True, metavar="N", help=both("数量。", "How many."))
@option("--expires", metavar="90d", help=both("有效期:m、h、d、w。", "How long they are good (default: for ever)."))
@option("--label", metavar="L", default="", help=both("标签。", "What they are for."))
@pass_state
def create(state: State, /, **given: Any) -> None:
    new, _ = _with_currency(state, lambda to: to.codes.create(by=to.by, **given))
    state.out.give({**_document(new.batch), "codes": list(new.codes)}, lambda: new.codes)
    hint = state.out.say("请保存,以后不再显示。", "Keep them: they are not shown again.")
    state.out.tell(f"{new.batch.id}  {hint}")


@code.command("list", help=both("列出各批兑换码。", "List the batches of codes."))
@pass_state
def list_(state: State) -> None:
    found, currency = _with_currency(state, lambda to: to.codes.list())
    _give(state, {"batches": [_document(each) for each in found]}, list(found), currency)


@code.command(help=both("作废一批中未用的码。", "Make what is not used of a batch good for nothing."))
@argument("batch")
@pass_state
def void(state: State, batch: str) -> None:
    found, currency = _with_currency(state, lambda to: to.codes.void(batch, by=to.by))
    _give(state, _document(found), [found], currency)


@code.command(help=both("为账户兑换一个码。", "Redeem a code for an account."))
@argument("email")
@argument("code")
@pass_state
def redeem(state: State, email: str, code: str) -> None:
    done, currency = _with_currency(state, lambda to: to.codes.redeem(email, code, by=to.by))
    out = state.out
    document = {
        "email": done.account.email,
        "balance": done.account.balance,
        "batch": done.batch.id,
        "amount": done.batch.amount,
        "plan": done.batch.plan,
        "days": done.batch.days,
        "repeated": done.repeated,
    }
    zh, en = ("此前已兑换 ", "Was redeemed before: ") if done.repeated else ("已兑换 ", "Redeemed ")
    balance = f"{out.say('余额', 'balance')} {format_amount(done.account.balance)} {currency}"
    out.give(document, lambda: [f"{out.say(zh, en)}{_worth(done.batch, currency, out)}", balance])


def _with_currency(state: State, work: Callable[[Session], Awaitable[T]]) -> tuple[T, str]:
    async def both_of(session: Session) -> tuple[T, str]:
        return await work(session), session.currency

    return with_database(state, both_of)


def _give(state: State, document: Any, batches: list[Batch], currency: str) -> None:
    heads = [
        ("批次", "BATCH"),
        ("标签", "LABEL"),
        ("价值", "WORTH"),
        ("已用", "USED"),
        ("未用", "UNUSED"),
        ("状态", "STATE"),
        ("到期", "EXPIRES"),
    ]
    rows = (_row(each, currency, state.out) for each in batches)
    state.out.give(document, lambda: state.out.table(heads, rows))


def _document(found: Batch) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(found)
    return {**document, "unused": found.count - found.used}


def _row(found: Batch, currency: str, out: Output) -> list[str]:
    return [
        found.id,
        found.label or "-",
        _worth(found, currency, out),
        str(found.used),
        str(found.count - found.used),
        out.say("有效", "active") if found.voided is None else out.say("作废", "void"),
        "-" if found.expires is None else datetime.fromtimestamp(found.expires, UTC).isoformat(" ", "seconds"),
    ]


def _worth(found: Batch, currency: str, out: Output) -> str:
    if found.amount is not None:
        return f"{format_amount(found.amount)} {currency}"
    return f"{found.plan} {found.days} {out.say('天', 'days')}"
