"""What an upstream sends, what a client reads, and what must hold after every request."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import orjson

from tests.running import OWNER, Running
from tornadogw.doctor import Doctor
from tornadogw.store.mongo_doctor import MongoDoctor
from tornadogw.store.mongo_rebuild import MongoDayJobs

DONE = b"data: [DONE]\n\n"
USED = (7, 2)
"""Prompt and completion tokens that `said` reports."""


# --- an upstream's bytes -------------------------------------------------------------------------------------------


def event(payload: Any) -> bytes:
    return b"data: " + orjson.dumps(payload) + b"\n\n"


def chunk(delta: Mapping[str, Any] | None = None, *, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    """One chunk of the chat dialect; a string is its content."""
    body = {"id": "up-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m-real", **more}
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return event({**body, "choices": [choice]})


def text(piece: str, **more: Any) -> bytes:
    return chunk({"content": piece}, **more)


def role(**more: Any) -> bytes:
    return chunk({"role": "assistant", "content": ""}, **more)


def usage(prompt: Any = USED[0], completion: Any = USED[1], **more: Any) -> bytes:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 0, **more}
    body = {"id": "up-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m-real"}
    return event({**body, "choices": [], "usage": counts})


def said(*pieces: str, finish: str = "stop", **more: Any) -> bytes:
    """A whole stream, as a good upstream sends it."""
    return b"".join(
        [role(**more), *(text(piece, **more) for piece in pieces), chunk(finish=finish, **more), usage(), DONE]
    )


def whole(*pieces: str, **more: Any) -> bytes:
    """A JSON answer with a choice for each piece."""
    choices = [
        {"index": index, "message": {"role": "assistant", "content": piece}, "finish_reason": "stop"}
        for index, piece in enumerate(pieces)
    ]
    counts = {"prompt_tokens": USED[0], "completion_tokens": USED[1], "total_tokens": sum(USED)}
    body = {"id": "up-1", "object": "chat.completion", "created": 1700000000, "model": "m-real"}
    return orjson.dumps({**body, "choices": choices, "usage": counts, **more})


def problem(message: str = "no", code: str | None = None, kind: str = "some_error", **more: Any) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": kind, "code": code, **more}})


# --- settings ------------------------------------------------------------------------------------------------------


def serving(
    *urls: str,
    vendor: str = "vllm",
    price: str = "1",
    top: str = "",
    model: str = "",
    upstream: str = "",
    first: str = "",
    route: str = "",
) -> str:
    """The model `m`, one micro-unit a token, at one upstream a URL, in this order. The rest is more TOML.

    `first` stands in the table of the first upstream alone, `route` inside the inline table of each route.
    """
    upstreams = [
        f'[[upstreams]]\nname = "u{at}"\nvendor = "{vendor}"\nbase_url = "{url}"\nkeys = ["sk-up{at}"]\n{own}\n'
        for at, (url, own) in enumerate(zip(urls, [upstream + first] + [upstream] * len(urls), strict=False))
    ]
    routes = ", ".join(
        f'{{ upstream = "u{at}", model = "m-up", priority = {at}{", " + route if route else ""} }}'
        for at in range(len(urls))
    )
    price = f'price = {{ input = "{price}", output = "{price}" }}'
    return f'{top}\n{"".join(upstreams)}\n[[models]]\nname = "m"\n{price}\nroutes = [{routes}]\n{model}\n'


def model(name: str, *routes: str, price: str = "1", **fields: str) -> str:
    """A `[[models]]` table with routes such as `u0`, `u1 priority=1`; the fields are TOML."""
    made = []
    for route in routes:
        upstream, *more = route.split()
        extra = "".join(f", {each.replace('=', ' = ')}" for each in more)
        made.append(f'{{ upstream = "{upstream}", model = "{name}-at-{upstream}"{extra} }}')
    price = f'price = {{ input = "{price}", output = "{price}" }}'
    others = [f"{key} = {value}" for key, value in fields.items()]
    return "\n".join(["[[models]]", f'name = "{name}"', price, f"routes = [{', '.join(made)}]", *others, ""])


# --- what a client reads -------------------------------------------------------------------------------------------


def events_of(raw: bytes) -> list[Any]:
    """The JSON of each event and `[DONE]` as a string, of a body in exactly the form that the contract promises."""
    assert raw.endswith(b"\n\n"), raw[-200:]
    found: list[Any] = []
    for block in raw[:-2].split(b"\n\n"):
        assert block.startswith(b"data: "), block[:200]
        assert b"\n" not in block, block[:200]
        data = block.removeprefix(b"data: ")
        found.append("[DONE]" if data == b"[DONE]" else json.loads(data))
        assert found[-1] != {}
    return found


def joined(events: Iterable[Any], field: str = "content", index: int = 0) -> str:
    """The text of one choice, in chat or completion shape."""
    choices = [choice for each in events if isinstance(each, dict) for choice in each.get("choices", ())]
    return "".join(choice.get("delta", choice).get(field) or "" for choice in choices if choice["index"] == index)


def finishes(events: Iterable[Any]) -> list[str]:
    """Every finish reason, in order."""
    choices = [choice for each in events if isinstance(each, dict) for choice in each.get("choices", ())]
    return [choice["finish_reason"] for choice in choices if choice["finish_reason"] is not None]


def check_envelope(body: Any, code: int, slug: str | None = None) -> str:
    """The contract's error body; gives its message."""
    assert list(body) == ["code", "message", "data", "error"], body
    assert (body["code"], body["data"]) == (code, None), body
    error = body["error"]
    assert list(error) == ["message", "type", "param", "code"], body
    assert error["message"] == body["message"]
    assert isinstance(error["code"], str)
    assert slug is None or error["code"] == slug, body
    no_internals(json.dumps(body, ensure_ascii=False))
    return str(body["message"])


def check_in_band(body: Any, code: int) -> str:
    """The error event inside a stream: `error` first; gives its message."""
    assert list(body) == ["error", "code", "message"], body
    assert body["code"] == code, body
    assert list(body["error"]) == ["message", "type", "param", "code"], body
    no_internals(json.dumps(body, ensure_ascii=False))
    return str(body["message"])


_INTERNALS = re.compile(r"Traceback|File \"|tornadogw|mongod|127\.0\.0\.1|sk-up|\bu[01]\b|vllm|openai", re.IGNORECASE)


def no_internals(said: str) -> None:
    found = _INTERNALS.search(said)
    assert found is None, said


# --- what must hold afterwards -------------------------------------------------------------------------------------


async def eventually(true: Callable[[], bool | Awaitable[bool]], seconds: float = 15.0) -> None:
    """Wait for something that comes about by itself."""
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.005)


async def hot(gateway: Running) -> None:
    """Until the owner's key is believed, and nothing that was changed before is still to be told."""
    auth = gateway.gateway.parts.auth
    told: set[str] = set()
    drop = auth.drop

    def noted(*, key_id: str = "", account_id: str = "") -> None:
        told.add(key_id)
        drop(key_id=key_id, account_id=account_id)

    auth.drop = noted  # type: ignore[method-assign]  # it is the gateway's own, and only listens
    last = (await gateway.gateway.parts.office.keys.create(OWNER)).key.id

    async def all_told() -> bool:
        return last in told

    await eventually(all_told, 15)
    while not (auth._fresh() and auth._hasher.digest(gateway.key) in auth._cache):
        async with gateway.session.get(gateway.url + "/v1/models", headers={"X-API-Key": gateway.key}) as response:
            assert response.status == 200


async def settled(gateway: Running) -> None:
    """No request runs, no write of money is under way."""
    async with asyncio.timeout(15):
        await gateway.gateway.parts.inflight.idle()
    assert await gateway.gateway.ledger.rest()


async def check_books(gateway: Running) -> None:
    """Every micro-unit is somewhere: nothing is held once nothing runs, and the events tell what was spent."""
    await settled(gateway)
    account = await gateway.account()
    assert account.held == 0
    assert account.credited == account.balance + account.spent
    assert account.spent == sum(each["c"] for each in await gateway.events())
    await check_doctor(gateway)


async def check_doctor(gateway: Running) -> None:
    """No invariant of money is broken, of any account."""
    zone = "Asia/Shanghai"
    report = await Doctor(MongoDoctor(gateway.mongo, zone), MongoDayJobs(gateway.mongo, zone), pause=1.0).examine()
    assert report.findings == ()


async def last_event(gateway: Running) -> dict[str, Any]:
    """The usage event of the request made last."""
    await settled(gateway)
    return (await gateway.events())[-1]


def hold_clock(gateway: Running) -> None:
    """No time passes any more for what is left alone: it stays so, and is told the same each time."""
    health = gateway.gateway.parts.gate.health
    moment = health.now()
    health._clock = lambda: moment


def forgive(gateway: Running) -> None:
    """Forget what cools down, fails or is disabled: the next case of a table starts afresh."""
    health = gateway.gateway.parts.gate.health
    health._until.clear()
    health._failing.clear()
    health._runs.clear()
