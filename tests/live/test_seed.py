"""The programs of the seed document, word for word but for address and key, against a real engine.

They are read from the document itself, which lost its indentation; only the Python sample needs it, and never dedents.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.journeys.wire import events_of, joined
from tests.shared import ROOT, program, shared
from tornadogw.testing import Answer, FakeUpstream

SITE = "https://www.xlei.site"
END_OF_LOOP = "\n第三方工具接入"


def document() -> str:
    return shared("seed-api-doc.zh.txt").read_text(encoding="utf-8")


def between(start: str, end: str) -> str:
    text = document()
    at = text.index(start)
    return text[at : text.index(end, at)]


def indented(code: str) -> str:
    """Each line that ends with a colon opens a block, and none of the sample's blocks is followed by anything."""
    lines, depth = [], 0
    for line in code.splitlines():
        lines.append("    " * depth + line)
        depth += line.endswith(":")
    return "\n".join(lines)


def curls() -> list[str]:
    """Every curl command of the document."""
    commands: list[str] = []
    for line in document().splitlines():
        if commands and (commands[-1].count("'") % 2 or commands[-1].endswith("\\")):
            commands[-1] += f"\n{line}"
        elif line.startswith("curl "):
            commands.append(line)
    return commands


def ran(command: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env={**os.environ, **environ},
    )


def as_written(gateway: Any, code: str) -> str:
    return code.replace(SITE, gateway.url).replace("sk-your-api-key", gateway.key)


def test_the_requests_loop(gateway, tmp_path):
    code = as_written(gateway, indented(between("import requests", "\nJavaScript")))
    (tmp_path / "loop.py").write_text(code, encoding="utf-8")
    done = ran([sys.executable, str(tmp_path / "loop.py")], XLEI_API_KEY=gateway.key, PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    *printed, last = done.stdout.splitlines()
    assert last == "[DONE]"
    chunks = [json.loads(line) for line in printed]
    assert joined(chunks)
    assert {chunk["model"] for chunk in chunks} == {"tiny-random"}


@pytest.mark.parametrize("number", range(4))
def test_every_curl(gateway, number):
    program("curl")
    commands = curls()
    assert len(commands) == 4
    done = ran(["bash", "-c", as_written(gateway, commands[number])])
    assert done.returncode == 0
    events = events_of(done.stdout.encode())
    assert events[-1] == "[DONE]"
    assert joined(events)


def test_the_curl_that_the_first_start_prints(gateway):
    program("curl")
    done = ran(["bash", "-c", gateway.curl])
    assert events_of(done.stdout.encode())[-1] == "[DONE]"


def test_the_langchain_settings_are_those_of_today(gateway):
    """`langchain.chat_models` is gone from langchain; its successor takes the same arguments."""
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - the sample's own import

    sample = between("llm = ChatOpenAI(", "response = llm.predict")
    namespace: dict[str, Any] = {"ChatOpenAI": ChatOpenAI}
    exec(as_written(gateway, sample), namespace)
    assert namespace["llm"].invoke("Hello!").content


# --- JavaScript ------------------------------------------------------------------------------------------------------


def node(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return ran([program("node"), *words], **environ)


def test_the_javascript_loop_throws_on_the_terminator_by_its_own_bug(gateway, tmp_path):
    (tmp_path / "loop.cjs").write_text(as_written(gateway, between("const baseUrl", END_OF_LOOP)), encoding="utf-8")
    done = node(str(tmp_path / "loop.cjs"), XLEI_API_KEY=gateway.key)
    assert done.returncode == 1
    assert re.search("SyntaxError: Unexpected token '?D", done.stderr), done.stderr
    assert done.stdout, "all of the answer was printed before"


MENDED = str(ROOT / "docs/samples/chat.mjs")


def test_the_mended_loop(gateway):
    done = node(MENDED, "Hello!", URL=gateway.url, KEY=gateway.key)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_mended_loop_tells_an_error(gateway):
    done = node(MENDED, "Hello!", URL=gateway.url, KEY="sk-somebody")
    assert done.returncode == 1
    assert "API Key" in done.stderr


PIECES = ["你好", ", ", "世界", "🌍", "\n\ndata: [DONE]\n\n"]


def event(piece: str) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


CUTS = [2, 20, event("世界").index("界".encode()) + 1, -1, 3]
"""Where each event is cut: in its name, its JSON, a character, its end, and in its name again."""


@asynccontextmanager
async def started(script: str, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    environ = {**os.environ, "URL": url, "KEY": "sk-x", "XLEI_API_KEY": "sk-x"}
    process = await asyncio.create_subprocess_exec(program("node"), script, env=environ, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_the_javascript_loop_throws_on_split_events_by_its_own_bug(tmp_path):
    half = [event("你好")[:30], asyncio.Event()]
    async with FakeUpstream(Answer(body=half)) as server:
        code = between("const baseUrl", END_OF_LOOP).replace(SITE, server.url)
        (tmp_path / "loop.cjs").write_text(code, encoding="utf-8")
        async with started(str(tmp_path / "loop.cjs"), server.url) as process:
            out, err = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert b"SyntaxError" in err


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        (b"data: [DONE]\n\n", 0, ""),
        (b'data: {"error":{"message":"gone"},"code":4001,"message":"gone"}\n\n', 1, "Error: gone"),
        (b"", 1, "Error: the answer was cut off"),
    ],
    ids=["whole", "error", "cut"],
)
async def test_the_mended_loop_survives_events_that_are_split(end, code, told):
    """The rest of an event is sent once everything before it was printed: each part is a read of its own."""
    gates, body, rest = [], [], b""
    for piece, cut in zip(PIECES, CUTS, strict=True):
        whole = event(piece)
        gates.append(asyncio.Event())
        body += [rest + whole[:cut], gates[-1]]
        rest = whole[cut:]
    async with FakeUpstream(Answer(body=[*body, rest + end])) as server, started(MENDED, server.url) as process:
        for printed, gate in zip(["", *PIECES], gates, strict=False):
            assert await process.stdout.readexactly(len(printed.encode())) == printed.encode()
            gate.set()
        out, err = await process.communicate()
    assert (process.returncode, out.decode()) == (code, PIECES[-1]), err
    assert told in err.decode()
