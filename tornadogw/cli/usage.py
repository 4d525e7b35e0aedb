"""`tornadogw usage EMAIL`: what an account used, by day and model."""

from __future__ import annotations

import csv
import io
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
from tornadogw.store.ports import UsageRow
from tornadogw.usage import usage as read_usage

__all__ = ["usage"]


@click.command(cls=Command, help=both("显示账户每天每个模型的用量。", "Show what an account used, by day and model."))
@argument("email")
@option(
    "--days", type=int, default=30, show_default=True, metavar="N", help=both("天数,含今天。", "Days, today counted.")
)
@option(
    "--csv", "as_csv", is_flag=True, help=both("输出 CSV,金额为百万分之一单位。", "As CSV, amounts in micro-units.")
)
@pass_state
def usage(state: State, email: str, days: int, as_csv: bool) -> None:
    async def work(session: Session) -> tuple[Sequence[UsageRow], str]:
        account = await session.accounts.show(email)
        zone = session.loaded.settings.money.time_zone
        return await read_usage(session.usage, account.id, days=days, zone=zone, now=time.time()), session.currency

    rows, currency = with_database(state, work)
    document = {"rows": [msgspec.to_builtins(row) for row in rows]}
    state.out.give(document, lambda: _csv(rows) if as_csv else _table(rows, currency, state.out))


def _csv(rows: Iterable[UsageRow]) -> Iterator[str]:
    """A line at a time; a model's name may hold anything."""
    for values in (UsageRow.__struct_fields__, *(msgspec.structs.astuple(row) for row in rows)):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(values)
        yield line.getvalue()


def _table(rows: Sequence[UsageRow], currency: str, out: Output) -> Iterable[str]:
    heads = [
        ("日期", "DAY"),
        ("模型", "MODEL"),
        ("请求", "REQUESTS"),
        ("输入", "PROMPT"),
        ("输出", "COMPLETION"),
        (f"费用 {currency}", f"COST {currency}"),
    ]
    total = UsageRow(
        day=out.say("合计", "total"),
        model="",
        requests=sum(row.requests for row in rows),
        prompt_tokens=sum(row.prompt_tokens for row in rows),
        completion_tokens=sum(row.completion_tokens for row in rows),
        cost=sum(row.cost for row in rows),
    )
    return out.table(heads, [_cells(row) for row in (*rows, total)])


def _cells(row: UsageRow) -> list[str]:
    return [
        row.day,
        row.model,
        str(row.requests),
        str(row.prompt_tokens),
        str(row.completion_tokens),
        format_amount(row.cost),
    ]
