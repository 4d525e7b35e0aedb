"""`tornadogw doctor`: every balance and sum recomputed; what is off, and by how much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from tornadogw.cli.commands import Command, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.doctor import CODES, Finding, Report

__all__ = ["doctor"]


@click.command(
    cls=Command, help=both("核对所有账目,不符时退出码为 1。", "Recompute every balance and sum; exit 1 if one is off.")
)
@option(
    "--fix",
    is_flag=True,
    help=both("修复可以证明安全的部分。", "Settle what is over, count days anew: only what is provably safe."),
)
@pass_state
def doctor(state: State, fix: bool) -> int:
    async def work(session: Session) -> tuple[Report, str]:
        report = await (session.doctor.fix() if fix else session.doctor.examine())
        return report, session.currency

    report, currency = with_database(state, work)
    state.out.give(_document(report), lambda: _lines(report, currency, state.out))
    return 0 if report.ok else 1


def _document(report: Report) -> dict[str, Any]:
    parts = {"findings": report.findings, "notes": report.notes, "fixed": report.fixed}
    found = {name: [_finding(each) for each in each_of] for name, each_of in parts.items()}
    return {"ok": report.ok, "accounts": report.accounts, **found}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "account": finding.account,
        "document": finding.document,
        "part": finding.part,
        "expected": finding.expected,
        "found": finding.found,
        "difference": finding.difference,
        "meaning": CODES[finding.code],
    }


def _lines(report: Report, currency: str, out: Output) -> Iterator[str]:
    for zh, en, findings in (
        ("已修复", "fixed", report.fixed),
        ("不符", "off", report.findings),
        ("注意", "note", report.notes),
    ):
        for each in findings:
            off = f"{each.difference:+d} = {each.found} - {each.expected}"
            yield f"{out.say(zh, en)}: {each.code}  {each.document}  {each.part}  {off}"
            yield f"    {CODES[each.code]}"
    if report.ok:
        yield out.say(f"{report.accounts} 个账户,账目相符。", f"{report.accounts} accounts, everything adds up.")
    else:
        count = len(report.findings)
        yield out.say(
            f"{report.accounts} 个账户,{count} 处不符(数字为百万分之一 {currency})。",
            f"{report.accounts} accounts, {count} off (figures in millionths of {currency}).",
        )
