"""A bare Tornado hello world, the yardstick: `python bench/hello.py` prints its port. Its answer is the same 0.6 KB."""

from __future__ import annotations

import asyncio

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from wire import ANSWER, HOST, PATH


class Hello(RequestHandler):
    def post(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.write(ANSWER)


async def main() -> None:
    sockets = bind_sockets(0, HOST)
    HTTPServer(Application([(PATH, Hello)])).add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
