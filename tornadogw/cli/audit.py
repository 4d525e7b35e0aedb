"""`tornadogw audit [EMAIL]`: who changed what, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from tornadogw.cli.commands import Command, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.store.ports import Entry

__all__ = ["audit"]

HEADS = [
    ("时间", "WHEN"),
    ("谁", "BY"),
    ("做了什么", "ACT"),
    ("账户", "ACCOUNT"),
    ("对象", "SUBJECT"),
    ("变化", "CHANGE"),
]


@click.command(cls=Command, help=both("显示谁在何时改了什么。", "Show who changed what, and when."))
@argument("email", required=False)
@option("--days", type=int, default=30, show_default=True, metavar="N", help=both("最近几天。", "How far back."))
@pass_state
def audit(state: State, email: str | None, days: int) -> None:
    async def work(to: Session) -> tuple[Sequence[Entry], Mapping[str, str]]:
        return await to.audit.entries(email, days=days), {each.id: each.email for each in await to.accounts.list()}

    found, emails = with_database(state, work)
    document = [{**msgspec.to_builtins(each), "email": emails.get(each.account_id)} for each in found]
    rows = (_row(each, emails.get(each.account_id, "")) for each in found)
    state.out.give({"entries": document}, lambda: state.out.table(HEADS, rows))


def _row(entry: Entry, email: str) -> list[str]:
    when = datetime.fromtimestamp(entry.at, UTC).isoformat(" ", "seconds")
    return [when, entry.by, entry.act, email or "-", entry.subject or "-", _change(entry.before, entry.after)]


def _change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What differs, with amounts in micro-units as they are stored."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(_told(name, before, after) for name in names) or "-"


def _told(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    new = msgspec.json.encode(after.get(name)).decode()
    return f"{name} {msgspec.json.encode(before[name]).decode()} -> {new}" if name in before else f"{name} {new}"
