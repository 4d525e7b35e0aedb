"""`tornadogw key ...`: make, list, disable, enable, rotate, budget. A key's text is printed once, when it is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from tornadogw.accounts.accounts import format_amount
from tornadogw.accounts.keys import NewKey
from tornadogw.cli.commands import Group, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.store.ports import ApiKey

__all__ = ["key"]

HEADS = [
    ("编号", "ID"),
    ("标签", "LABEL"),
    ("状态", "STATE"),
    ("每分钟", "RPM"),
    ("每天预算", "DAILY"),
    ("总预算", "TOTAL"),
    ("模型", "MODELS"),
    ("地址", "ADDRESSES"),
    ("到期", "EXPIRES"),
]


@click.group(cls=Group, help=both("管理 API Key。", "Manage API keys."))
def key() -> None:
    """Commands on keys."""


@key.command(help=both("建立一个 Key,只显示这一次。", "Make a key; it is shown only now."))
@argument("email")
@option("--label", metavar="L", default="", help=both("标签。", "What it is for."))
@option("--rpm", type=int, metavar="N", help=both("每分钟请求数。", "Requests per minute (default: the setting)."))
@option("--models", metavar="A,B", help=both("只允许这些模型。", "Only these models (default: all)."))
@option("--ips", metavar="CIDR,..", help=both("只允许这些地址。", "Only from these addresses (default: anywhere)."))
@option(
    "--expires",
    metavar="30d",
    help=both("有效期:m、h、d、w。", "How long it lives, in m, h, d or w (default: for ever)."),
)
@option(
    "--stream/--no-stream",
    default=None,
    help=both("请求没说明时是否流式。", "Whether it streams where neither request nor headers say."),
)
@option("--daily-budget", metavar="A", help=both("每天最多花多少。", "What it may spend on one day (default: any)."))
@option("--budget", metavar="A", help=both("一共最多花多少。", "What it may spend in all (default: any)."))
@option("--tpm", type=int, metavar="N", help=both("每分钟 token 数。", "Tokens per minute (default: the setting)."))
@option("--concurrent", type=int, metavar="N", help=both("同时请求数。", "Requests at a time (default: the setting)."))
@pass_state
def create(state: State, /, email: str, models: str | None, ips: str | None, stream: bool | None, **given: Any) -> None:
    def work(session: Session) -> Awaitable[NewKey]:
        return session.keys.create(
            email,
            models=models.split(",") if models is not None else None,
            ips=ips.split(",") if ips is not None else (),
            stream_default=stream,
            by=session.by,
            **given,
        )

    _show_new(state, work)


@key.command("list", help=both("列出账户的 Key。", "List the keys of an account."))
@argument("email")
@pass_state
def list_(state: State, email: str) -> None:
    found = list(with_database(state, lambda session: session.keys.list(email)))
    _give(state, {"keys": [_document(each) for each in found]}, found)


@key.command(help=both("停用一个 Key。", "Refuse a key from now on."))
@argument("email")
@argument("key_id")
@pass_state
def disable(state: State, email: str, key_id: str) -> None:
    found = with_database(state, lambda session: session.keys.disable(email, key_id, by=session.by))
    _give(state, _document(found), [found])


@key.command(help=both("重新启用一个 Key。", "Take a disabled key back."))
@argument("email")
@argument("key_id")
@pass_state
def enable(state: State, email: str, key_id: str) -> None:
    found = with_database(state, lambda session: session.keys.enable(email, key_id, by=session.by))
    _give(state, _document(found), [found])


@key.command(help=both("改变 Key 的预算,none 为不限。", "Change a key's budgets; none takes one away."))
@argument("email")
@argument("key_id")
@option("--daily", metavar="A", help=both("每天最多花多少。", "What it may spend on one day."))
@option("--total", metavar="A", help=both("一共最多花多少。", "What it may spend in all."))
@pass_state
def budget(state: State, email: str, key_id: str, daily: str | None, total: str | None) -> None:
    def work(session: Session) -> Awaitable[ApiKey]:
        return session.keys.set_budgets(email, key_id, daily=daily, total=total, by=session.by)

    found = with_database(state, work)
    _give(state, _document(found), [found])


@key.command(help=both("换一个新的 Key,旧的立即失效。", "Give a key a new text; the old one is refused from now on."))
@argument("email")
@argument("key_id")
@pass_state
def rotate(state: State, email: str, key_id: str) -> None:
    _show_new(state, lambda session: session.keys.rotate(email, key_id, by=session.by))


def _show_new(state: State, work: Callable[[Session], Awaitable[NewKey]]) -> None:
    new = with_database(state, work)
    out = state.out
    hint = out.say("请保存,以后不再显示。", "Keep it: it is not shown again.")
    out.give({**_document(new.key), "key": new.text}, lambda: [new.text, f"{new.key.id}  {hint}"])


def _give(state: State, document: Any, keys: list[ApiKey]) -> None:
    state.out.give(document, lambda: state.out.table(HEADS, (_row(each, state.out) for each in keys)))


def _document(found: ApiKey) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(found)
    return document


def _row(found: ApiKey, out: Output) -> list[str]:
    return [
        found.id,
        found.label,
        out.say("停用", "disabled") if found.disabled else out.say("有效", "active"),
        "-" if found.rpm is None else str(found.rpm),
        "-" if found.budget_daily is None else format_amount(found.budget_daily),
        "-" if found.budget_total is None else format_amount(found.budget_total),
        "-" if found.models is None else ",".join(found.models),
        ",".join(found.ips) or "-",
        "-" if found.expires is None else datetime.fromtimestamp(found.expires, UTC).isoformat(" ", "seconds"),
    ]
