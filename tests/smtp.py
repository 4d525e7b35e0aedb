"""A small mail server on loopback: takes letters, or does what a test says that it does wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


class Post:
    """What arrived. `answers`: what the next letters are answered with, one each; then they are taken."""

    def __init__(self, starttls: ssl.SSLContext | None = None) -> None:
        """`starttls`: None, encryption is not offered."""
        self.port, self._starttls = 0, starttls
        self.said: list[tuple[bool, str]] = []
        """The first word of each line, and whether it came encrypted."""
        self.answers: list[str] = []
        self.silent = False
        self.recipients: list[str] = []
        self.connections = 0
        self._letters: list[EmailMessage] = []
        self._came = asyncio.Condition()

    @property
    def settings(self) -> str:
        return f"""
[server]
public_url = "http://gw.example"
[mail]
host = "127.0.0.1"
port = {self.port}
tls = "none"
sender = "gateway@gw.example"
"""

    async def letter(self, number: int = 0) -> EmailMessage:
        """The one with this number, once it is there."""
        async with self._came:
            await self._came.wait_for(lambda: len(self._letters) > number)
        return self._letters[number]

    async def text(self, number: int = 0) -> str:
        return str((await self.letter(number)).get_content())

    def __len__(self) -> int:
        return len(self._letters)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except (ConnectionError, ssl.SSLError):
            pass  # the client has left
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(*lines: str) -> None:
            writer.write(b"".join(f"{line}\r\n".encode() for line in lines))
            await writer.drain()

        def secure() -> bool:
            return writer.get_extra_info("sslcontext") is not None

        await say("220 post.example")
        while line := await reader.readline():
            verb = line[:4].upper()
            self.said.append((secure(), line.decode("latin-1").partition(" ")[0].strip().upper()))
            if self.silent:
                continue
            if verb == b"EHLO":
                offered = ["250-STARTTLS"] if self._starttls is not None and not secure() else []
                await say("250-post.example", *offered, "250 AUTH PLAIN")
            elif verb == b"STAR" and self._starttls is not None:
                await say("220 go on")
                await writer.start_tls(self._starttls)
            elif verb == b"RCPT":
                self.recipients.append(line.decode().partition("<")[2].partition(">")[0])
                await say(self.answers.pop(0) if self.answers else "250 fine")
            elif verb == b"DATA":
                await say("354 go on")
                body = await reader.readuntil(b"\r\n.\r\n")
                async with self._came:
                    self._letters.append(message_from_bytes(body[:-3].replace(b"\r\n..", b"\r\n."), policy=default))  # type: ignore[arg-type] # the policy decides
                    self._came.notify_all()
                await say("250 taken")
            elif verb == b"QUIT":
                await say("221 bye")
                return
            else:
                await say("235 welcome" if verb == b"AUTH" else "250 fine")


@asynccontextmanager
async def post_office(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
) -> AsyncIterator[Post]:
    """`tls`: encrypted from the first byte; `starttls`: what is offered after the greeting."""
    post = Post(starttls)
    server = await asyncio.start_server(post.serve, "127.0.0.1", 0, ssl=tls)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()
        await server.wait_closed()
