"""`tornadogw token ...`: tokens for programs that use the admin API. They are printed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from tornadogw.accounts.admin_tokens import SCOPES, of_role
from tornadogw.cli.commands import Group, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.store.ports_people import AdminToken

__all__ = ["token"]

NEVER = "never"


@click.group(cls=Group, help=both("管理管理接口的令牌。", "Manage tokens of the admin API."))
def token() -> None:
    """Commands on tokens."""


@token.command(help=both("建立一个令牌,只显示这一次。", "Make a token; it is shown only now."))
@argument("email")
@option(
    "--scopes",
    metavar="A,B",
    help=both("权限,默认该账户可有的全部。", f"What it may do (default: all of the account's): {', '.join(SCOPES)}."),
)
@option("--label", default="", help=both("标签。", "What it is for."))
@option(
    "--expires", default="90d", metavar="90d", help=both("有效期,never 为永久。", "How long it is good, or `never`.")
)
@pass_state
def create(state: State, email: str, scopes: str | None, label: str, expires: str) -> None:
    async def make(to: Session) -> tuple[Any, Mapping[str, str]]:
        account = await to.accounts.show(email)
        wanted = of_role(account) if scopes is None else [each.strip() for each in scopes.split(",")]
        ends = None if expires == NEVER else expires
        new = await to.admin_tokens.create(account.email, wanted, label=label, expires=ends, by=to.by)
        return new, {account.id: account.email}

    new, emails = with_database(state, make)
    state.out.give({**_document(new.token, emails), "token": new.text}, lambda: [new.text])
    hint = state.out.say("请保存,以后不再显示。", "Keep it: it is not shown again.")
    state.out.tell(f"{new.token.id}  {hint}")


@token.command("list", help=both("列出令牌。", "List the tokens, those that were revoked, too."))
@argument("email", required=False)
@pass_state
def list_(state: State, email: str | None) -> None:
    async def read(to: Session) -> tuple[Sequence[AdminToken], Mapping[str, str]]:
        found = await to.admin_tokens.list(email)
        theirs = [await to.accounts.by_id(each) for each in {each.account_id for each in found}]
        return found, {each.id: each.email for each in theirs if each is not None}

    found, emails = with_database(state, read)
    heads = [("令牌", "TOKEN"), ("账户", "ACCOUNT"), ("标签", "LABEL"), ("状态", "STATE"), ("权限", "SCOPES")]
    state.out.give(
        {"tokens": [_document(each, emails) for each in found]},
        lambda: state.out.table(heads, (_row(state, each, emails) for each in found)),
    )


@token.command(help=both("撤销一个令牌。", "Revoke a token."))
@argument("token_id")
@pass_state
def revoke(state: State, token_id: str) -> None:
    revoked = with_database(state, lambda to: to.admin_tokens.revoke(token_id, by=to.by))
    state.out.give({"id": revoked.id}, lambda: [state.out.say("已撤销。", "Revoked.")])


def _document(found: AdminToken, emails: Mapping[str, str]) -> dict[str, Any]:
    return {**msgspec.to_builtins(found), "email": emails.get(found.account_id, "")}


def _row(state: State, found: AdminToken, emails: Mapping[str, str]) -> Sequence[str]:
    if found.revoked is not None:
        how = state.out.say("已撤销", "revoked")
    elif found.expires is None:
        how = state.out.say("有效", "good")
    else:
        until = datetime.fromtimestamp(found.expires, UTC).isoformat(" ", "minutes")
        how = state.out.say(f"至 {until}", f"until {until}")
    return [found.id, emails.get(found.account_id, ""), found.label, how, ",".join(found.scopes)]
