"""`tornadogw settings`: every setting as it will be used, secrets masked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import click

from tornadogw.cli.commands import Command, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.state import State
from tornadogw.settings import Line

__all__ = ["settings"]


@click.command(cls=Command, help=both("显示被设置过的值;密钥不显示。", "Show what was set; secrets are masked."))
@option(
    "--explain",
    is_flag=True,
    help=both("显示全部设置、来源和说明。", "Show every setting, where it comes from and what it does."),
)
@pass_state
def settings(state: State, explain: bool) -> None:
    loaded = state.load()
    lines = [line for line in loaded.explain() if explain or line.origin != "default"]
    document = {
        "path": str(loaded.path) if loaded.path else None,
        "settings": [
            {"key": line.key, "value": line.value_masked, "origin": line.origin, "help": line.help} for line in lines
        ],
    }
    nothing = state.out.say("没有设置文件,全部为默认值。", "There is no settings file: everything is as by default.")
    head = f"# {loaded.path}" if loaded.path else f"# {nothing}"
    state.out.give(document, lambda: [head, *_written(lines, state.out, explain)])


def _written(lines: Sequence[Line], out: Output, explain: bool) -> Iterator[str]:
    for line in lines:
        if explain and line.help:
            yield f"\n# {line.help}"
        origin = out.say("默认", "default") if line.origin == "default" else line.origin
        yield f"{line.key} = {json.dumps(line.value_masked, ensure_ascii=False)}  # {origin}"
