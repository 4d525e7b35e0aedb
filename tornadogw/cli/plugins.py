"""`tornadogw plugins`: what is installed, what each brings, who stands behind it."""

from __future__ import annotations

import os

import click
import msgspec

from tornadogw.cli.commands import Command, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output, logs_on_stderr
from tornadogw.cli.state import State
from tornadogw.plugins import PluginInfo, load_plugins

__all__ = ["plugins"]

HEADS = [
    ("名称", "NAME"),
    ("版本", "VERSION"),
    ("来源", "ORIGIN"),
    ("级别", "TIER"),
    ("钩子", "HOOKS"),
    ("供应商", "VENDORS"),
]


@click.command(cls=Command, help=both("列出插件及其钩子和供应商。", "List the plugins, their hooks and vendors."))
@pass_state
def plugins(state: State) -> None:
    loaded = state.load()
    with logs_on_stderr():
        found = load_plugins(loaded, os.environ).list()
    document = {"plugins": [msgspec.to_builtins(info) for info in found]}
    state.out.give(document, lambda: state.out.table(HEADS, (_row(info, state.out) for info in found)))


def _row(info: PluginInfo, out: Output) -> list[str]:
    tier = out.say("已屏蔽", "blocked") if info.blocked else info.tier
    return [info.name, info.version or "-", info.origin, tier, ",".join(info.hooks), ",".join(info.vendors) or "-"]
