"""The command line: the only place that prints. Commands work beside a running `serve` and without one.

Exit status 0: done; 1: not done, with a sentence on stderr that says why, never a stack trace.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import click

from tornadogw.cli.commands import LazyGroup, option, pass_state
from tornadogw.cli.language import both, environment_language
from tornadogw.cli.output import Output
from tornadogw.cli.state import Serve, State
from tornadogw.errors import UsageError
from tornadogw.observe import mistake

__all__ = ["main", "top"]

COMMANDS = {
    "serve": ("tornadogw.cli.serve:serve", both("启动网关。", "Run the gateway.")),
    "check": (
        "tornadogw.cli.check:check",
        both("检查设置、插件、数据库和上游。", "Check settings, plugins, database, upstreams."),
    ),
    "settings": (
        "tornadogw.cli.settings:settings",
        both("显示设置及其来源。", "Show the settings and where they come from."),
    ),
    "plugins": ("tornadogw.cli.plugins:plugins", both("列出插件。", "List the plugins.")),
    "account": ("tornadogw.cli.account:account", both("管理账户和余额。", "Manage accounts and their balance.")),
    "key": ("tornadogw.cli.key:key", both("管理 API Key。", "Manage API keys.")),
    "plan": ("tornadogw.cli.plan:plan", both("管理套餐。", "Manage plans.")),
    "code": ("tornadogw.cli.code:code", both("管理兑换码。", "Manage redeem codes.")),
    "invitation": ("tornadogw.cli.invitation:invitation", both("管理注册邀请。", "Manage invitations to register.")),
    "token": ("tornadogw.cli.token:token", both("管理管理接口的令牌。", "Manage tokens of the admin API.")),
    "usage": ("tornadogw.cli.usage:usage", both("显示账户的用量。", "Show what an account used.")),
    "explain": (
        "tornadogw.cli.explain:explain",
        both("说明一个请求为何如此处理。", "Say why a request went as it did."),
    ),
    "upstreams": (
        "tornadogw.cli.upstreams:upstreams",
        both("显示被搁置的上游和密钥。", "Show which upstreams and keys are left alone."),
    ),
    "doctor": (
        "tornadogw.cli.doctor:doctor",
        both("核对所有账目。", "Recompute every balance and sum, and say what is off."),
    ),
    "audit": ("tornadogw.cli.audit:audit", both("显示谁改了什么。", "Show who changed what, and when.")),
    "vendor": ("tornadogw.cli.vendor:vendor", both("编写和检查供应商插件。", "Write and check vendor plugins.")),
}
INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""


@click.group(
    "tornadogw",
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help=both("tornadogw:大模型网关。", "tornadogw, a gateway to large language models."),
)
@option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="TORNADOGW_DATA",
    metavar="DIR",
    help=both("数据目录,没有就建立。", "Data folder, made if it is missing (default: the user's data folder)."),
)
@option(
    "--settings",
    type=click.Path(path_type=Path),
    envvar="TORNADOGW_SETTINGS",
    metavar="PATH",
    help=both("TOML 设置文件或目录。", "TOML file with the settings, or a folder of them."),
)
@option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _, given: _version(ctx) if given else None,
    help=both("显示版本。", "Show the version and exit."),
)
@pass_state
def top(state: State, data: Path | None, settings: Path | None) -> None:
    state.data_option, state.settings_option = data, settings


def main(serve: Serve, arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status. `arguments`: those of the process."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    out = Output(as_json="--json" in words, language=environment_language(os.environ))
    try:
        return _run(words, State(out, serve))
    except click.exceptions.NoArgsIsHelpError as error:
        out.tell(error.format_message())
        return 1
    except click.ClickException as error:
        out.fail(_usage(error))
    except UsageError as error:
        out.fail(str(error))
    except (KeyboardInterrupt, click.Abort):
        out.tell(out.say("已中断。", "Interrupted."))
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not complain of it while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:  # noqa: BLE001 - the last line of defence: a sentence instead of a stack trace
        out.fail(mistake(error))
    return 1


def _version(context: click.Context) -> NoReturn:
    try:
        version = metadata.version("tornadogw")
    except metadata.PackageNotFoundError:
        version = "(not installed: runs from a checkout)"
    context.obj.out.give({"version": version}, lambda: [f"tornadogw {version}"])
    context.exit()


def _run(words: list[str], state: State) -> int:
    result = top.main(words, prog_name="tornadogw", obj=state, standalone_mode=False)
    return result if isinstance(result, int) else 0


def _usage(error: click.ClickException) -> str:
    """Click's sentence, and where to read on."""
    context = getattr(error, "ctx", None)
    return f"{error.format_message()} `{context.command_path} --help`" if context else error.format_message()
