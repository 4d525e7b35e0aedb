"""Asking upstreams for one token, through the command and on real sockets: what is wrong is said in a sentence."""

from __future__ import annotations

import asyncio
import json
import re
import time
from functools import partial

import msgspec
import pytest

from tests.test_router import model
from tests.test_tokens import CREDENTIAL, entry_at, token
from tornadogw.catalogue import Catalogue
from tornadogw.cli.probe import AT_ONCE, probe
from tornadogw.plugins import load_plugins
from tornadogw.settings import load
from tornadogw.settings.tables import Defaults
from tornadogw.testing import Answer, FakeUpstream

KEY = "a-key-of-twenty-letters-and-more"
SAID = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n'
FINE = Answer(body=SAID)


def error(status, message, code="", **headers):
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    return Answer(status=status, body=body, headers={"Content-Type": "application/json", **headers})


def settings(url, *, keys=(KEY,), models=("m-1",), modes='["chat"]', more="", vendor="openai"):
    tables = "".join(
        f"""
[[models]]
name = "{model}"
modes = {modes}
price = {{ input = "1", output = "1" }}
routes = [{{ upstream = "a", model = "{model}" }}]
"""
        for model in models
    )
    return f"""
[[upstreams]]
name = "a"
vendor = "{vendor}"
base_url = "{url}"
keys = {json.dumps(list(keys))}
{more}
{tables}"""


async def probed(tmp_path, text, points=()):
    """What a look at these settings shows, without the command around it."""
    (tmp_path / "own.toml").write_text(text)
    loaded = load(tmp_path / "own.toml", tmp_path, {}, {})
    catalogue = Catalogue.build(loaded.settings, load_plugins(loaded, {}, points=list(points)).register_vendors(), {})
    return await probe(catalogue, loaded.settings.defaults)


def problems(outcomes):
    return [(each.key, each.model, each.wrong and each.wrong.problem) for each in outcomes]


# --- through the command ---------------------------------------------------------------------------------------------


async def commanded(cli, tmp_path, text, *words, **environ):
    (tmp_path / "own.toml").write_text(text)
    command = partial(cli, "--settings", str(tmp_path / "own.toml"), "check", "--upstreams", *words, **environ)
    return await asyncio.to_thread(command)


async def test_the_command_says_what_is_wrong_with_each_key(cli, tmp_path):
    keys = (KEY, "another-key-of-twenty-letters")
    async with FakeUpstream(FINE, error(401, f"Incorrect API key provided: {keys[1]}.", "invalid_api_key")) as up:
        done = await commanded(cli, tmp_path, settings(f"{up.url}/v1", keys=keys), "--json")
        assert len(up.requests) == 2
    assert done.code == 1
    assert done.err == "1 of 6 checks failed.\n"
    good, bad = sorted(done.json["findings"][-2:], key=lambda finding: not finding["ok"])
    assert (good["text"], good["problem"]) == ("m-1 answers", "")
    assert (bad["problem"], bad["ok"]) == ("key", False)
    assert bad["text"].startswith("the key is not accepted (HTTP 401, Incorrect API key provided")
    assert {good["check"], bad["check"]} == {"upstream a#1", "upstream a#2"}
    assert not any(key in done.out + done.err for key in keys)


async def test_the_command_in_chinese(cli, tmp_path):
    async with FakeUpstream(error(402, "Insufficient Balance")) as up:
        done = await commanded(cli, tmp_path, settings(f"{up.url}/v1"), LC_ALL="zh_CN.UTF-8")
    assert done.code == 1
    assert done.out.splitlines()[-1] == "失败  upstream a#1: 余额或额度不足 (HTTP 402, Insufficient Balance)"


async def test_all_is_well(cli, tmp_path):
    async with FakeUpstream(FINE) as up:
        done = await commanded(cli, tmp_path, settings(f"{up.url}/v1"))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "ok    upstream a#1: m-1 answers"


# --- each sentence ---------------------------------------------------------------------------------------------------

PAGE = {"Content-Type": "text/html"}
CASES = [
    (error(401, "no"), "key", "not accepted"),
    (error(403, "You may not use this model."), "key", "may not use m-1"),
    (error(429, "You exceeded your current quota.", "insufficient_quota"), "balance", "no balance"),
    (error(402, "pay"), "balance", "no balance"),
    (error(404, "The model `m-1` does not exist.", "model_not_found"), "model", "the model m-1 is unknown"),
    (error(429, "slow down", "rate_limit_exceeded", **{"Retry-After": "90"}), "rate", "rate limited until 20"),
    (error(400, "We want a tie."), "refused", "We want a tie"),
    (error(503, "down"), "failing", "HTTP 503, down"),
    (error(301, "moved", Location="http://127.0.0.1:9/"), "redirect", "HTTP 301"),
    (Answer(body=b"<!DOCTYPE html><title>Hello</title>", headers=PAGE), "html", "web page"),
    (Answer(status=404, body=b"<html>nothing</html>", headers=PAGE), "html", "HTTP 404"),
    (Answer(body=b"plain words"), "unreadable", "cannot be read"),
    (Answer(body=b""), "broken", "empty"),
    (Answer(body=b'data: {"choices":[]}\n\n'), "broken", "held no event"),
    (Answer(body=b": hello\n\n", ending="reset"), "broken", "breaks off"),
    (Answer(body=b'data: {"error":{"message":"no","code":"invalid_api_key"}}\n\n'), "key", "not accepted"),
]


@pytest.mark.parametrize(
    ("answer", "problem", "words"), CASES, ids=[f"{answer.status}-{problem}" for answer, problem, _ in CASES]
)
async def test_each_failure_has_its_sentence(tmp_path, answer, problem, words):
    async with FakeUpstream(answer) as up:
        (outcome,) = await probed(tmp_path, settings(f"{up.url}/v1"))
    assert outcome.wrong.problem == problem, outcome.wrong
    assert words in outcome.wrong.en
    assert re.search("[一-龥]", outcome.wrong.zh)
    assert KEY not in repr(outcome)


async def test_a_limit_says_until_when(tmp_path):
    async with FakeUpstream(error(429, "slow down", "rate_limit_exceeded", **{"Retry-After": "90"})) as up:
        (outcome,) = await probed(tmp_path, settings(f"{up.url}/v1"))
    (moment,) = re.findall(r"until (.{19})", outcome.wrong.en)
    assert abs(time.mktime(time.strptime(moment, "%Y-%m-%d %H:%M:%S")) - time.time() - 90) < 20
    assert moment in outcome.wrong.zh


@pytest.mark.parametrize(
    ("url", "problem", "words"),
    [
        ("http://127.0.0.1:1/v1", "unreachable", "refused"),
        ("http://no-such-name.invalid/v1", "unreachable", "name was not found"),
    ],
)
async def test_nobody_there(tmp_path, url, problem, words):
    outcomes = await probed(tmp_path, settings(url, keys=(KEY, "another-key-of-twenty-letters")))
    assert [each.wrong.problem for each in outcomes] == [problem] * 2
    assert all(words in each.wrong.en for each in outcomes)


async def test_plain_http_where_tls_is_expected(tmp_path):
    async def answer(_, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        (outcome,) = await probed(tmp_path, settings(f"https://127.0.0.1:{port}/v1"))
    assert (outcome.wrong.problem, "TLS" in outcome.wrong.en) == ("tls", True)


async def test_silence_ends_by_the_settings(tmp_path):
    async with FakeUpstream(Answer(ending="hang")) as up:
        text = settings(f"{up.url}/v1", more="timeouts = { connect = 2, first_event = 2 }")
        (outcome,) = await probed(tmp_path, text)
    assert (outcome.wrong.problem, outcome.wrong.en) == ("timeout", "no answer within 2 s")


# --- what is asked ---------------------------------------------------------------------------------------------------


def limits(up):
    return [each.json().get("max_completion_tokens") or each.json().get("max_tokens") for each in up.requests]


async def test_one_token_is_asked_for_and_more_only_where_it_must_be(tmp_path):
    picky = error(400, "max_completion_tokens must be at least 16", "invalid_value")
    async with FakeUpstream(picky, FINE) as up:
        (outcome,) = await probed(tmp_path, settings(f"{up.url}/v1"))
        assert limits(up) == [1, 16]
    assert outcome.wrong is None


async def test_further_models_are_asked_with_a_key_that_is_let_in(tmp_path):
    async with FakeUpstream(error(401, "no"), FINE) as up:
        told = await probed(tmp_path, settings(f"{up.url}/v1", keys=(KEY, KEY + "2"), models=("m-1", "m-2", "m-3")))
        sent = [(each.headers["authorization"][7:], each.json()["model"]) for each in up.requests]
    key = next(each.key for each in told[:2] if each.wrong is None)
    assert [each[1:] for each in problems(told)[2:]] == [("m-2", None), ("m-3", None)]
    assert {each.key for each in told[2:]} == {key}
    assert len(sent) == 4
    assert len({key for key, model in sent if model != "m-1"}) == 1


async def test_nothing_more_is_asked_where_no_key_is_let_in(tmp_path):
    async with FakeUpstream(error(401, "no")) as up:
        told = await probed(tmp_path, settings(f"{up.url}/v1", models=("m-1", "m-2")))
        assert len(up.requests) == 1
    assert problems(told) == [("a#1", "m-1", "key")]


async def test_an_unknown_model_does_not_hide_the_others(tmp_path):
    async with FakeUpstream(error(404, "unknown", "model_not_found"), FINE) as up:
        told = await probed(tmp_path, settings(f"{up.url}/v1", models=("m-1", "m-2")))
    assert problems(told) == [("a#1", "m-1", "model"), ("a#1", "m-2", None)]


async def test_a_model_for_completions_only(tmp_path):
    body = b'data: {"choices":[{"index":0,"text":"Hi","finish_reason":"length"}]}\n\ndata: [DONE]\n\n'
    async with FakeUpstream(Answer(body=body)) as up:
        (outcome,) = await probed(tmp_path, settings(f"{up.url}/v1", modes='["completion"]', vendor="llamacpp"))
        assert up.requests[0].path == "/v1/completions"
    assert outcome.wrong is None


async def test_only_so_many_at_once(tmp_path):
    gate = asyncio.Event()
    keys = [f"{KEY}{number}" for number in range(AT_ONCE + 3)]
    async with FakeUpstream(Answer(body=[gate, SAID])) as up:
        looking = asyncio.create_task(probed(tmp_path, settings(f"{up.url}/v1", keys=keys)))
        await up.received(AT_ONCE)
        for _ in range(50):  # nothing else is under way: turns of the loop are enough for one more to come
            await asyncio.sleep(0)
        assert len(up.requests) == AT_ONCE
        gate.set()
        assert all(each.wrong is None for each in await looking)
        assert len(up.requests) == len(keys)


# --- keys that buy tokens, and plugins with bugs ---------------------------------------------------------------------


async def looked_at(url, change=lambda vendor: None):
    """A look at an upstream whose key buys tokens at /token."""
    entry = entry_at(url)
    change(entry.vendor)
    entry = msgspec.structs.replace(entry, credentials=(CREDENTIAL,))
    (outcome,) = await probe(Catalogue([model("m", entry)]), Defaults())
    return outcome


async def test_a_key_that_buys_tokens_buys_one(tmp_path):
    async with FakeUpstream(token("bought"), FINE) as up:
        outcome = await looked_at(up.url)
        assert [each.path for each in up.requests] == ["/token", "/chat/completions"]
        assert up.requests[1].headers["authorization"] == "Bearer bought"
    assert outcome.wrong is None


async def test_a_refused_token_is_replaced_once():
    stale, none = token("stale"), error(401, "expired")
    async with FakeUpstream(stale, none, token("bought"), FINE) as up:
        assert (await looked_at(up.url)).wrong is None
        assert len(up.requests) == 4
    async with FakeUpstream(stale, none, token("also-stale"), error(401, "the token also-stale is of no use")) as up:
        wrong = (await looked_at(up.url)).wrong
        assert len(up.requests) == 4
    assert wrong.problem == "key"
    assert "also-stale" not in wrong.en


async def test_a_key_that_buys_nothing():
    async with FakeUpstream(error(400, "no")) as up:
        outcome = await looked_at(up.url)
        assert len(up.requests) == 1
    assert outcome.wrong.problem == "key"


async def test_a_vendor_with_a_bug_is_a_finding_without_its_words():
    def broken(vendor):
        def request(*_):
            raise RuntimeError(CREDENTIAL.secret)

        vendor.request = request
        vendor.expires = lambda _: False

    async with FakeUpstream(FINE) as up:
        outcome = await looked_at(up.url, broken)
    assert (outcome.wrong.problem, "RuntimeError" in outcome.wrong.en) == ("failing", True)
    assert CREDENTIAL.secret not in repr(outcome)
