"""`tornadogw usage EMAIL`: what an account used, by day and model, key or hour."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

import click
import msgspec

from tornadogw.accounts.accounts import format_amount
from tornadogw.cli.commands import Command, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.portal.sheet import line
from tornadogw.usage import BY, By, UsageRow
from tornadogw.usage import usage as read_usage

__all__ = ["usage"]

_COUNTS = (
    ("requests", "请求", "REQUESTS"),
    ("prompt_tokens", "输入", "PROMPT"),
    ("cached_tokens", "缓存", "CACHED"),
    ("cache_write_tokens", "写缓存", "CACHE WRITE"),
    ("completion_tokens", "输出", "COMPLETION"),
    ("reasoning_tokens", "推理", "REASONING"),
)
_PARTS = {"model": ("模型", "MODEL"), "key": ("KEY", "KEY"), "hour": ("小时", "HOUR")}


@click.command(
    cls=Command, help=both("显示账户每天的用量。", "Show what an account used, by day and model, key or hour.")
)
@argument("email")
@option(
    "--days", type=int, default=30, show_default=True, metavar="N", help=both("天数,含今天。", "Days, today counted.")
)
@option(
    "--by",
    type=click.Choice(BY),
    default="model",
    show_default=True,
    help=both("每天再按什么分。", "What to part each day by."),
)
@option(
    "--csv", "as_csv", is_flag=True, help=both("输出 CSV,金额为百万分之一单位。", "As CSV, amounts in micro-units.")
)
@pass_state
def usage(state: State, email: str, days: int, by: By, as_csv: bool) -> None:
    async def work(session: Session) -> tuple[Sequence[UsageRow], str]:
        account = await session.accounts.show(email)
        standing = await session.subscriptions.of(account)
        zone = standing.time_zone or session.loaded.settings.money.time_zone
        rows = await read_usage(session.days, account.id, days=days, zone=zone, now=time.time(), by=by)
        return rows, session.currency

    rows, currency = with_database(state, work)
    document = {"rows": [msgspec.to_builtins(row) for row in rows]}
    state.out.give(document, lambda: _csv(rows) if as_csv else _table(rows, by, currency, state.out))


def _csv(rows: Iterable[UsageRow]) -> Iterator[str]:
    """A line at a time; a model's name may hold anything."""
    for values in (UsageRow.__struct_fields__, *(msgspec.structs.astuple(row) for row in rows)):
        yield line(values)


def _table(rows: Sequence[UsageRow], by: By, currency: str, out: Output) -> Iterable[str]:
    part = [by] if by in _PARTS else []
    names = [*part, *(name for name, _, _ in _COUNTS)]
    heads = [
        ("日期", "DAY"),
        *(_PARTS[each] for each in part),
        *((zh, en) for _, zh, en in _COUNTS),
        (f"费用 {currency}", f"COST {currency}"),
    ]
    sums = {name: sum(getattr(row, name) for row in rows) for name in ("cost", *(name for name, _, _ in _COUNTS))}
    total = UsageRow(day=out.say("合计", "total"), **sums)
    return out.table(heads, [_cells(row, names) for row in (*rows, total)])


def _cells(row: UsageRow, names: Iterable[str]) -> list[str]:
    return [row.day, *(str(getattr(row, name)) for name in names), format_amount(row.cost)]
