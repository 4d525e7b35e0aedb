"""What every test gets: a real mongod, one event loop per test, and strictness about what a test leaves behind.

Async tests are plain `async def test_...` functions: each is run by pytest-tornado on its own event loop (fixture
`io_loop`), for at most 30 s; `@pytest.mark.gen_test(timeout=60)` gives one test more. Fixtures that need the loop do
their asynchronous part with `run`: `run(coroutine)` runs it on the test's loop and gives its result. Plain tests use
`run` too, Hypothesis' among them (which then need `suppress_health_check=[HealthCheck.function_scoped_fixture]`).

    async def test_insert(database):            # a Motor database of this test alone, with all indexes
        await database.things.insert_one({"_id": 1})

    async def test_warns(claim_log):            # before or after the line is written
        claim_log("tornadogw.relay", r"broken event")

A test fails if it leaves a task running on its loop, a socket or file unclosed, or an unclaimed warning in the log.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import tempfile
from collections.abc import Awaitable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import MongoClient
from tornado.ioloop import IOLoop

from tests.databases import databases
from tests.running import Running, running
from tornadogw.store.mongo import Mongo
from tornadogw.store.mongo_embedded import PrivateMongod, open_private
from tornadogw.store.mongo_indexes import INDEXES

T = TypeVar("T")
TEST_SECONDS = 30.0
PARAMETERS = {
    "ttlMonitorEnabled": False,
    "minSnapshotHistoryWindowInSeconds": 5,
    "wiredTigerEngineRuntimeConfig": "file_manager=(close_idle_time=5,close_scan_interval=2,close_handle_minimum=500)",
}
"""A server keeps the files of a dropped collection open for minutes; thousands of tests would need too many. And once a
minute it removes what has expired: to a test whose times lie in the past, that happens at any moment or not at all."""
GRACE_SECONDS = 5.0
"""What a task that is about to end may still take after its test."""
TURNS = 5
"""Of the loop, after which a socket that was told to close is closed."""


# --- async tests ---------------------------------------------------------------------------------------------------


class Run(Protocol):
    def __call__(self, awaitable: Awaitable[T], timeout: float = TEST_SECONDS) -> T: ...


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: a test waits three quarters of its time (for deadlines, servers, disks), so two a core have work.

    Where CI is set, one: nobody waits for it, and a verdict there should depend little on the machine's load.
    """
    cores = len(os.sched_getaffinity(0))
    return cores if os.environ.get("CI") == "true" else min(2 * cores, 8)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every `async def` test is one for pytest-tornado."""
    for item in items:
        if asyncio.iscoroutinefunction(getattr(item, "function", None)) and not item.get_closest_marker("gen_test"):
            item.add_marker("gen_test")


def pytest_collection_finish() -> None:
    """What is there before the first test lives to the end: `gc.collect` after each test need not look at it again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """What was put aside is looked at in the end."""
    gc.unfreeze()
    gc.collect()


@pytest.fixture
def io_loop(log_guard: LogGuard) -> Iterator[IOLoop]:
    """The test's event loop, current while the test runs. Replaces pytest-tornado's, which uses deprecated calls."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    io_loop = IOLoop(asyncio_loop=loop, make_current=False)
    yield io_loop
    leaked = loop.run_until_complete(_end_tasks())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    io_loop.close(all_fds=True)
    asyncio.set_event_loop(None)
    gc.collect()  # what was never closed or never awaited says so now, and not in a later test
    gc.freeze()  # what is left is somebody's: no later test looks at it again
    assert not leaked, "tasks were left running:\n" + "\n".join(leaked)


async def _end_tasks() -> list[str]:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        _, tasks = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
    leaked = [repr(task) for task in tasks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    return leaked


@pytest.fixture
def run(io_loop: IOLoop) -> Run:
    """Runs an awaitable on the test's loop: for fixtures and for tests that are not async themselves."""

    def run(awaitable: Awaitable[T], timeout: float = TEST_SECONDS) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(timeout):
                return await awaitable

        return io_loop.asyncio_loop.run_until_complete(bounded())

    return run


# --- log -----------------------------------------------------------------------------------------------------------


class LogGuard(logging.Handler):
    """Collects what is logged from WARNING up, and tells what nobody claimed and which claims nothing met."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []
        self.claims: list[tuple[str, re.Pattern[str]]] = []
        self.spared: set[int] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def claim(self, logger: str, pattern: str = "", *, needed: bool = True) -> None:
        """Lines of `logger` and those below it whose message holds `pattern` are expected, at least one if `needed`."""
        self.claims.append((logger, re.compile(pattern)))
        if not needed:
            self.spared.add(len(self.claims) - 1)

    def complaints(self) -> list[str]:
        unmet = set(range(len(self.claims))) - self.spared
        lines: list[str] = []
        for record in self.records:
            claims = [n for n, claim in enumerate(self.claims) if self._fits(record, *claim)]
            unmet.difference_update(claims)
            if not claims:
                lines.append(f"unclaimed: {record.levelname} {record.name}: {self._text(record)}")
        return lines + [f"claimed but never logged: {self.claims[n]}" for n in sorted(unmet)]

    @staticmethod
    def _fits(record: logging.LogRecord, logger: str, pattern: re.Pattern[str]) -> bool:
        named = record.name == logger or record.name.startswith(f"{logger}.")
        return named and pattern.search(record.getMessage()) is not None

    @staticmethod
    def _text(record: logging.LogRecord) -> str:
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        return f"{record.getMessage()}\n{trace}".strip()


@pytest.fixture(autouse=True)
def log_guard() -> Iterator[LogGuard]:
    guard = LogGuard()
    logging.getLogger().addHandler(guard)
    yield guard
    logging.getLogger().removeHandler(guard)
    complaints = guard.complaints()
    assert not complaints, "\n".join(complaints)


class Claim(Protocol):
    def __call__(self, logger: str, pattern: str = "", *, needed: bool = True) -> None: ...


@pytest.fixture
def claim_log(log_guard: LogGuard) -> Claim:
    """`claim_log("tornado.access", "401 GET")`: such lines are expected, at least one of them."""
    return log_guard.claim


# --- MongoDB -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def mongod() -> Iterator[PrivateMongod]:
    """One real server for the whole run, started and stopped as `serve` does it."""
    with (
        tempfile.TemporaryDirectory(prefix="tornadogw-tests-") as folder,
        open_private(Path(folder), "serve") as server,
    ):
        with MongoClient[dict[str, Any]](server.url) as client:
            client.admin.command("setParameter", 1, **PARAMETERS)
        yield server


@pytest.fixture
def mongo(mongod: PrivateMongod, run: Run) -> Iterator[Mongo]:
    """The gateway's hold on an empty database of this test alone, with all indexes."""
    pool = databases(mongod.url, "mongo")
    name, is_made = pool.take()
    mongo = run(_connect(mongod.url, name))
    if not is_made:
        run(mongo.ensure_indexes(*INDEXES))
    yield mongo
    run(pool.give_back(mongo, as_made=True))
    run(mongo.close())


@pytest.fixture
def database(mongo: Mongo) -> AsyncIOMotorDatabase[dict[str, Any]]:
    """The same as the driver's database."""
    return mongo.database


async def _connect(url: str, name: str) -> Mongo:
    return Mongo.connect(url, name, timeout_ms=20_000)


# --- a whole gateway -----------------------------------------------------------------------------------------------


class Start(Protocol):
    def __call__(self, settings: str = "", **options: Any) -> AbstractAsyncContextManager[Running]: ...


@pytest.fixture
def start(mongod: PrivateMongod, tmp_path: Path, io_loop: IOLoop) -> Start:
    """`async with start(settings) as gateway:` runs a gateway on a free port, with an empty database of its own."""

    def start(settings: str = "", **options: Any) -> AbstractAsyncContextManager[Running]:
        return running(mongod.url, tmp_path, settings, **options)

    return start
