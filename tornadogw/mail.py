"""Sends letters through the operator's mail server. Whoever gives one away waits for nothing.

If a page waited for the mail server, the time that it takes would tell whether an address is known here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

import aiosmtplib
from typing_extensions import override

from tornadogw.accounts.letters import Letter, Mailer, writable
from tornadogw.settings.tables import Mail as Table

__all__ = ["Mail"]

log = logging.getLogger(__name__)

WAITING = 200
"""Letters that may wait; what comes then is dropped."""
SENDERS = 4
"""Letters that are sent at the same time: one server that hangs holds up few others."""
PAUSES = (5.0, 30.0)
"""Seconds before the second and the third try."""
_PERMANENT = 500
LAST = 5.0
"""Seconds that letters get at a stop."""


class Mail(Mailer):
    """The letters of one process."""

    def __init__(self, table: Table, *, pauses: Sequence[float] = PAUSES, waiting: int = WAITING) -> None:
        self._table, self._pauses = table, pauses
        self._letters: asyncio.Queue[Letter] = asyncio.Queue(waiting)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._work(), name=f"mail {number}") for number in range(SENDERS)]

    async def close(self) -> None:
        """What waits still goes, for a few seconds; the rest is lost, and said to be."""
        try:
            async with asyncio.timeout(LAST):
                await self._letters.join()
        except TimeoutError:
            log.warning("letters are lost: the mail server did not take them before the stop")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @override
    def send(self, letter: Letter) -> None:
        try:
            self._letters.put_nowait(letter)
        except asyncio.QueueFull:
            log.warning("a letter is lost: %d wait for the mail server already", self._letters.maxsize)

    async def _work(self) -> None:
        while True:
            letter = await self._letters.get()
            try:
                await self._carry(letter)
            except Exception:  # one letter must not end the sending of all others
                log.exception("a letter is lost")
            finally:
                self._letters.task_done()

    async def _carry(self, letter: Letter) -> None:
        for pause in (*self._pauses, None):
            try:
                async with asyncio.timeout(self._table.timeout):
                    await self._once(letter)
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
                if pause is None or _for_good(error):
                    log.warning("a letter is lost: %s", _why(error))
                    return
                await asyncio.sleep(pause)
            else:
                return

    async def _once(self, letter: Letter) -> None:
        table = self._table
        await aiosmtplib.send(
            message(letter, table.sender),
            sender=table.sender,
            recipients=[writable(letter.to)],
            hostname=table.host,
            port=table.port,
            username=table.user or None,
            password=table.password or None,
            timeout=table.timeout,
            use_tls=table.tls == "tls",
            start_tls=table.tls == "starttls",
        )


def message(letter: Letter, sender: str) -> EmailMessage:
    """As it is sent. Raises `UsageError` or ValueError for what would make more headers than there should be."""
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = writable(letter.to)
    made["Subject"] = letter.subject
    made["Date"] = format_datetime(datetime.now(UTC))
    made["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(letter.text)
    return made


def _for_good(error: Exception) -> bool:
    """The server will not take it later either (RFC 5321: replies of the five hundreds)."""
    refused = error.recipients if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else [error]
    return all(isinstance(each, aiosmtplib.SMTPResponseException) and each.code >= _PERMANENT for each in refused)


def _why(error: Exception) -> str:
    """Not in the server's words, which may hold the address."""
    code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    return f"{type(error).__name__} {code}".strip()
