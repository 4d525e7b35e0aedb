"""Whoever asks why a request went as it did is told: its owner, and the operator in full."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.awake import within
from tests.journeys.wire import eventually, problem, role, said, serving, text
from tests.running import CHAT, new_key
from tests.serving import environment
from tornadogw.explain import for_operator
from tornadogw.store.mongo_decisions import MongoDecisions
from tornadogw.store.ports import StoreUnavailable
from tornadogw.testing import Answer, FakeUpstream

DOWN = Answer(status=500, headers={"Content-Type": "application/json"}, body=problem("vendor's words", "vendor_word"))
MANY = "[limits]\nkey_per_minute = 10000\n"
OTHER = (
    '[[models]]\nname = "other"\nprice = { input = "1", output = "1" }\nroutes = [{ upstream = "u0", model = "x" }]\n'
)


async def told(gateway, name):
    """Within a second of the answer."""
    data = {}

    async def found():
        url = f"{gateway.url}/xlei/v1/requests/{name}"
        async with gateway.session.get(url, headers={"X-API-Key": gateway.key}) as got:
            body = await got.json()
        if got.status == 200:
            assert list(body) == ["code", "message", "data"]
            data.update(body["data"])
        return bool(data.get("candidates"))

    async with within(1.0, gateway.mongo):
        await eventually(found)
    return data


async def in_full(gateway, name):
    [found] = await MongoDecisions(gateway.mongo).find(name, None, 1)
    return for_operator(found)


async def operator(mongod, gateway, folder, *words):
    """What `tornadogw explain` prints, on another node."""
    where = {"TORNADOGW_MONGO__URL": mongod.url, "TORNADOGW_MONGO__DATABASE": gateway.mongo.database.name}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "tornadogw", "--data", str(folder), "explain", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(**where),
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err
    return out.decode()


async def test_the_first_fails_and_the_second_answers(start, mongod, tmp_path):
    async with (
        FakeUpstream(DOWN) as first,
        FakeUpstream(Answer(body=said("hi"))) as second,
        start(serving(first.url, second.url)) as gateway,
    ):
        headers = {"X-Request-Id": "two"}
        async with gateway.post(body={**CHAT, "model": "m", "stream": True}, headers=headers) as response:
            assert response.headers["X-Gateway-Attempts"] == "2"
            await response.read()
        data = await told(gateway, "two")
        assert [(each["upstream"], each["outcome"]) for each in data["attempts"]] == [
            ("upstream-1", "failed"),
            ("upstream-2", "ok"),
        ]
        assert (data["upstream"], data["finish"], data["code"], data["calls"]) == ("upstream-2", "whole", 0, 2)
        assert (data["charge"]["cost"], data["charge"]["source"]) == (9, "reported")
        assert data["charge"]["price"]["input"] == 1_000_000
        one, two = data["attempts"]
        assert 0 <= one["began"] <= one["began"] + one["ms"] <= two["began"] + 1 <= data["ms"] + 2
        said_to_user = json.dumps(data)
        assert not any(word in said_to_user for word in ("vendor_word", "vendor's words", '"u0"', "sk-up", first.url))
        [full] = json.loads(await operator(mongod, gateway, tmp_path, "two", "--json"))["requests"]
        assert [(each["upstream"], each["outcome"]) for each in full["attempts"]] == [("u0", "elsewhere"), ("u1", "ok")]
        assert full["charge"] == data["charge"]
        table = (await operator(mongod, gateway, tmp_path, "two")).splitlines()
        assert [line.split()[2:4] for line in table[-2:]] == [["u0", "m"], ["u1", "m"]]


async def test_what_cost_nothing(start):
    """Nobody answers, the upstream refuses, the key may not, the money does not: each has its record."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    async with (
        FakeUpstream(DOWN) as upstream,
        start(serving(upstream.url, top=MANY, model='capabilities = []\nfallbacks = ["other"]\n' + OTHER)) as gateway,
    ):

        async def tried(name, **body):
            status, answer = await gateway.ask({**CHAT, "model": "m", **body}, headers={"X-Request-Id": name})
            return status, answer["code"]

        assert await tried("down") == (503, 4001)
        data = await told(gateway, "down")
        assert (data["code"], data["finish"], data["charge"]) == (4001, "no_upstream", None)
        assert all(each["outcome"] == "failed" for each in data["attempts"])

        assert await tried("tools", tools=tools) == (503, 4001)
        data = await told(gateway, "tools")
        assert [(each["order"], each["model"], each["reason"]) for each in data["candidates"]] == [
            (1, "other", ""),
            (None, "m", "cannot: tools"),
        ]

        upstream.play(Answer(status=400, headers={"Content-Type": "application/json"}, body=problem("too odd")))
        assert await tried("refused") == (400, 1002)
        assert (await told(gateway, "refused"))["code"] == 1002

        assert await tried("dear", max_tokens=10**9) == (402, 2002)
        data = await told(gateway, "dear")
        assert {each["reason"] for each in data["candidates"]} == {"balance"}

        key = await new_key(gateway, models=["other"])
        headers = {"X-Request-Id": "not-mine", "X-API-Key": key}
        assert (await gateway.ask({**CHAT, "model": "m"}, headers=headers))[0] == 400
        await gateway.gateway.parts.gate.decided.decisions.rest()
        assert (await in_full(gateway, "not-mine"))["candidates"][0]["reason"] == "not allowed for this key"
        async with gateway.session.get(
            f"{gateway.url}/v1/requests/not-mine", headers={"X-API-Key": gateway.key}
        ) as got:
            assert "not allowed" not in await got.text()


async def test_a_client_that_left(start):
    hang = asyncio.Event()
    async with (
        FakeUpstream(Answer(body=[role() + text("hi"), hang])) as upstream,
        start(serving(upstream.url)) as gateway,
    ):
        async with gateway.post(body={**CHAT, "model": "m", "stream": True}, headers={"X-Request-Id": "left"}) as got:
            await got.content.readany()
            got.close()
        data = await told(gateway, "left")
        hang.set()
        assert (data["finish"], [each["outcome"] for each in data["attempts"]]) == ("client_gone", ["ended"])
        assert data["charge"]["source"] == "estimated"


async def test_the_database_takes_none_for_a_while(start, monkeypatch):
    """Calls are served and charged meanwhile, and explained afterwards."""
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url)) as gateway:
        refused = asyncio.Event()

        async def away(self, batch):
            refused.set()
            raise StoreUnavailable

        with monkeypatch.context() as outage:
            outage.setattr(MongoDecisions, "insert", away)
            outage.setattr("tornadogw.decisions.PAUSE", 0.05)
            headers = {"X-Request-Id": "away"}
            assert (await gateway.ask({**CHAT, "model": "m", "stream": False}, headers=headers))[0] == 200
            await refused.wait()
            [event] = await gateway.events()
            assert event["c"] == 9
        assert (await told(gateway, "away"))["charge"]["cost"] == 9


async def test_names_of_upstreams_where_the_operator_allows_it_and_the_expiry(start):
    top = "[explain]\nupstream_names = true\ndays = 3\n"
    async with FakeUpstream(Answer(body=said("hi"))) as upstream, start(serving(upstream.url, top=top)) as gateway:
        await gateway.ask({**CHAT, "model": "m", "stream": False}, headers={"X-Request-Id": "named"})
        assert (await told(gateway, "named"))["upstream"] == "u0"
        indexes = await gateway.mongo.database["decisions"].list_indexes().to_list(None)
        assert [each["expireAfterSeconds"] for each in indexes if "expireAfterSeconds" in each] == [3 * 86400]
