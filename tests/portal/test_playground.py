"""The playground: the API for who has logged in; its script reads a stream however it is cut."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from tests.portal.browser import PASSWORD, Visitor
from tests.portal.test_overview import SAID
from tests.running import CHAT, chat_settings
from tests.shared import program
from tornadogw import portal
from tornadogw.testing import Answer, FakeUpstream

ANN, BOB = "ann@example.com", "bob@example.com"
CHAT_PATH = "/console/playground/chat"
SCRIPT = Path(portal.__file__).parent / "static" / "playground.js"
CUTS = """
globalThis.document = {getElementById: () => null};
const {Events} = await import(process.argv[1]);
const said = 'data: {"a":"é中😀"}\\n\\n: comment\\n\\ndata: one\\r\\ndata: two\\r\\n\\r\\n';
const whole = Buffer.from(said + 'data: [DONE]\\n\\n');
const wanted = JSON.stringify(['{"a":"é中😀"}', 'one\\ntwo', '[DONE]']);
for (let size = 1; size <= whole.length; size++) {
  const events = new Events();
  const found = [];
  for (let at = 0; at < whole.length; at += size) found.push(...events.feed(whole.subarray(at, at + size)));
  if (JSON.stringify(found) !== wanted) throw new Error(`pieces of ${size}: ${JSON.stringify(found)}`);
}
console.log('fine');
"""


async def test_who_has_logged_in_chats_as_the_api_does(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        office = gateway.gateway.parts.office
        for email in (ANN, BOB):
            await gateway.accounts.create(email, password=PASSWORD)
        await visitor.log_in(ANN)
        await visitor.get("/console/playground")
        assert '<option value="echo">echo</option>' in visitor.text
        token = visitor.text.split('data-xsrf="')[1].split('"')[0]
        body = {**CHAT, "model": "echo", "stream": True}
        for _ in range(2):
            await visitor._ask("POST", CHAT_PATH, json=body, headers={"X-Xsrftoken": token, "Origin": gateway.url})
            assert (visitor.status, visitor.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
            assert visitor.text.endswith("data: [DONE]\n\n")
            assert not [name for name in visitor.headers if name.lower().startswith("access-control")]
        request_id = visitor.headers["X-Request-Id"]
        [key] = await office.keys.list(ANN)
        assert key.label == "Playground"
        await gateway.gateway.ledger.rest()
        told = json.loads(await visitor.get(f"/console/playground/{request_id}"))
        assert (told["cost"], told["completion"] > 0) == ("0.00 CNY", True)
        assert request_id in await visitor.get("/console/calls")

        given = {"X-Xsrftoken": token}
        for headers in (
            {},
            {"X-Xsrftoken": "wrong"},
            {**given, "Origin": "https://evil.example"},
            {**given, "Origin": "null"},
            {**given, "Sec-Fetch-Site": "cross-site"},
        ):
            await visitor._ask("POST", CHAT_PATH, json=body, headers=headers)
            assert visitor.status == 403
        await office.keys.disable(ANN, key.id)
        async with asyncio.timeout(10):
            while visitor.status != 401:
                await visitor._ask("POST", CHAT_PATH, json=body, headers={"X-Xsrftoken": token})
        async with Visitor(gateway) as other:
            await other.get("/login")
            await other._ask("POST", CHAT_PATH, json=body, headers={"X-Xsrftoken": other.xsrf})
            assert other.status == 403
            await other.log_in(BOB)
            await other.get(f"/console/playground/{request_id}")
            assert other.status == 404


async def test_the_playground_goes_on_with_its_key_when_that_is_rotated(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        keys = gateway.gateway.parts.office.keys
        await gateway.accounts.create(ANN, password=PASSWORD)
        await visitor.log_in(ANN)
        await visitor.get("/console/playground")
        sent = {
            "json": {**CHAT, "model": "echo"},
            "headers": {"X-Xsrftoken": visitor.text.split('data-xsrf="')[1].split('"')[0]},
        }
        await visitor._ask("POST", CHAT_PATH, **sent)
        [key] = await keys.list(ANN)
        new = await keys.rotate(ANN, key.id)
        for _ in range(2):
            await visitor._ask("POST", CHAT_PATH, **sent)
            assert visitor.status == 200, visitor.text
        assert [each.id for each in await keys.list(ANN)] == [key.id]
        await visitor._ask("POST", "/v1/chat/completions", json=sent["json"], headers={"X-API-Key": new.text})
        assert visitor.status == 200, "the text that was shown works beside it"


async def test_its_answers_are_counted_as_those_of_the_api(start) -> None:
    async with start('[metrics]\ntoken = "a-token-of-a-scraper"\n') as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create(ANN, password=PASSWORD)
        await visitor.log_in(ANN)
        await visitor.get("/console/playground")
        headers = {"X-Xsrftoken": visitor.text.split('data-xsrf="')[1].split('"')[0]}
        for sent in (headers, {}):
            await visitor._ask("POST", CHAT_PATH, json={**CHAT, "model": "echo"}, headers=sent)
        figures = await visitor.get("/metrics", headers={"Authorization": "Bearer a-token-of-a-scraper"})
        counted = re.findall(r'^tornadogw_responses_total\{.*status="(\d+)".*\} (\S+)$', figures, re.MULTILINE)
        assert counted == [("200", "1.0"), ("403", "1.0")], "and no page"


async def test_a_call_is_charged_and_what_it_came_to_is_told(start) -> None:
    async with (
        FakeUpstream(Answer(body=SAID + b"data: [DONE]\n\n")) as upstream,
        start(chat_settings(upstream.url, price="500000")) as gateway,
        Visitor(gateway) as visitor,
    ):
        await gateway.accounts.create(ANN, password=PASSWORD)
        await gateway.accounts.credit(ANN, "50")
        await visitor.log_in(ANN)
        await visitor.get("/console/playground")
        headers = {"X-Xsrftoken": visitor.text.split('data-xsrf="')[1].split('"')[0]}
        body = {**CHAT, "model": "m", "stream": True, "max_tokens": 2}
        await visitor._ask("POST", CHAT_PATH, json=body, headers=headers)
        assert '"content":"hi"' in visitor.text
        request_id = visitor.headers["X-Request-Id"]
        account = await gateway.account(ANN)
        assert (account.balance, account.spent, account.held) == (45_000_000, 5_000_000, 0)
        told = json.loads(await visitor.get(f"/console/playground/{request_id}"))
        assert (told["cost"], told["prompt"], told["completion"]) == ("5.00 CNY", 9, 1)


async def test_the_script_reads_events_however_they_are_cut() -> None:
    words = (program("node"), "--input-type=module", "-e", CUTS, SCRIPT.as_uri())
    node = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await node.communicate()
    assert b"fine" in said, said.decode()
