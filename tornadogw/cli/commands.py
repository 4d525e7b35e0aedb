"""Click, as this command line uses it: help in two languages, `--json` anywhere, commands loaded on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

import click
from typing_extensions import override

from tornadogw.cli.language import both, pick
from tornadogw.cli.state import State

__all__ = ["Command", "Group", "LazyGroup", "argument", "option", "pass_state"]

F = TypeVar("F", bound=Callable[..., Any])

pass_state = click.make_pass_decorator(State)


class Option(click.Option):
    """An option with help in two languages."""

    @override
    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return record and (record[0], record[1].replace(self.help or "", pick(self.help) or ""))


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """`click.option` with help in two languages."""
    return click.option(*names, cls=Option, **attributes)


argument = click.argument


def _ask_for_json(ctx: click.Context, _: click.Parameter, given: bool) -> None:
    if given and isinstance(ctx.obj, State):
        ctx.obj.out.as_json = True


def _json_option() -> Option:
    """Before the command or after its arguments."""
    return Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_ask_for_json,
        help=both("标准输出只有一个 JSON 文档。", "Standard output is exactly one JSON document."),
    )


class _Shared(click.Command):
    """What commands and groups share: `--json`, and help in the language of whoever reads it."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.params.append(_json_option())

    @override
    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(pick(self.help) or "")

    @override
    def get_short_help_str(self, limit: int = 45) -> str:
        return pick(self.help) or ""


class Command(_Shared):
    """A command that takes `--json`."""


class Group(_Shared, click.Group):
    """A group of such commands."""

    command_class = Command

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the file, which is that of their use."""
        return list(self.commands)


class LazyGroup(Group):
    """The top: a command's module is imported when the command is asked for, so that help and errors are quick."""

    def __init__(self, *arguments: Any, lazy: Mapping[str, tuple[str, str]], **attributes: Any) -> None:
        """`lazy`: a command's name to `module:attribute` and its line of help."""
        super().__init__(*arguments, **attributes)
        self._lazy = lazy

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, pick(text) or "") for name, (_, text) in self._lazy.items()])
