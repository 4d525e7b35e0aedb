"""What happened: usage, calls, decisions and the audit log, by the admin API."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from tornadogw.explain import for_operator
from tornadogw.handlers.admin.operation import Ask
from tornadogw.handlers.admin.shapes import AuditQuery, Call, CallQuery, Days, Page, TotalRow, UsageQuery
from tornadogw.store.ports import Entry
from tornadogw.store.ports_decisions import Calls
from tornadogw.store.ports_usage import Sum
from tornadogw.store.trade import Audited
from tornadogw.types import Record, Value
from tornadogw.usage import UsageRow, day_names, usage

__all__ = ["audit", "calls", "decisions", "of_account", "totals"]

_DECISIONS = 20


class TotalQuery(Value, frozen=True, forbid_unknown_fields=True):
    days: Days = 30


async def of_account(ask: Ask, account_id: str, query: UsageQuery) -> Sequence[UsageRow]:
    office = ask.office
    standing = await office.subscriptions.of(await office.desk.show(account_id))
    zone = standing.time_zone or ask.parts.settings.money.time_zone
    return await usage(office.days, account_id, days=query.days, zone=zone, now=time.time(), by=query.by)


async def totals(ask: Ask, query: TotalQuery) -> Sequence[TotalRow]:
    first, last = day_names(query.days, ask.parts.settings.money.time_zone, time.time())
    found = await ask.office.totals.totals(first, last)
    return [
        _row(f"{day.day[:4]}-{day.day[4:6]}-{day.day[6:]}", *pair, total)
        for day in found
        for pair, total in sorted(day.sums.items())
    ]


async def calls(ask: Ask, query: CallQuery) -> Page[Call]:
    wanted = Calls(
        account_id=query.account_id,
        key_id=query.key_id,
        model=query.model,
        upstream=query.upstream,
        failed=query.failed,
        since=query.since,
        until=query.cursor,
    )
    found, following = await ask.office.calls.calls(wanted, query.limit)
    return Page([_call(each) for each in found], following)


async def decisions(ask: Ask, request_id: str) -> Sequence[dict[str, Any]]:
    return [for_operator(each) for each in await ask.office.decisions.find(request_id, None, _DECISIONS)]


async def audit(ask: Ask, query: AuditQuery) -> Page[Entry]:
    wanted = Audited(query.account_id, query.act, query.by, query.since, query.cursor)
    found, following = await ask.office.audit.page(wanted, limit=query.limit)
    return Page(found, following)


def _row(day: str, model: str, upstream: str, total: Sum) -> TotalRow:
    return TotalRow(
        day=day,
        model=model,
        upstream=upstream,
        requests=total.requests,
        failed=total.failed,
        prompt_tokens=total.prompt,
        completion_tokens=total.completion,
        cost=total.cost,
        paid=total.paid,
        unknown=total.unknown,
    )


def _call(record: Record) -> Call:
    return Call(
        id=record.id,
        account_id=record.account_id,
        key_id=record.key_id,
        started=record.started,
        ms=record.ms,
        mode=record.mode,
        stream=record.stream,
        asked=record.asked,
        model=record.model,
        upstream=record.upstream,
        finish=record.finish,
        code=record.code,
        prompt_tokens=record.usage.prompt,
        completion_tokens=record.usage.completion,
        cost=record.cost,
    )
