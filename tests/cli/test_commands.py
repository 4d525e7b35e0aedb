"""`--json` anywhere, help in two languages, commands loaded on demand."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from tornadogw.cli.commands import Group, LazyGroup, argument, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.state import State


def made():
    @click.group(cls=Group, help=both("组", "a group"))
    def group() -> None:
        """Commands."""

    @group.command(help=both("命令", "a command"))
    @argument("word", required=False)
    @option("--size", metavar="N", help=both("大小", "how big"))
    @pass_state
    def zeta(state, word, size):
        return state.out.as_json, word, size

    @group.command(help=both("另一个", "another"))
    def alpha() -> None:
        """Nothing."""

    return group


def call(*words):
    state = State(Output(as_json=False, language="en"), serve=None)
    return made().main(list(words), obj=state, standalone_mode=False)


@pytest.mark.parametrize("words", [["--json", "zeta", "w"], ["zeta", "--json", "w"], ["zeta", "w", "--json"]])
def test_json_may_stand_anywhere(words):
    assert call(*words) == (True, "w", None)


def test_without_json():
    assert call("zeta", "--size", "3") == (False, None, "3")


@pytest.mark.parametrize(
    ("locale", "texts"), [("zh_CN", ["组", "命令", "大小"]), ("en", ["a group", "a command", "how big"])]
)
def test_help_in_the_readers_language(locale, texts, monkeypatch, capsys):
    monkeypatch.setenv("LC_ALL", locale)
    call("--help")
    call("zeta", "--help")
    out = capsys.readouterr().out
    for text in texts:
        assert text in out
    assert "English" not in out


def test_commands_stand_in_the_order_of_the_file():
    assert made().list_commands(click.Context(made())) == ["zeta", "alpha"]


def test_a_lazy_command_is_imported_when_it_is_asked_for(monkeypatch, tmp_path):
    (tmp_path / "late_room.py").write_text("import click\n@click.command()\ndef late(): return 'late'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    top = LazyGroup("top", lazy={"late": ("late_room:late", both("迟", "Late."))})
    with click.Context(top) as context:
        assert "Late." in top.get_help(context)
        assert "late_room" not in sys.modules
        assert top.get_command(context, "gone") is None
        assert isinstance(top.get_command(context, "late"), click.Command)
    assert sys.modules.pop("late_room")


def test_help_needs_neither_driver_nor_server():
    code = "import sys, tornadogw.cli; sys.exit(any(name in sys.modules for name in ('motor', 'tornado', 'aiohttp')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
