"""An upstream whose answers cost what the question says: `python upstream.py` prints its port and serves until killed.

The last message is `COST HOW SECONDS`: HOW is `whole`, `cut` (no end) or `error` (HTTP 500), SECONDS what it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from aiohttp import ClientConnectionResetError, web


def chunk(**choice: object) -> bytes:
    said = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return (
        b"data: " + json.dumps({**said, "choices": [{"index": 0, "finish_reason": None, **choice}]}).encode() + b"\n\n"
    )


async def answer(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    cost, how, seconds = body["messages"][-1]["content"].split()
    if how == "error":
        return web.json_response({"error": {"message": "down", "type": "server_error"}}, status=500)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    with contextlib.suppress(ClientConnectionResetError):  # a gateway that was killed, or whose client has left
        await response.prepare(request)
        await write(request, response, int(cost), how, float(seconds))
    return response


async def write(request: web.Request, response: web.StreamResponse, cost: int, how: str, seconds: float) -> None:
    for number in range(4):
        await response.write(chunk(delta={"role": "assistant", "content": f"word{number} "}))
        await asyncio.sleep(seconds / 4)
    if how == "whole":
        await response.write(chunk(delta={}, finish_reason="stop"))
        usage = {"prompt_tokens": 1, "completion_tokens": cost - 1, "total_tokens": cost}
        last = {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [],
            "usage": usage,
        }
        await response.write(b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n")
    elif request.transport is not None:
        request.transport.close()


async def main() -> None:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
