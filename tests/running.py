"""A whole gateway on a free port, in the test's own loop: real mongod, real sockets, the real application."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiohttp
import msgspec
from argon2 import PasswordHasher
from tornado.netutil import bind_sockets

from tests.databases import databases
from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.keys import Keys
from tornadogw.app import App
from tornadogw.gateway import Gateway, open_gateway
from tornadogw.plugins import load_plugins
from tornadogw.secret import load_secret
from tornadogw.server.front import Front
from tornadogw.settings import load
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_keys import MongoKeys
from tornadogw.store.ports import Account
from tornadogw.transport import Transport

OWNER = "owner@tornadogw.local"
CHAT = {"messages": [{"role": "user", "content": "Hello there"}]}


class Running:
    """What a test does with a running gateway."""

    def __init__(self, gateway: Gateway, mongo: Mongo, key: str, url: str, session: aiohttp.ClientSession) -> None:
        self.gateway, self.mongo, self.key, self.url, self.session = gateway, mongo, key, url, session
        secret_store = MongoAccounts(mongo)
        self.accounts = Accounts(secret_store)

    def post(self, path: str = "/v1/chat/completions", body: Any = CHAT, **options: Any) -> Any:
        """`async with gateway.post(...) as response`, with the key unless headers say otherwise."""
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"} | options.pop("headers", {})
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self.session.post(self.url + path, data=data, headers=headers, **options)

    async def ask(self, body: Any = CHAT, path: str = "/v1/chat/completions", **options: Any) -> tuple[int, Any]:
        """(status, JSON) of one request."""
        async with self.post(path, body, **options) as response:
            return response.status, await response.json()

    async def stream(self, body: Mapping[str, Any] = CHAT, **options: Any) -> list[bytes]:
        """The data of every SSE event; a whole answer ends with `[DONE]`."""
        async with self.post(body={**body, "stream": True}, **options) as response:
            raw = await response.read()
            assert response.status == 200, raw
        events = raw.split(b"\n\n")
        assert events.pop() == b""
        assert all(event.startswith(b"data: ") for event in events)
        return [event.removeprefix(b"data: ") for event in events]

    async def account(self, email: str = OWNER) -> Account:
        """With nothing on lease but for calls that are running."""
        await self.gateway.ledger.rest()
        return await self.accounts.show(email)

    async def events(self) -> list[dict[str, Any]]:
        """Every usage event, all of them in the database."""
        await self.gateway.ledger.rest()
        return await self.mongo.database.events.find().to_list(None)


@asynccontextmanager
async def running(
    mongod_url: str,
    folder: Path,
    settings: str = "",
    environ: Mapping[str, str] = os.environ,
    credit: str = "100",
    timeout_ms: int = 10_000,
) -> AsyncIterator[Running]:
    """A gateway with these settings (TOML). Its owner has a key and `credit` units of money."""
    path = folder / "settings.toml"
    path.write_text(settings, encoding="utf-8")
    pool = databases(mongod_url, "gateway")
    loaded = load(path, folder, environ, {"mongo.database": pool.take()[0], "mongo.timeout_ms": timeout_ms})
    plugins, secret = load_plugins(loaded, environ), load_secret("", folder)
    mongo = Mongo.connect(mongod_url, loaded.settings.mongo.database, 10_000)
    try:
        opening = open_gateway(loaded, plugins, environ, secret, mongod_url, folder)
        async with _opened(opening) as gateway:
            max_body = 4 * loaded.settings.server.max_body_bytes
            front = Front(App(gateway.current, None), max_header=65536, max_body=max_body, idle=75.0)
            sockets = bind_sockets(0, "127.0.0.1")
            await front.listen(sockets)
            url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
            assert gateway.welcome is not None
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
                run = Running(gateway, mongo, gateway.welcome.key, url, session)
                await run.accounts.credit(OWNER, credit, ref="test")
                try:
                    yield run
                finally:
                    await front.close()
    finally:
        await pool.give_back(mongo, as_made=False)  # not before the gateway is closed: it would see things vanish
        await mongo.close()


@asynccontextmanager
async def _opened(opening: AbstractAsyncContextManager[Gateway]) -> AsyncIterator[Gateway]:
    """Without what takes most of a start and of a stop: an owner's password in earnest, a long poll for changes, the
    system's authorities."""
    cheap = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    with (
        patch("tornadogw.accounts.accounts.PasswordHasher", cheap),
        patch("tornadogw.store.mongo_watch.POLL_MS", 20),
        patch("tornadogw.gateway.Transport", partial(Transport, tls=_authorities())),
    ):
        async with opening as gateway:
            yield gateway


@cache
def _authorities() -> ssl.SSLContext:
    return ssl.create_default_context()


def chat_settings(base_url: str, *, vendor: str = "vllm", extra: str = "", price: str = "1") -> str:
    """One upstream with one model `m`, priced."""
    return f"""
[[upstreams]]
name = "up"
vendor = "{vendor}"
base_url = "{base_url}"
keys = ["sk-upstream"]

[[models]]
name = "m"
price = {{ input = "{price}", output = "{price}" }}
routes = [{{ upstream = "up", model = "m" }}]
{extra}
"""


async def new_key(run: Running, email: str = OWNER, **options: Any) -> str:
    """Another key of an account."""
    secret = run.gateway.parts.auth
    store = MongoKeys(run.mongo)
    keys = Keys(store, MongoAccounts(run.mongo), secret._hasher._secret)
    return (await keys.create(email, **options)).text
