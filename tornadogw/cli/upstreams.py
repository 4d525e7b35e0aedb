"""`tornadogw upstreams [--enable NAME]`: what is left alone, as all processes know it, and the end of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from tornadogw.cli.commands import Command, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.session import Session, with_database
from tornadogw.cli.state import State
from tornadogw.errors import UsageError
from tornadogw.store.ports_health import Told

__all__ = ["upstreams"]

HEADS = [
    ("上游", "UPSTREAM"),
    ("KEY", "KEY"),
    ("模型", "MODEL"),
    ("状态", "STATE"),
    ("剩余秒数", "SECONDS LEFT"),
    ("次数", "TIMES"),
]
STATES = {"disabled": ("已停用", "disabled"), "open": ("熔断", "circuit open"), "cooling": ("冷却", "cooling down")}


@click.command(cls=Command, help=both("显示被搁置的上游和密钥。", "Show which upstreams and keys are left alone."))
@option("--enable", metavar="NAME", help=both("重新启用这个密钥或上游。", "Use this key or upstream again."))
@pass_state
def upstreams(state: State, enable: str | None) -> None:
    async def work(to: Session) -> tuple[Sequence[Told], Sequence[Told]]:
        meant = [] if enable is None else await to.marks.enable(enable, by=to.by)
        return await to.marks.all(), meant

    found, enabled = with_database(state, work)
    if enable is not None and not enabled:
        raise UsageError(
            state.out.say(
                f"没有名为 {enable} 的密钥或上游被停用;`tornadogw upstreams` 列出所有名称。",
                f"no key or upstream {enable} is disabled or left alone; `tornadogw upstreams` lists the names.",
            )
        )
    rows = sorted((row for told in found for row in _rows(told)), key=lambda row: (row["upstream"], row["key"]))
    document = {"marks": rows, "enabled": [_place(each) for each in enabled]}
    state.out.give(document, lambda: state.out.table(HEADS, [_line(state, row) for row in rows]))


def _place(told: Told) -> Mapping[str, Any]:
    upstream, _, model = told.spot
    return {"upstream": upstream, "key": told.key, "model": model}


def _rows(told: Told) -> Iterable[Mapping[str, Any]]:
    """One for the breaker, one for the cool-down."""
    if told.openings:
        kind = "disabled" if told.disabled else "open"
        yield {**_place(told), "state": kind, "seconds": round(max(0.0, told.wait), 1), "times": told.openings}
    if told.cool > 0:
        yield {**_place(told), "state": "cooling", "seconds": round(told.cool, 1), "times": 1}


def _line(state: State, row: Mapping[str, Any]) -> list[str]:
    word = state.out.say(*STATES[row["state"]])
    return [row["upstream"], row["key"] or "-", row["model"] or "-", word, f"{row['seconds']:g}", str(row["times"])]
