"""`tornadogw explain ID`: why the requests with this id went as they did, in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from tornadogw.accounts.accounts import format_amount
from tornadogw.cli.commands import Command, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.errors import UsageError
from tornadogw.explain import for_operator
from tornadogw.store.ports_decisions import Decision

__all__ = ["explain"]

MOST = 20
"""Requests with one id that are shown."""


@click.command(cls=Command, help=both("说明一个请求为何如此处理。", "Say why a request went as it did."))
@argument("id")
@option("--account", metavar="EMAIL", help=both("只看这个账户的。", "Of this account only."))
@pass_state
def explain(state: State, /, id: str, account: str | None) -> None:  # noqa: A002 -- the word of the usage line
    async def work(session: Session) -> tuple[Sequence[Decision], str]:
        owner = None if account is None else (await session.accounts.show(account)).id
        return await session.decisions.find(id, owner, MOST), session.currency

    found, currency = with_database(state, work)
    if not found:
        raise UsageError(
            state.out.say(
                f"没有请求 {id} 的记录:编号不对,或已过期(explain.days)。",
                f"there is no record of a request {id}: the id is another, or it is too old (explain.days).",
            )
        )
    requests = [for_operator(each) for each in found]
    state.out.give({"requests": requests}, lambda: _lines(requests, currency, state.out))


def _lines(requests: Iterable[Mapping[str, Any]], currency: str, out: Output) -> Iterable[str]:
    for at, each in enumerate(requests):
        if at:
            yield ""
        yield from _one(each, currency, out)


def _one(each: Mapping[str, Any], currency: str, out: Output) -> Iterable[str]:
    when = datetime.fromtimestamp(each["started"]).astimezone().isoformat(" ", "milliseconds")
    yield f"{each['id']}  {when}  {each['account_id']}  {each['key_id']}"
    yield out.say(
        f"模型 {each['asked']} -> {each['model'] or '-'},结束 {each['finish']},代码 {each['code']},"
        f"{each['calls']} 次上游调用,{each['ms']} ms",
        f"model {each['asked']} -> {each['model'] or '-'}, finish {each['finish']}, code {each['code']}, "
        f"{each['calls']} upstream calls, {each['ms']} ms",
    )
    yield _charge(each["charge"], currency, out)
    if each["candidates"]:
        heads = [("顺序", "ORDER"), ("上游", "UPSTREAM"), ("模型", "MODEL"), ("未用原因", "NOT ASKED")]
        yield from out.table(
            heads,
            [[str(one["order"] or "-"), one["upstream"], one["model"], one["reason"]] for one in each["candidates"]],
        )
    if each["attempts"]:
        names = ("began", "ms", "upstream", "model", "outcome", "reason", "calls")
        heads = [
            ("开始 ms", "BEGAN MS"),
            ("用时 ms", "TOOK MS"),
            ("上游", "UPSTREAM"),
            ("模型", "MODEL"),
            ("结果", "OUTCOME"),
            ("原因", "REASON"),
            ("调用", "CALLS"),
            ("白费", "IN VAIN"),
        ]
        yield from out.table(
            heads, [[*(str(one[name]) for name in names), _in_vain(one, currency)] for one in each["attempts"]]
        )


def _in_vain(attempt: Mapping[str, Any], currency: str) -> str:
    """What the operator paid for a try that was outrun."""
    return f"{format_amount(attempt['cost'])} {currency}" if attempt["cost"] else "-"


def _charge(charge: Mapping[str, Any] | None, currency: str, out: Output) -> str:
    if charge is None:
        return out.say("未收费", "nothing was charged")
    usage, price = charge["usage"], charge["price"]
    amount, wallet = f"{format_amount(charge['cost'])} {currency}", charge["wallet"] or "-"
    prices = f"{format_amount(price['input'])} / {format_amount(price['output'])}"
    return out.say(
        f"收费 {amount}({wallet}),输入 {usage['prompt']}、输出 {usage['completion']} token({charge['source']}),"
        f"单价 {prices}",
        f"charged {amount} ({wallet}) for {usage['prompt']} + {usage['completion']} tokens ({charge['source']}) "
        f"at {prices} a million",
    )
