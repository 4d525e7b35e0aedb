"""`tornadogw account ...`: make, show, list, disable, enable, password, role, email, credit, debit, plan, zone."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from tornadogw.accounts.accounts import Credit, format_amount
from tornadogw.cli.commands import Group, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.standing import plan, standing_document, standing_lines, zone
from tornadogw.cli.state import State
from tornadogw.errors import UsageError
from tornadogw.store.ports import ROLES, Account
from tornadogw.store.trade import Standing

__all__ = ["account"]

_PAID = (("已充值 ", "Paid in "), ("已充值过", "Was paid in before: "))
_TAKEN = (("已扣回 ", "Took back "), ("已扣回过", "Was taken back before: "))
"""The first time, and after that."""


@click.group(cls=Group, help=both("管理账户和余额。", "Manage accounts and their balance."))
def account() -> None:
    """Commands on accounts."""


@account.command(help=both("建立一个没有密码的账户。", "Make an account, without a password."))
@argument("email")
@pass_state
def create(state: State, email: str) -> None:
    _change(state, lambda session: session.accounts.create(email, by=session.by))


@account.command(help=both("显示账户和余额。", "Show an account and its balance."))
@argument("email")
@pass_state
def show(state: State, email: str) -> None:
    async def work(session: Session) -> tuple[Account, Standing, str]:
        found = await session.accounts.show(email)
        return found, await session.subscriptions.of(found), session.currency

    found, standing, currency = with_database(state, work)
    document = {**_document(found), **standing_document(standing, time.time())}
    lines = standing_lines(standing, time.time(), state.out)
    state.out.give(document, lambda: [*_lines(found, currency, state.out), *lines])


@account.command("list", help=both("列出所有账户。", "List all accounts."))
@pass_state
def list_(state: State) -> None:
    async def work(session: Session) -> tuple[list[Account], str]:
        return list(await session.accounts.list()), session.currency

    found, currency = with_database(state, work)
    heads = [
        ("邮箱", "EMAIL"),
        ("角色", "ROLE"),
        ("状态", "STATUS"),
        (f"余额 {currency}", f"BALANCE {currency}"),
        ("已用", "SPENT"),
    ]
    rows = [[a.email, a.role, a.status, format_amount(a.balance), format_amount(a.spent)] for a in found]
    state.out.give({"accounts": [_document(each) for each in found]}, lambda: state.out.table(heads, rows))


@account.command(
    help=both(
        "停用账户,它的 Key 立即失效,所有登录都退出。",
        "Refuse an account and all its keys from now on; every login ends.",
    )
)
@argument("email")
@pass_state
def disable(state: State, email: str) -> None:
    async def change(session: Session) -> Account:
        disabled = await session.accounts.disable(email, by=session.by)
        await session.logins.end_all(disabled)
        return disabled

    _change(state, change)


@account.command(help=both("重新启用账户。", "Take a disabled account back."))
@argument("email")
@pass_state
def enable(state: State, email: str) -> None:
    _change(state, lambda session: session.accounts.enable(email, by=session.by))


@account.command(
    help=both(
        "设置密码,并退出所有登录:在终端里询问两次,否则读取标准输入的第一行。",
        "Set the password; every login ends. Asked for twice on a terminal, else the first line of standard input.",
    )
)
@argument("email")
@pass_state
def password(state: State, email: str) -> None:
    new = _read_password(state.out)

    async def change(session: Session) -> Account:
        changed = await session.accounts.set_password(email, new, by=session.by)
        await session.logins.end_all(changed)
        return changed

    _change(state, change)


@account.command("email", help=both("更改邮箱,并退出所有登录。", "Change the e-mail address; every login ends."))
@argument("email")
@argument("new")
@pass_state
def email_(state: State, email: str, new: str) -> None:
    async def change(session: Session) -> Account:
        return await session.addresses.change(await session.accounts.show(email), new, by=session.by)

    _change(state, change)


@account.command(help=both("改变角色。", "Change the role."))
@argument("email")
@argument("role", type=click.Choice(ROLES))
@pass_state
def role(state: State, email: str, role: str) -> None:
    _change(state, lambda session: session.accounts.set_role(email, role, by=session.by))


@account.command(
    context_settings={"ignore_unknown_options": True},  # a negative amount deserves its own sentence
    help=both("充值 AMOUNT(货币单位,可带小数)。", "Pay in AMOUNT, a decimal number of currency units."),
)
@argument("email")
@argument("amount")
@option("--ref", metavar="R", help=both("付款号,同一个只入账一次。", "Reference of the payment; each counts once."))
@pass_state
def credit(state: State, email: str, amount: str, ref: str | None) -> None:
    _pay(state, lambda session: session.accounts.credit(email, amount, ref=ref, by=session.by))


@account.command(
    context_settings={"ignore_unknown_options": True},
    help=both("扣回 AMOUNT,用于更正,余额可以变负。", "Take AMOUNT back, a correction; the balance may fall below 0."),
)
@argument("email")
@argument("amount")
@option("--ref", metavar="R", help=both("参考号,同一个只扣一次。", "Reference; each counts once."))
@pass_state
def debit(state: State, email: str, amount: str, ref: str | None) -> None:
    _pay(state, lambda session: session.accounts.debit(email, amount, ref=ref, by=session.by))


account.add_command(plan)
account.add_command(zone)


def _pay(state: State, work: Callable[[Session], Awaitable[Credit]]) -> None:
    async def with_currency(session: Session) -> tuple[Credit, str]:
        return await work(session), session.currency

    done, currency = with_database(state, with_currency)
    out = state.out
    document = {**_document(done.account), "amount": done.amount, "ref": done.ref, "repeated": done.repeated}
    moved = f"{format_amount(abs(done.amount))} {currency}"
    words = _PAID if done.amount > 0 else _TAKEN
    first = f"{out.say(*words[done.repeated])}{moved} ({done.ref})"
    out.give(document, lambda: [first, *_lines(done.account, currency, out)])


def _change(state: State, work: Callable[[Session], Awaitable[Account]]) -> None:
    """Do `work` and show the account that it gives."""

    async def both_of(session: Session) -> tuple[Account, str]:
        return await work(session), session.currency

    found, currency = with_database(state, both_of)
    state.out.give(_document(found), lambda: _lines(found, currency, state.out))


def _document(found: Account) -> dict[str, Any]:
    """Amounts in micro-units; `balance + held + spent == credited`."""
    document: dict[str, Any] = msgspec.to_builtins(found)
    return document


def _lines(found: Account, currency: str, out: Output) -> Iterator[str]:
    rows = [
        ("邮箱", "email", found.email),
        ("编号", "id", found.id),
        ("角色", "role", found.role),
        ("状态", "status", found.status),
        ("密码", "password", out.say("有", "set") if found.has_password else out.say("无", "none")),
        ("建立", "created", datetime.fromtimestamp(found.created, UTC).isoformat(" ", "seconds")),
        ("余额", "balance", f"{format_amount(found.balance)} {currency}"),
        ("占用", "held", f"{format_amount(found.held)} {currency}"),
        ("已用", "spent", f"{format_amount(found.spent)} {currency}"),
        ("充值", "credited", f"{format_amount(found.credited)} {currency}"),
    ]
    for zh, en, value in rows:
        yield f"{out.say(zh, en.ljust(8))}  {value}"


def _read_password(out: Output) -> str:
    if not sys.stdin.isatty():
        given = sys.stdin.readline().rstrip("\r\n")
        if not given:
            raise UsageError("There is no terminal to ask on: give the password as first line of standard input.")
        return given
    given = getpass.getpass(out.say("新密码: ", "New password: "))
    if given != getpass.getpass(out.say("再输一次: ", "Once more: ")):
        raise UsageError("The two passwords differ; nothing was changed.")
    return given
