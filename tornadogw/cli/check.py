"""`tornadogw check`: everything that a start needs, looked at without serving."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import click
import msgspec

from tornadogw.catalogue import Catalogue
from tornadogw.cli.commands import Command, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output, logs_on_stderr
from tornadogw.cli.probe import probe
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.errors import UsageError
from tornadogw.plugins import load_plugins
from tornadogw.settings import Loaded

__all__ = ["check"]


class Finding(msgspec.Struct, frozen=True):
    """What one look gave."""

    check: str
    """`settings`, `plugins`, `models`, `database` or `upstream NAME`."""
    ok: bool
    text: str


@click.command(
    cls=Command,
    help=both(
        "检查设置、插件、模型和数据库,不启动服务。", "Check settings, plugins, models and database without serving."
    ),
)
@option(
    "--upstreams",
    is_flag=True,
    help=both(
        "也向每个上游请求一个很短的回答(产生费用)。",
        "Also ask every upstream for a very short answer, which costs a little.",
    ),
)
@pass_state
def check(state: State, upstreams: bool) -> int:
    findings = list(_look(state, upstreams))
    bad = [finding for finding in findings if not finding.ok]
    document = {"ok": not bad, "findings": msgspec.to_builtins(findings)}
    state.out.give(document, lambda: (_line(finding, state.out) for finding in findings))
    if bad:
        count = len(bad)
        state.out.tell(state.out.say(f"{count} 项检查未通过。", f"{count} of {len(findings)} checks failed."))
    return 1 if bad else 0


def _line(finding: Finding, out: Output) -> str:
    return f"{out.say('正常', 'ok  ') if finding.ok else out.say('失败', 'FAIL')}  {finding.check}: {finding.text}"


def _look(state: State, upstreams: bool) -> Iterator[Finding]:
    """One finding after the other; what depends on something broken is left out."""
    try:
        loaded = state.load()
    except UsageError as error:
        yield Finding("settings", ok=False, text=str(error))
        return
    yield Finding("settings", ok=True, text=str(loaded.path or "defaults"))
    catalogue = None
    with logs_on_stderr():
        try:
            plugins = load_plugins(loaded, os.environ)
            vendors = plugins.register_vendors()
            yield Finding("plugins", ok=True, text=f"{len(plugins.list())} plugins, {len(vendors)} vendors")
        except UsageError as error:
            yield Finding("plugins", ok=False, text=str(error))
        else:
            try:
                catalogue = Catalogue.build(loaded.settings, vendors, os.environ)
                yield Finding("models", ok=True, text=", ".join(model.name for model in catalogue.models) or "none")
            except UsageError as error:
                yield Finding("models", ok=False, text=str(error))
    yield _database(state, loaded)
    if upstreams and catalogue is not None:
        for name, failure in asyncio.run(probe(catalogue, loaded.settings.defaults)):
            yield Finding(f"upstream {name}", ok=not failure, text=failure or "answers")


def _database(state: State, loaded: Loaded) -> Finding:
    async def work(session: Session) -> int:
        return len(await session.accounts.list())

    try:
        count = with_database(state, work, loaded)
    except UsageError as error:
        return Finding("database", ok=False, text=str(error))
    where = "mongo.url" if loaded.settings.mongo.url else f"private mongod in {state.data}"
    return Finding("database", ok=True, text=f"{where}, {count} accounts")
