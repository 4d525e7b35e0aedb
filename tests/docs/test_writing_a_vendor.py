"""Runs docs/writing-a-vendor.md: each of its code blocks, against a fake upstream where one is called."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import aiohttp
import pytest

from tornadogw.plugins import load_plugins
from tornadogw.settings import load
from tornadogw.testing import Answer, FakeUpstream, read_all
from tornadogw.types import Call, Credential, Draft, Failure, Reasoning, Spent, Stop, Text, Usage

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/writing-a-vendor.md").read_text(encoding="utf-8")
NAMED = re.compile(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = dict(NAMED.findall(PAGE))

ACME = b'data: {"word": "Hi"}\n\ndata: {"word": " you"}\n\ndata: {"done": "stop", "used": [3, 2]}\n\n'


@pytest.fixture
def gateway(tmp_path):
    """The plugins of a gateway in a folder, as the page describes it."""

    def start(settings, *, points=(), drop_in=""):
        folder = tmp_path / "plugins.d"
        folder.mkdir(mode=0o755)
        if drop_in:
            (folder / "acme.py").write_text(drop_in)
            (folder / "acme.py").chmod(0o644)
        path = tmp_path / "settings.toml"
        path.write_text(settings)
        loaded = load(path, tmp_path, {"ACME_API_KEY": "sk-1"}, {})
        return loaded.settings, load_plugins(loaded, {}, points=points).register_vendors()

    yield start
    sys.modules.pop("tornadogw_plugin_acme", None)


def call_of(settings, upstream, *, stream=True, **params):
    """What a client's request becomes on the page's only route."""
    messages = ({"role": "user", "content": "Hello"},)
    draft = Draft(mode="chat", model="acme-large", messages=messages, params=params)
    (model,) = settings.models
    return Call(
        id="r1",
        draft=draft,
        model=model.routes[0].model,
        base_url=upstream.url,
        stream=stream,
        max_tokens=9,
        temperature=0.7,
    )


async def exchange(vendor, call):
    """Send the vendor's request over a real connection and read what comes: (dropped, events)."""
    request = vendor.request(call, Credential("acme#1", "sk-1"), 0.0)
    async with (
        aiohttp.ClientSession() as session,
        session.request(request.method, request.url, headers=request.headers, data=request.body) as response,
    ):
        if response.status != 200:
            return request.dropped, [vendor.failure(response.status, {}, await response.read(), 0.0)]
        return request.dropped, read_all(vendor, call, [piece async for piece in response.content.iter_any()])


def test_every_block_is_known():
    blocks = re.findall(r"^```(python|toml)$", PAGE, re.MULTILINE)
    assert len(blocks) == len(BLOCKS) == 5
    assert set(BLOCKS) == {
        "row/settings.toml",
        "plugins.d/acme.py",
        "plugins.d/settings.toml",
        "tornadogw-acme/setup.py",
        "tornadogw-acme/tests/test_acme.py",
    }


async def test_the_row(gateway):
    settings, vendors = gateway(BLOCKS["row/settings.toml"])
    chunk = b'data: {"id":"1","choices":[{"index":0,"delta":{%s},"finish_reason":%s}]}\n\n'
    body = chunk % (b'"thoughts":"Hm."', b"null") + chunk % (b'"content":"Hi"', b'"stop"') + b"data: [DONE]\n\n"
    async with FakeUpstream(Answer(body=body, split=7)) as upstream:
        dropped, events = await exchange(vendors["acme"], call_of(settings, upstream, seed=1))
        (request,) = upstream.requests
    assert dropped == ("seed",)
    assert (request.path, request.headers["authorization"]) == ("/chat/completions", "Bearer sk-1")
    sent = request.json()
    assert (sent["model"], sent["max_completion_tokens"]) == ("large-2", 9)
    assert not {"seed", "max_tokens"} & sent.keys()
    assert [event for event in events if isinstance(event, Reasoning | Text | Stop)] == [
        Reasoning("Hm."),
        Text("Hi"),
        Stop("stop"),
    ]


def test_the_file_is_short():
    assert len(BLOCKS["plugins.d/acme.py"].splitlines()) <= 50


async def test_the_file(gateway):
    settings, vendors = gateway(BLOCKS["plugins.d/settings.toml"], drop_in=BLOCKS["plugins.d/acme.py"])
    async with FakeUpstream(Answer(body=ACME, split=5)) as upstream:
        dropped, events = await exchange(vendors["acme"], call_of(settings, upstream, seed=1))
        (request,) = upstream.requests
    assert events == [Text("Hi"), Text(" you"), Spent(Usage(3, 2)), Stop("stop")]
    assert dropped == ("seed",)
    assert (request.path, request.headers["acme-key"]) == ("/generate", "sk-1")
    shown = re.search(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown
    assert request.json().keys() == json.loads(shown[1]).keys()


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Answer(body=ACME[:40]), Failure("elsewhere", code="truncated")),
        (Answer(body=b'data: {"problem": "tired"}\n\n'), Failure("elsewhere", message="tired")),
        (Answer(status=429, body=b"slow"), Failure("cool", "key+model", 20.0, message="slow", status=429)),
    ],
)
async def test_the_file_when_acme_fails(answer, failure, gateway):
    settings, vendors = gateway(BLOCKS["plugins.d/settings.toml"], drop_in=BLOCKS["plugins.d/acme.py"])
    async with FakeUpstream(answer) as upstream:
        _, events = await exchange(vendors["acme"], call_of(settings, upstream))
    assert failure in events


@pytest.fixture
def package(tmp_path):
    """The folder of the page's package."""
    folder = tmp_path / "tornadogw-acme"
    (folder / "tests").mkdir(parents=True)
    (folder / "acme.py").write_text(BLOCKS["plugins.d/acme.py"])
    (folder / "setup.py").write_text(BLOCKS["tornadogw-acme/setup.py"])
    (folder / "tests/test_acme.py").write_text(BLOCKS["tornadogw-acme/tests/test_acme.py"])
    return folder


def python(*arguments, cwd, **environ):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_packages_own_tests(package):
    options = ("-q", "-c", os.devnull, "--rootdir", str(package), "-p", "no:cacheprovider", "-W", "error")
    path = os.pathsep.join([str(package), str(ROOT)])
    said = python("-m", "pytest", *options, "tests", cwd=package, PYTHONPATH=path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "18 passed" in said  # 14 rules, two are exempt, the promises, and three tests


def test_the_package_is_found(package, gateway, monkeypatch):
    python("setup.py", "-q", "egg_info", cwd=package)
    (distribution,) = metadata.distributions(path=[str(package)])
    assert (distribution.name, distribution.requires) == ("tornadogw-acme", ["tornadogw>=0.1"])
    monkeypatch.syspath_prepend(package)
    monkeypatch.delitem(sys.modules, "acme", raising=False)
    _, vendors = gateway(BLOCKS["plugins.d/settings.toml"], points=distribution.entry_points)
    assert vendors["acme"].base_url == "https://api.acme.example"
    monkeypatch.delitem(sys.modules, "acme")
