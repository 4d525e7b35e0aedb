"""One probe, as the gateway sends it. What `tornadogw check` makes of its outcome is in tests/cli/test_probe.py."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest

from tests.journeys.wire import problem, said
from tests.test_router import model
from tests.test_tokens import CREDENTIAL, entry_at, token
from tornadogw.probe import MAX_TOKENS, Prober
from tornadogw.settings.tables import Defaults
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.tokens import Tokens
from tornadogw.transport import Transport, TransportError
from tornadogw.types import Credential

KEY = Credential("up#1", "sk-secret")


@asynccontextmanager
async def asking(*answers):
    transport = Transport()
    await transport.open()
    tokens = Tokens(transport)
    async with FakeUpstream(*answers) as upstream:
        try:
            yield Prober(transport, tokens, Defaults()), entry_at(upstream.url), upstream
        finally:
            await tokens.close()
            await transport.close()


async def ask(*answers, key=KEY, of=None):
    """How it went, and what was sent."""
    async with asking(*answers) as (prober, route, upstream):
        secrets = [key.secret]
        found = await prober.ask(of or model(), route, key, secrets)
        return found, [each.json() for each in upstream.requests if each.path != "/token"], secrets


async def test_one_token_is_asked_for():
    (failure, page), [sent], secrets = await ask(Answer(body=said("Hello")))
    assert (failure, page, secrets) == (None, False, ["sk-secret"])
    assert (sent["max_tokens"], len(sent["messages"])) == (MAX_TOKENS[0], 1)


async def test_a_model_that_only_completes_is_asked_so():
    only = model(modes=frozenset({"completion"}))
    body = json.dumps({"id": "x", "choices": [{"index": 0, "text": "Hi", "finish_reason": "length"}]}).encode()
    _, [sent], _ = await ask(Answer(body=b"data: " + body + b"\n\ndata: [DONE]\n\n"), of=only)
    assert sent["prompt"] == "Say hello."


async def test_who_minds_one_token_is_asked_for_some():
    refusal = Answer(status=400, body=problem("max_tokens must be 16 at least"))
    (failure, _), sent, _ = await ask(refusal, Answer(body=said("Hello")))
    assert failure is None
    assert [each["max_tokens"] for each in sent] == list(MAX_TOKENS)


@pytest.mark.parametrize("status", [401, 500])
async def test_a_failure_is_the_vendors_word_with_its_status(status):
    (failure, page), _, _ = await ask(Answer(status=status, body=problem("no")))
    assert (failure.status, page) == (status, False)
    assert failure.kind == ("disable" if status == 401 else "elsewhere")


async def test_a_web_page_is_told_apart():
    (failure, page), _, _ = await ask(Answer(status=502, body=b"<!DOCTYPE html><html></html>"))
    assert (failure.kind, page) == ("elsewhere", True)


async def test_an_upstream_that_cuts_its_answer_off_has_failed():
    with pytest.raises(TransportError):
        await ask(Answer(body=b"data: {", ending="eof"))


async def test_a_refused_token_is_bought_anew():
    answers = token("one"), Answer(status=401, body=problem("expired")), token("two"), Answer(body=said("Hello"))
    (failure, _), sent, secrets = await ask(*answers, key=CREDENTIAL)
    assert failure is None
    assert len(sent) == 2
    assert secrets == [CREDENTIAL.secret, "one", "two"]


async def test_who_sells_no_token_says_why():
    (failure, _), sent, _ = await ask(Answer(status=403, body=b"{}"), key=CREDENTIAL)
    assert (failure.kind, failure.code, sent) == ("disable", "invalid_grant", [])
