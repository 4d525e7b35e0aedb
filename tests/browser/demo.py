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
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bson.int64 import Int64

from tests.serving import Gateway
from tests.shared import ROOT
from tests.smtp import post_office
from tests.store.events import entries, stored
from tests.threaded import Threaded, free_port, in_thread
from tornadogw.accounts.desk import Actor
from tornadogw.accounts.letters import Letter
from tornadogw.accounts.office import Office, office
from tornadogw.accounts.supply import Supply
from tornadogw.accounts.two_factor import code_at
from tornadogw.entries import Entries
from tornadogw.plugins import load_plugins
from tornadogw.seals import Seal
from tornadogw.secret import load_secret
from tornadogw.settings import load
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_days import MongoDays
from tornadogw.store.mongo_embedded import open_private
from tornadogw.store.mongo_indexes import INDEXES
from tornadogw.store.mongo_supply import MongoSupply
from tornadogw.store.ports import Account, ApiKey

__all__ = ["FACTOR", "NEW", "OPERATOR", "OWNER", "PASSWORD", "USER", "Demo", "ask", "demo"]

PASSWORD = "correct horse"
OWNER, OPERATOR, USER = "owner@example.com", "olga@example.com", "ann@example.com"
OTHERS = ("ben@example.org", "chen.li@example.cn", "dora@example.net", "emil@example.org", "fang@example.cn")
FACTOR = OTHERS[2]
"""Has a second factor."""
NEW = "nora@example.com"
"""Has just come: no key, no call, no money."""
BY = OPERATOR
SEED = 20260
DAYS = 29
MODELS = {  # name: (share of calls, price in and out, upstreams)
    "deepseek-chat": (6, "2", "3", ("shanghai", "frankfurt")),
    "qwen-max": (3, "2.4", "9.6", ("shanghai",)),
    "claude-sonnet": (2, "21", "105", ("frankfurt",)),
    "gemini-flash": (2, "1.1", "4.4", ("frankfurt",)),
}


def _route(upstream: str, name: str, price: str, out: str) -> str:
    """At a cost of seven tenths of the price."""
    cost = f'input = "{Decimal(price) * 7 / 10}", output = "{Decimal(out) * 7 / 10}"'
    return f'{{ upstream = "{upstream}", model = "{name}", cost = {{ {cost} }} }}'


SETTINGS = """
[server]
language = "en"

public_url = "{url}"

[portal]
title = "TokenGateway"

[mail]
host = "127.0.0.1"
port = {mail}
tls = "none"
sender = "gateway@example.com"

[oidc]
issuer = "{url}/oidc"
client_id = "gateway"
client_secret = "hush"
name = "Example"

[limits]
key_per_minute = 600
ip_per_minute = 3000

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
routes = [{", ".join(_route(each, name, price, out) for each in upstreams)}]
"""
    for rank, (name, (_, price, out, upstreams)) in enumerate(MODELS.items(), 1)
)


class Demo(NamedTuple):
    """A running one: its address, its mail, and what of it stands in addresses of pages."""

    url: str
    key_text: str
    """Of the user."""
    ids: dict[str, str]
    """What `path` puts in: ids of accounts, `{user}` and `{guest}`, of a `{key}` and of calls, `{call}` and `{failed}`;
    `{factor}` and `{password}` log in; a `{code}` to redeem; the tokens of letters, `{reset}`, `{confirm}`, `{email}`.
    """
    mail: Threaded

    def path(self, pattern: str) -> str:
        """`pattern` of a page's address, or of what is put into its form."""
        return pattern.format(**self.ids)

    def link(self, email: str) -> str:
        """The path that the first letter to this address leads to, once it has come."""
        return self.mail.call(self._link(email))

    async def _link(self, email: str) -> str:
        number, post = 0, self.mail.gateway
        while (await post.letter(number))["To"] != email:
            number += 1
        return _path(await post.text(number))


def _path(letter: str) -> str:
    return re.findall(r"http://[^/\s]+(/\S+)", letter)[0]


class Drawer:
    """Keeps letters that are to be read and not to be sent."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def send(self, letter: Letter) -> None:
        self.paths.append(_path(letter.text))


@contextmanager
def demo(folder: Path) -> Iterator[Demo]:
    """In the main thread, before there is an event loop."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    mongod = folder / "mongod"
    mongod.mkdir(mode=0o700)
    with ExitStack() as stack:
        mail, port = stack.enter_context(in_thread(post_office())), free_port()
        settings = SETTINGS.replace("{url}", f"http://127.0.0.1:{port}").replace("{mail}", str(mail.gateway.port))
        (data / "settings.toml").write_text(settings, encoding="utf-8")
        server = stack.enter_context(open_private(mongod, "serve"))
        ids, text = asyncio.run(_fill(server.url, data))
        words = ("--json", "--port", str(port))
        places = {"PYTHONPATH": installed("ollama", folder / "site"), "TORNADOGW_MONGO__URL": server.url}
        gateway = Gateway(data, words, places)
        try:
            url = json.loads(gateway.read_until("}"))["url"]
            failed = ask(url, text, "echo:error 503\nIs anybody there?")
            for question in (
                "What is a token?",
                "think: A short answer will do.\nA token is a piece of a word.",
                "你好",
            ):
                call = ask(url, text, question)
            yield Demo(url, text, {**ids, "call": call, "failed": failed}, mail)
        finally:
            gateway.stop()


def installed(name: str, folder: Path) -> str:
    """A package of plugins/ as if it were installed: what is to be on the path. `folder` gets what pip writes of it."""
    told = folder / f"tornadogw_{name}-0.1.0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tornadogw-{name}\nVersion: 0.1.0\n")
    (told / "entry_points.txt").write_text(f"[tornadogw]\n{name} = tornadogw_{name}\n")
    return os.pathsep.join([str(folder), str(ROOT / f"plugins/{name}"), str(ROOT)])


def ask(url: str, key: str, question: str) -> str:
    """One call; its id."""
    place = urlsplit(url)
    body = {"model": "deepseek-chat", "messages": [{"role": "user", "content": question}], "stream": False}
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        said = response.read()
        assert (response.status == 200) == ("echo:" not in question), said
        return str(response.headers["X-Request-Id"])


async def _fill(mongo_url: str, data: Path) -> tuple[dict[str, str], str]:
    loaded = load(None, data, os.environ, {})
    settings, secret, drawer = loaded.settings, load_secret(loaded.settings.server.secret, data), Drawer()
    mongo = Mongo.connect(mongo_url, settings.mongo.database, 30_000)
    try:
        await mongo.ensure_indexes(*INDEXES)
        services = office(mongo, secret, settings, drawer)
        await _people(services)
        code = await _trade(services)
        vendors = load_plugins(loaded, {}).register_vendors()
        entries_of = Entries(settings, loaded.origins, vendors, {}, Seal(secret.upstream_secrets_key))
        await _supply(Supply(MongoSupply(mongo), entries_of, None))
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
        guest = await services.accounts.show(OTHERS[3])
        await services.recovery.forgot(guest.email)
        await services.registration.ask("ria@example.com", PASSWORD)
        await services.addresses.ask(ann, PASSWORD, "ann.lee@example.com")
        reset, confirm, email = (each.rpartition("=")[2] for each in drawer.paths)
        tokens = {"reset": reset, "confirm": confirm, "email": email}
        people = {"user": ann.id, "guest": guest.id, "factor": FACTOR, "password": PASSWORD}
        return {**people, **tokens, "key": new.key.id, "code": code}, new.text
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
    await services.accounts.create(NEW, password=PASSWORD, by=OWNER)
    account = await services.accounts.show(FACTOR)
    setup = await services.two_factor.begin(account, PASSWORD)
    await services.two_factor.confirm(account, setup.sealed, code_at(setup.secret, time.time()), by=FACTOR)


async def _supply(supply: Supply) -> None:
    """Beside what the file has."""
    actor = Actor(OWNER, "owner")
    fields = {"vendor": "echo", "priority": 1, "max_in_flight": 20, "timeouts": {"first_event": 8.0}}
    await supply.add_upstream(actor, "singapore", fields, ["sk-made-up-0001-4f2a", "sk-made-up-0002-9c1d"])
    routes = [
        {"upstream": each, "model": "glm-4.5", "cost": {"input": "1.6", "output": "6"}}
        for each in ("singapore", "frankfurt")
    ]
    price = {"input": "2", "output": "8", "cached_input": "0.4"}
    fields = {"aliases": ["glm"], "context": 131072, "price": price, "routes": routes, "fallbacks": ["deepseek-chat"]}
    await supply.add_model(actor, "glm-4.5", fields)


async def _trade(services: Office) -> str:
    """A code that nobody has redeemed."""
    await services.plans.create("basic", daily="2", days=30, by=BY)
    await services.plans.create("team", daily="20", days=30, factor="0.9", rpm=600, by=BY)
    await services.subscriptions.subscribe(USER, "basic", by=BY)
    fair = await services.codes.create(count=20, amount="10", expires="90d", label="spring fair", by=BY)
    batch = await services.codes.create(count=5, plan="basic", label="newsletter", by=BY)
    for text, email in zip(batch.codes, (USER, OTHERS[0]), strict=False):
        await services.codes.redeem(email, text)
    await services.registration.invite(uses=10, by=BY)
    await services.admin_tokens.create(OWNER, ["usage:read"], label="monthly report", by=OWNER)
    return fair.codes[0]


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
