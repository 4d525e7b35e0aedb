"""`tornadogw invitation ...`: who may register where that takes an invitation. Codes are printed once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from tornadogw.cli.commands import Group, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.session import with_database
from tornadogw.cli.state import State
from tornadogw.store.ports_people import Link

__all__ = ["invitation"]

_ID = 12


@click.group(cls=Group, help=both("管理注册邀请。", "Manage invitations to register."))
def invitation() -> None:
    """Commands on invitations."""


@invitation.command(help=both("建立一个邀请码,只显示这一次。", "Make an invitation; its code is shown only now."))
@option(
    "--uses", type=int, default=1, metavar="N", help=both("可注册几人(默认 1)。", "How many may use it (default: 1).")
)
@option(
    "--expires", default="30d", metavar="30d", help=both("有效期:m、h、d、w。", "How long it is good (default: 30d).")
)
@pass_state
def create(state: State, uses: int, expires: str) -> None:
    new = with_database(state, lambda to: to.registration.invite(uses=uses, expires=expires, by=to.by))
    state.out.give({**_document(new.link), "code": new.code}, lambda: [new.code])
    hint = state.out.say("请保存,以后不再显示。", "Keep it: it is not shown again.")
    state.out.tell(f"{new.link.id[:_ID]}  {hint}")


@invitation.command("list", help=both("列出有效的邀请。", "List the invitations that are good."))
@pass_state
def list_(state: State) -> None:
    found = with_database(state, lambda to: to.registration.invitations())
    heads = [("邀请", "INVITATION"), ("剩余", "LEFT"), ("到期", "EXPIRES"), ("创建者", "BY")]
    state.out.give(
        {"invitations": [_document(each) for each in found]},
        lambda: state.out.table(heads, (_row(each) for each in found)),
    )


@invitation.command(help=both("撤回一个邀请。", "Withdraw an invitation."))
@argument("invitation")
@pass_state
def withdraw(state: State, invitation: str) -> None:
    with_database(state, lambda to: to.registration.withdraw(invitation, by=to.by))
    state.out.give({"id": invitation}, lambda: [state.out.say("已撤回。", "Withdrawn.")])


def _document(found: Link) -> dict[str, Any]:
    return {"id": found.id[:_ID], "uses": found.uses, "expires": found.ends, "by": found.what.get("by", "")}


def _row(found: Link) -> Sequence[str]:
    ends = datetime.fromtimestamp(found.ends, UTC).isoformat(" ", "seconds")
    return [found.id[:_ID], str(found.uses), ends, str(found.what.get("by", ""))]
