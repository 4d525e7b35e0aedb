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
from tornadogw.cli.probe import Outcome, probe
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.entries import Entries
from tornadogw.errors import UsageError
from tornadogw.plugins import load_plugins
from tornadogw.seals import Seal
from tornadogw.settings import Loaded
from tornadogw.store.ports_supply import Supplied

__all__ = ["check"]


class Finding(msgspec.Struct, frozen=True):
    """What one look gave."""

    check: str
    """`settings`, `plugins`, `models`, `database`, `upstream NAME`, or `model NAME` for one that is wrong there."""
    ok: bool
    text: str
    problem: str = ""
    """Of an upstream: what `Diagnosis.problem` says."""


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
        "也用每个密钥、为每个模型向上游请求一个 token(产生少量费用)。",
        "Also ask every upstream, with each key and for each model, for one token, which costs a little.",
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
    catalogue = vendors = None
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
    finding, stored = _database(state, loaded)
    yield finding
    if stored is not None and catalogue is not None and vendors is not None:
        supplied, seal = stored
        offer = Entries(loaded.settings, loaded.origins, vendors, os.environ, seal).of(supplied)
        catalogue = offer.catalogue
        for found in offer.found:
            if found.faults:
                text = "; ".join(fault.text for fault in found.faults)
                yield Finding(f"{found.kind} {found.name}", ok=False, text=text)
    if upstreams and catalogue is not None:
        with logs_on_stderr():
            outcomes = asyncio.run(probe(catalogue, loaded.settings.defaults))
        yield from (_upstream(outcome, state.out) for outcome in outcomes)


def _upstream(outcome: Outcome, out: Output) -> Finding:
    name, wrong = f"upstream {outcome.key}", outcome.wrong
    if wrong is None:
        return Finding(name, ok=True, text=out.say(f"{outcome.model} 有回答", f"{outcome.model} answers"))
    return Finding(name, ok=False, text=out.say(wrong.zh, wrong.en), problem=wrong.problem)


def _database(state: State, loaded: Loaded) -> tuple[Finding, tuple[Supplied, Seal] | None]:
    """And what it has of upstreams and models."""

    async def work(session: Session) -> tuple[int, Supplied, Seal]:
        return len(await session.accounts.list()), await session.supplied.read(), session.seal

    try:
        count, supplied, seal = with_database(state, work, loaded)
    except UsageError as error:
        return Finding("database", ok=False, text=str(error)), None
    where = "mongo.url" if loaded.settings.mongo.url else f"private mongod in {state.data}"
    return Finding("database", ok=True, text=f"{where}, {count} accounts"), (supplied, seal)
