"""The pages for everybody say what is so: of this deployment, and nothing of who serves it."""

from __future__ import annotations

import asyncio
import html
import json
import re

from tests.journeys.wire import said, serving
from tests.portal.test_page import get
from tests.running import CHAT
from tests.shared import program
from tornadogw.breaker import FAILURES
from tornadogw.errors import InsufficientBalance
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.types import Failure

EN = {"Accept-Language": "en"}


def cells(text):
    """The rows of a page's tables, as plain text."""
    rows = (re.findall(r"<t[hd]\b.*?</t[hd]>", row, re.DOTALL) for row in re.findall(r"<tr>.*?</tr>", text, re.DOTALL))
    return [[" ".join(html.unescape(re.sub("<[^>]+>", " ", cell)).split()) for cell in row] for row in rows]


def code(text, beginning, tag="<pre data-copy>"):
    """What stands in the page's samples that begin so."""
    found = re.findall(f"{tag}<code>(.*?)</code>", text, re.DOTALL)
    return [each for each in map(html.unescape, found) if each.startswith(beginning)]


async def test_the_models_with_their_prices_and_what_they_can_do(start):
    more = """
[[models]]
name = "n"
aliases = ["nn", "n-latest"]
context = 128000
auto = 1
modes = ["chat"]
capabilities = ["tools"]
price = { input = "0.27", output = "1.1", cached_input = "0.07" }
routes = [{ upstream = "u0", model = "secret-name" }]
"""
    async with FakeUpstream() as upstream, start(serving(upstream.url, price="2") + more) as gateway:
        _, text = await get(gateway, "/models", **EN)
        assert cells(text)[1:] == [
            ["m", "2.00", "–", "2.00", "–", "chat completion images JSON schema reasoning tools"],
            ["n auto also nn, n-latest", "0.27", "0.07", "1.10", "128,000", "chat tools"],
        ]
        assert "CNY" in text
        for path in ("/", "/docs", "/models", "/status"):
            _, text = await get(gateway, path, **EN)
            for hidden in ("u0", "secret-name", "m-up", upstream.url, "sk-up", "vllm"):
                assert hidden not in text, (path, hidden)


async def test_the_status_of_each_model_as_it_is_now(start, monkeypatch):
    monkeypatch.setattr("tornadogw.breaker.FIRST", 100.0)  # longer than this takes
    async with (
        FakeUpstream(Answer(body=said("x"))) as one,
        FakeUpstream(Answer(body=said("x"))) as two,
        start(serving(one.url, two.url)) as gateway,
    ):
        _, text = await get(gateway, "/status", **EN)
        assert "All models are available." in text
        assert cells(text)[1:] == [["m", "available", "–"]]
        assert (await gateway.ask({"model": "m", **CHAT}))[0] == 200
        _, text = await get(gateway, "/status", **EN)
        assert cells(text)[1][:2] == ["m", "available"]
        assert re.fullmatch(r"\d\.\d s", cells(text)[1][2])
        health = gateway.gateway.parts.gate.health
        for upstream, state, sentence in (
            ("u0", "partly available", "Some models are partly or wholly unavailable"),
            ("u1", "unavailable", "No model is available right now."),
        ):
            for _ in range(FAILURES):
                visit = health.enter(upstream=upstream, credential=f"{upstream}#1", model="m-up")
                visit.failed(Failure("elsewhere", code="reset"))
            _, text = await get(gateway, "/status", **EN)
            assert cells(text)[1][1] == state
            assert sentence in text


async def test_the_documentation_has_the_limits_defaults_and_errors_of_this_deployment(start):
    settings = "[limits]\nip_per_minute = 41\nkey_per_minute = 43\n[defaults]\nmax_tokens = 47\ntemperature = 0.3\n"
    async with start(settings) as gateway:
        _, text = await get(gateway, "/docs", **EN)
        assert "41 requests a minute" in text
        assert "43 requests a minute" in text
        rows = {row[0]: row for row in cells(text)}
        assert (rows["max_tokens"][2], rows["temperature"][2]) == ("47", "0.3")
        codes = [(row[0], row[1]) for row in cells(text) if row[0].isdecimal()]
        assert codes == [
            ("1001", "400"),
            ("1002", "400"),
            ("1003", "400"),
            ("2001", "401"),
            ("2002", "402"),
            ("2003", "402"),
            ("2004", "429"),
            ("4001", "503"),
            ("5000", "500"),
        ]
        assert rows["2002"][2] == InsufficientBalance.words[1]
        _, text = await get(gateway, "/docs", **{"Accept-Language": "zh"})
        assert {row[0]: row for row in cells(text)}["2002"][2] == "余额不足,请充值后重试"


async def test_the_copied_lines_really_answer(start):
    program("curl")  # where there must be one and is none, this fails
    async with start() as gateway:
        for path in ("/", "/docs"):
            _, text = await get(gateway, path)
            lines = code(text, "curl ")
            assert lines
            for line in lines:
                command = line.replace("sk-your-api-key", gateway.key)
                process = await asyncio.create_subprocess_exec(
                    "sh", "-c", f"{command} -s -N", stdout=asyncio.subprocess.PIPE
                )
                out, _ = await asyncio.wait_for(process.communicate(), 20)
                assert out.endswith(b"data: [DONE]\n\n"), out[-200:]


async def test_the_python_samples_are_code(start):
    async with start() as gateway:
        _, text = await get(gateway, "/docs")
        python = code(text, "from ")
        assert len(python) == 2
        for each in python:
            compile(each, "sample", "exec")
            assert '    model="auto",' in each or "ChatOpenAI" in each, "its lines keep their indentation"
        assert [bool(json.loads(each)) for each in code(text, "{", tag="<pre>")] == [True, True]


async def test_the_landing_page_says_how_many_models_there_are(start):
    async with start() as gateway:
        _, text = await get(gateway, "/", **EN)
        assert "Models served here: 1." in text
