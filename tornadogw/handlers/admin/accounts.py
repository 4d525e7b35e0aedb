"""Accounts, their money, plans and logins, by the admin API."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from tornadogw.accounts.accounts import Credit, format_amount
from tornadogw.errors import NotThere, UsageError
from tornadogw.handlers.admin.operation import Ask
from tornadogw.handlers.admin.shapes import (
    AccountChange,
    AccountQuery,
    LatestQuery,
    NewAccount,
    NewSubscription,
    Page,
    Password,
    Payment,
)
from tornadogw.store.orders import Order
from tornadogw.store.ports import Account
from tornadogw.store.ports import Payment as Paid
from tornadogw.store.ports_people import Login
from tornadogw.store.trade import Standing

__all__ = [
    "change",
    "create",
    "credit",
    "debit",
    "end_login",
    "end_logins",
    "end_subscriptions",
    "end_two_factor",
    "logins",
    "orders",
    "payments",
    "reset_password",
    "search",
    "show",
    "subscribe",
    "subscriptions",
]


async def search(ask: Ask, query: AccountQuery) -> Page[Account]:
    found = await ask.office.accounts.search(
        query.search, role=query.role or "", status=query.status or "", after=query.cursor, limit=query.limit
    )
    return Page(found, found[-1].email if len(found) == query.limit else None)


async def create(ask: Ask, body: NewAccount) -> Password:
    new = await ask.office.desk.create(
        ask.actor, body.email, role=body.role, password=body.password, language=body.language
    )
    return Password(new.account, new.password)


async def show(ask: Ask, account_id: str) -> Account:
    return await ask.office.desk.show(account_id)


async def change(ask: Ask, account_id: str, body: AccountChange) -> Account:
    desk, actor = ask.office.desk, ask.actor
    if body == AccountChange():
        raise UsageError("nothing to change: give a field", zh="没有要修改的：请至少给出一个字段")
    if body.role is not UNSET:
        await desk.set_role(actor, account_id, body.role)
    if body.status is not UNSET:
        await (desk.enable if body.status == "active" else desk.disable)(actor, account_id)
    if body.time_zone is not UNSET:
        await desk.set_zone(actor, account_id, body.time_zone)
    if body.language is not UNSET:
        await desk.set_language(actor, account_id, body.language)
    if body.email is not UNSET:
        await desk.set_email(actor, account_id, body.email)
    return await desk.show(account_id)


async def reset_password(ask: Ask, account_id: str) -> Password:
    new = await ask.office.desk.reset_password(ask.actor, account_id)
    return Password(new.account, new.password)


async def end_two_factor(ask: Ask, account_id: str) -> None:
    await ask.office.desk.end_two_factor(ask.actor, account_id)


async def credit(ask: Ask, account_id: str, body: Payment) -> Credit:
    amount = format_amount(body.amount)
    return await ask.office.desk.credit(ask.actor, account_id, amount, reason=body.reason, ref=body.ref)


async def debit(ask: Ask, account_id: str, body: Payment) -> Credit:
    amount = format_amount(body.amount)
    return await ask.office.desk.debit(ask.actor, account_id, amount, reason=body.reason, ref=body.ref)


async def payments(ask: Ask, account_id: str, query: LatestQuery) -> Sequence[Paid]:
    account = await ask.office.desk.show(account_id)
    return await ask.office.payments.of_account(account.id, query.limit)


async def orders(ask: Ask, account_id: str, query: LatestQuery) -> Sequence[Order]:
    return await ask.office.orders.of(await ask.office.desk.show(account_id), limit=query.limit)


async def subscriptions(ask: Ask, account_id: str) -> Standing:
    return await ask.office.subscriptions.of(await ask.office.desk.show(account_id))


async def subscribe(ask: Ask, account_id: str, body: NewSubscription) -> Standing:
    return await ask.office.desk.subscribe(
        ask.actor, account_id, body.plan, days=body.days, since=body.since, ref=body.ref
    )


async def end_subscriptions(ask: Ask, account_id: str) -> Standing:
    return await ask.office.desk.end_plan(ask.actor, account_id)


async def logins(ask: Ask, account_id: str) -> Sequence[Login]:
    return await ask.office.logins.of(await ask.office.desk.show(account_id))


async def end_logins(ask: Ask, account_id: str) -> None:
    await ask.office.desk.log_out(ask.actor, account_id)


async def end_login(ask: Ask, account_id: str, login_id: str) -> None:
    if not await ask.office.desk.end_login(ask.actor, account_id, login_id):
        raise NotThere("the account has no such login", zh="该账户没有这个登录")
