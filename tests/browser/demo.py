"""A gateway to look at: a month of plausible use by people who do not exist, and `serve` in front of it.

All models are the built-in echo under other names. What lies in the past is written through the stores that the ledger
writes through, by the same numbers each time; what is of today is asked of the running gateway.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bson.int64 import Int64

from tests.serving import Gateway
from tests.store.events import entries, stored
from tornadogw.accounts.office import Office, office
from tornadogw.secret import load_secret
from tornadogw.settings import load
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import MongoDays
from tornadogw.store.mongo_embedded import open_private
from tornadogw.store.mongo_indexes import INDEXES
from tornadogw.store.ports import Account, ApiKey

__all__ = ["OPERATOR", "OWNER", "PASSWORD", "USER", "Demo", "demo"]

PASSWORD = "correct horse"
OWNER, OPERATOR, USER = "owner@example.com", "olga@example.com", "ann@example.com"
OTHERS = ("ben@example.org", "chen.li@example.cn", "dora@example.net", "emil@example.org", "fang@example.cn")
BY = OPERATOR
SEED = 20260
DAYS = 29
MODELS = {  # name: (share of calls, price in and out, upstreams)
    "deepseek-chat": (6, "2", "3", ("shanghai", "frankfurt")),
    "qwen-max": (3, "2.4", "9.6", ("shanghai",)),
    "claude-sonnet": (2, "21", "105", ("frankfurt",)),
    "gemini-flash": (2, "1.1", "4.4", ("frankfurt",)),
}
SETTINGS = """
[server]
language = "en"

[portal]
title = "TokenGateway"

[limits]
key_per_minute = 100000
ip_per_minute = 100000

[money]
time_zone = "UTC"

[[upstreams]]
name = "shanghai"
vendor = "echo"

[[upstreams]]
name = "frankfurt"
vendor = "echo"
""" + "".join(
    f"""
[[models]]
name = "{name}"
auto = {rank}
context = 128000
capabilities = ["tools", "json_schema", "reasoning"]
price = {{ input = "{price}", output = "{out}" }}
routes = [{", ".join(f'{{ upstream = "{each}", model = "{name}" }}' for each in upstreams)}]
"""
    for rank, (name, (_, price, out, upstreams)) in enumerate(MODELS.items(), 1)
)


class Demo(NamedTuple):
    """A running one: its address, and what of it stands in addresses of pages."""

    url: str
    key_text: str
    """Of the user."""
    ids: dict[str, str]
    """`{user}`, `{key}`, `{call}` in the paths of pages."""

    def path(self, pattern: str) -> str:
        return pattern.format(**self.ids)


@contextmanager
def demo(folder: Path) -> Iterator[Demo]:
    """In the main thread, before there is an event loop."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    (data / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    mongod = folder / "mongod"
    mongod.mkdir(mode=0o700)
    with open_private(mongod, "serve") as server:
        ids, text = asyncio.run(_fill(server.url, data))
        gateway = Gateway(data, ("--json",), {"TORNADOGW_MONGO__URL": server.url})
        try:
            url = json.loads(gateway.read_until("}"))["url"]
            for question in (
                "What is a token?",
                "think: A short answer will do.\nA token is a piece of a word.",
                "你好",
            ):
                call = _ask(url, text, question)
            yield Demo(url, text, {**ids, "call": call})
        finally:
            gateway.stop()


def _ask(url: str, key: str, question: str) -> str:
    """One call; its id."""
    place = urlsplit(url)
    body = {"model": "deepseek-chat", "messages": [{"role": "user", "content": question}], "stream": False}
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        said = response.read()
        assert response.status == 200, said
        return str(response.headers["X-Request-Id"])


async def _fill(mongo_url: str, data: Path) -> tuple[dict[str, str], str]:
    settings = load(None, data, os.environ, {}).settings
    mongo = Mongo.connect(mongo_url, settings.mongo.database, 30_000)
    try:
        await mongo.ensure_indexes(*INDEXES)
        services = office(mongo, load_secret(settings.server.secret, data), settings)
        await _people(services)
        await _trade(services)
        ann = await services.accounts.show(USER)
        new = await services.keys.create(USER, label="laptop", by=USER)
        await services.keys.create(USER, label="website", rpm=120, models=["deepseek-chat"], daily_budget="5", by=USER)
        old = await services.keys.create(USER, label="old server", expires="12w", by=USER)
        await services.keys.disable(USER, old.key.id, by=USER)
        chosen = random.Random(SEED)
        for number, email in enumerate((USER, *OTHERS[:3])):
            account = await services.accounts.show(email)
            keys = await services.keys.list(email) or [(await services.keys.create(email, label="first", by=email)).key]
            await _month(mongo, account, keys, chosen, 40 if number == 0 else 15)
        return {"user": ann.id, "key": new.key.id}, new.text
    finally:
        await mongo.close()


async def _people(services: Office) -> None:
    for email, role in ((OWNER, "owner"), (OPERATOR, "operator"), (USER, "user"), *((each, "user") for each in OTHERS)):
        language = "zh" if email.endswith(".cn") else "en"
        await services.accounts.create(email, password=PASSWORD, role=role, language=language, by=OWNER)
    for number, email in enumerate((USER, *OTHERS[:3])):
        await services.accounts.credit(
            email, f"{200 - 30 * number}", ref=f"order-{number}", reason="bank transfer", by=BY
        )
    await services.accounts.disable(OTHERS[4], by=BY)


async def _trade(services: Office) -> None:
    await services.plans.create("basic", daily="2", days=30, by=BY)
    await services.plans.create("team", daily="20", days=30, factor="0.9", rpm=600, by=BY)
    await services.subscriptions.subscribe(USER, "basic", by=BY)
    await services.codes.create(count=20, amount="10", expires="90d", label="spring fair", by=BY)
    batch = await services.codes.create(count=5, plan="basic", label="newsletter", by=BY)
    for text, email in zip(batch.codes, (USER, OTHERS[0]), strict=False):
        await services.codes.redeem(email, text)
    await services.registration.invite(uses=10, by=BY)


async def _month(mongo: Mongo, account: Account, keys: list[ApiKey], chosen: random.Random, busy: int) -> None:
    """Calls of an account up to yesterday, more on weekdays, and what they came to."""
    events: list[dict[str, Any]] = []
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for ago in range(DAYS, 0, -1):
        day = midnight - timedelta(days=ago)
        weekend = day.weekday() >= 5
        count = chosen.randint(busy // 8, busy // 4) if weekend else chosen.randint(busy // 2, busy)
        moments = [day + timedelta(seconds=chosen.randrange(30_000, 72_000)) for _ in range(count)]
        events += [_call(account, keys, when, chosen) for when in moments]
    cost = sum(each["c"] for each in events)
    await mongo.database.events.insert_many(events)
    await MongoDays(mongo, "UTC").add(entries(*events))
    await mongo.database.accounts.update_one(
        {"_id": account.id}, {"$inc": {"balance": Int64(-cost), "spent": Int64(cost)}}
    )


def _call(account: Account, keys: list[ApiKey], when: datetime, chosen: random.Random) -> dict[str, Any]:
    name = chosen.choices(list(MODELS), [each[0] for each in MODELS.values()])[0]
    _, price, out, upstreams = MODELS[name]
    prompt, answer, ms = chosen.randint(40, 4000), chosen.randint(20, 1500), chosen.randint(600, 9000)
    upstream, failed = chosen.choice(upstreams), chosen.random() < 0.02
    cost = round(prompt * float(price)) + round((0 if failed else answer) * float(out))
    return stored(
        when,
        cost,
        r=f"{chosen.getrandbits(96):024x}",
        a=account.id,
        k=chosen.choice(keys).id,
        q=chosen.choice(("auto", name)),
        m=name,
        up=upstream,
        sse=True,
        st="cut" if failed else "whole",
        i=prompt,
        o=0 if failed else answer,
        ms=ms,
        ttft=ms // 6,
        pc=Int64(cost * 7 // 10),
        at=[[upstream, name, "ok", "", ms, 0, 1]],
    )
