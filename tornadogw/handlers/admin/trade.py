"""Plans, batches of codes and invitations, by the admin API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from tornadogw.accounts.accounts import format_amount
from tornadogw.accounts.checks import format_factor
from tornadogw.errors import UsageError
from tornadogw.handlers.admin.operation import Ask
from tornadogw.handlers.admin.shapes import (
    Batches,
    Invitation,
    NewBatch,
    NewInvitation,
    NewPlan,
    Page,
    PlanChange,
    PlanQuery,
)
from tornadogw.store.ports_people import Link
from tornadogw.store.trade import Batch, Plan

__all__ = [
    "archive_plan",
    "batches",
    "change_plan",
    "create_batch",
    "create_plan",
    "invitations",
    "invite",
    "offer_plan",
    "plan",
    "plans",
    "void_batch",
    "withdraw",
]

_ID = 12
"""Characters of a digest by which people name an invitation."""


async def plans(ask: Ask) -> Sequence[Plan]:
    return await ask.office.plans.list()


async def plan(ask: Ask, name: str) -> Plan:
    return await ask.office.plans.show(name)


async def create_plan(ask: Ask, body: NewPlan) -> Plan:
    return await ask.office.plans.create(
        body.name,
        daily=format_amount(body.daily),
        models=body.models,
        rpm=body.rpm,
        factor=format_factor(body.factor),
        days=body.days,
        prepaid_after=body.prepaid_after,
        prepaid_outside=body.prepaid_outside,
        by=ask.by,
    )


async def change_plan(ask: Ask, name: str, body: PlanChange) -> Plan:
    given = {field: getattr(body, field) for field in body.__struct_fields__}
    fields: dict[str, Any] = {field: value for field, value in given.items() if value is not UNSET}
    if not fields:
        raise UsageError("nothing to change: give a field", zh="没有要修改的：请至少给出一个字段")
    fields["all_models"] = "models" in fields and fields["models"] is None
    fields["no_rpm"] = "rpm" in fields and fields["rpm"] is None
    if "daily" in fields:
        fields["daily"] = format_amount(fields["daily"])
    if "factor" in fields:
        fields["factor"] = format_factor(fields["factor"])
    return await ask.office.plans.change(name, **fields, by=ask.by)


async def archive_plan(ask: Ask, name: str) -> Plan:
    return await ask.office.plans.archive(name, by=ask.by)


async def offer_plan(ask: Ask, name: str) -> Plan:
    return await ask.office.plans.offer(name, by=ask.by)


async def batches(ask: Ask, query: PlanQuery) -> Page[Batch]:
    found, following = await ask.office.codes.page(query.cursor, limit=query.limit)
    return Page(found, following)


async def create_batch(ask: Ask, body: NewBatch) -> Batches:
    new = await ask.office.codes.create(
        count=body.count,
        amount=None if body.amount is None else format_amount(body.amount),
        plan=body.plan,
        expires=body.expires,
        label=body.label,
        by=ask.by,
    )
    return Batches(new.batch.id, new.codes)


async def void_batch(ask: Ask, batch_id: str) -> Batch:
    return await ask.office.codes.void(batch_id, by=ask.by)


async def invitations(ask: Ask) -> Sequence[Invitation]:
    return [_invitation(each) for each in await ask.office.registration.invitations()]


async def invite(ask: Ask, body: NewInvitation) -> Invitation:
    new = await ask.office.registration.invite(uses=body.uses, expires=body.expires, by=ask.by)
    return msgspec.structs.replace(_invitation(new.link), code=new.code)


async def withdraw(ask: Ask, invitation_id: str) -> None:
    await ask.office.registration.withdraw(invitation_id, by=ask.by)


def _invitation(link: Link) -> Invitation:
    return Invitation(link.id[:_ID], link.uses, link.ends, str(link.what.get("by", "")))
