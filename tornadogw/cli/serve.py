"""`tornadogw serve`: run the gateway and show what it is doing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from tornadogw.catalogue import ECHO
from tornadogw.cli.commands import Command, option, pass_state
from tornadogw.cli.language import both
from tornadogw.cli.output import Output
from tornadogw.cli.state import Serving, State
from tornadogw.settings import Loaded

__all__ = ["serve"]

_ANYWHERE = {"http://0.0.0.0:": "http://127.0.0.1:", "http://[::]:": "http://[::1]:"}
"""Who listens everywhere is reached here."""


@click.command(
    cls=Command,
    help=both(
        "启动网关,直到收到 SIGTERM 或 Ctrl-C;停止前让正在进行的回答完成。SIGHUP 重新读取设置。",
        "Run the gateway until SIGTERM or Ctrl-C; a stop lets running answers finish. SIGHUP reads the settings again.",
    ),
)
@option("--host", metavar="H", help=both("监听地址。", "Address to listen on (default: 127.0.0.1)."))
@option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="P",
    help=both("监听端口。", "Port, 0 takes a free one (default: 8080)."),
)
@option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help=both("工作进程数。", "Worker processes that answer requests (default: 1)."),
)
@pass_state
def serve(state: State, host: str | None, port: int | None, workers: int | None) -> int:
    flags = {"server.host": host, "server.port": port, "server.workers": workers}
    loaded, out = state.load(flags), state.out

    def report(serving: Serving) -> None:
        out.give(_document(serving), lambda: _lines(serving, out))

    def reload() -> Loaded:
        return state.load(flags)

    return state.serve(loaded=loaded, reload=reload, data=state.data, report=report, log_json=out.as_json)


def _document(serving: Serving) -> dict[str, Any]:
    first = serving.welcome
    return {
        "url": serving.url,
        "public_url": serving.public_url,
        "prefix": serving.prefix,
        "data": str(serving.data),
        "mongod": serving.mongod,
        "plugins": msgspec.to_builtins(serving.plugins),
        "models": list(serving.models),
        "metrics": list(serving.metrics),
        "welcome": first
        and {
            **msgspec.to_builtins(first),
            "curl": _first_call(serving, first.key, "Hello"),
            "login": _login(serving),
        },
        "started_in": round(serving.started_in, 3),
    }


def _lines(serving: Serving, out: Output) -> Iterator[str]:
    plugins = (f"{each.name} {each.version}".strip() for each in serving.plugins if not each.blocked)
    yield out.say("数据目录  ", "data     ") + str(serving.data)
    yield "MongoDB   "[: 10 if out.language == "zh" else 9] + serving.mongod
    yield out.say("插件      ", "plugins  ") + ", ".join(plugins)
    yield out.say("模型      ", "models   ") + ", ".join(serving.models)
    yield out.say("地址      ", "API      ") + f"{serving.public_url}{serving.prefix}  {serving.public_url}/v1"
    if serving.metrics:
        yield out.say("指标      ", "metrics  ") + "  ".join(serving.metrics)
    if serving.welcome is not None:
        yield from _welcome(serving, out)
    yield (
        out.say("已就绪,用时 ", "ready in ")
        + f"{serving.started_in:.1f} s"
        + out.say("。Ctrl-C 停止。", ", Ctrl-C stops")
    )


def _welcome(serving: Serving, out: Output) -> Iterator[str]:
    """Shown once and kept nowhere. The call stands alone on its line, to be copied as it is."""
    first = serving.welcome
    assert first is not None  # noqa: S101 - told to the type checker; the caller has looked
    yield ""
    yield out.say(
        f"首次启动,管理员账户 {first.email},密码 {first.password} (只显示这一次)。试一试:",
        f"First start: owner {first.email}, password {first.password} (shown only now). Try:",
    )
    yield _first_call(serving, first.key, out.say("你好", "Hello"))
    if login := _login(serving):
        yield out.say("网页登录: ", "Pages, log in at ") + login
    if ECHO not in serving.models:
        yield out.say("先充值: ", "It needs money first: ") + f"tornadogw account credit {first.email} 10"
    yield ""


def _first_call(serving: Serving, key: str, text: str) -> str:
    """A line for bash that works at once, from this machine."""
    url = _reached(serving.url)
    body = f'{{"messages":[{{"role":"user","content":"{text}"}}]}}'
    headers = f"-H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
    return f"curl {url}{serving.prefix}/chat/completions {headers} -d {shlex.quote(body)}"


def _login(serving: Serving) -> str:
    """Where the owner logs in; empty: there are no pages."""
    return f"{_reached(serving.public_url).rstrip('/')}/login" if serving.pages else ""


def _reached(url: str) -> str:
    """How this machine gets there."""
    for anywhere, here in _ANYWHERE.items():
        url = url.replace(anywhere, here)
    return url
