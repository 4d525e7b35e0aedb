"""The plugin against a real file: whole lines, rotation, a disk that refuses, and nothing that nobody allowed."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from tornadogw_jsonlines import JsonLines, Settings
from tornadogw_jsonlines.lines import ATTEMPT, FIELDS, line
from tornadogw_jsonlines.writer import Writer

from tornadogw import Attempt, Price, Record, Usage, UsageError

RECORD = Record(
    id="r1",
    account_id="a1",
    key_id="k1",
    mode="chat",
    asked="auto",
    model="echo",
    upstream="echo",
    finish="whole",
    usage=Usage(prompt=4, completion=2),
    source="reported",
    cost=7,
    price=Price(input=1, output=2),
    attempts=(Attempt("echo", "echo", "ok", "", 3),),
    dropped=("seed",),
)


def read(path: Path) -> list[dict]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b'{"n":%d}\n' % number for number in range(start, start + count)]


def test_hooks_write_a_finished_call(tmp_path):
    path = tmp_path / "calls.jsonl"

    async def use() -> None:
        plugin = JsonLines()
        await plugin.gw_startup(Settings(str(path)))
        await plugin.gw_call_finished(RECORD)
        await plugin.gw_shutdown()

    asyncio.run(use())
    (said,) = read(path)
    assert (said["id"], said["cost"], said["usage"]["prompt"], said["dropped"]) == ("r1", 7, 4, ["seed"])
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_without_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def use() -> None:
        plugin = JsonLines()
        assert plugin.gw_settings()() == Settings("", 10_000)
        await plugin.gw_startup(Settings())
        await plugin.gw_call_finished(RECORD)
        await plugin.gw_shutdown()

    asyncio.run(use())
    assert list(tmp_path.iterdir()) == []


def test_a_line_holds_what_is_allowed_and_nothing_else():
    text = line(RECORD)
    assert text.count(b"\n") == 1
    said = json.loads(text)
    assert set(said) == {*FIELDS, "usage", "price", "attempts"}
    assert set(said["attempts"][0]) == set(ATTEMPT)
    known = {"id", "account_id", "key_id", "mode", "asked", "model", "shown", "upstream", "stream", "finish", "code"}
    known |= {
        "usage",
        "source",
        "cost",
        "price",
        "attempts",
        "dropped",
        "broken_events",
        "started",
        "first_event_ms",
        "ms",
    }
    assert set(said) == known  # a new field must be looked at: it may hold what a prompt says


def test_lines_stay_whole_and_in_order_over_a_rotation(tmp_path):
    path = tmp_path / "calls.jsonl"

    async def use() -> None:
        writer = Writer(str(path), 1000)
        await writer.start()
        for each in numbered(50):
            writer.put(each)
        await until(lambda: path.stat().st_size == sum(map(len, numbered(50))))
        path.rename(tmp_path / "calls.1")
        for each in numbered(50, 50):
            writer.put(each)
        await writer.stop()

    asyncio.run(use())
    assert [said["n"] for said in read(tmp_path / "calls.1") + read(path)] == list(range(100))


def test_a_truncated_file_is_appended_to(tmp_path):
    path = tmp_path / "calls.jsonl"

    async def use() -> None:
        writer = Writer(str(path), 1000)
        await writer.start()
        writer.put(b'{"n":0}\n')
        await until(lambda: path.stat().st_size > 0)
        os.truncate(path, 0)
        writer.put(b'{"n":1}\n')
        await writer.stop()

    asyncio.run(use())
    assert path.read_bytes() == b'{"n":1}\n'


def test_two_writers_share_a_file(tmp_path):
    path = tmp_path / "calls.jsonl"

    async def use() -> None:
        writers = [Writer(str(path), 1000) for _ in range(2)]
        for writer in writers:
            await writer.start()
        for each in numbered(200):
            for writer in writers:
                writer.put(each)
        for writer in writers:
            await writer.stop()

    asyncio.run(use())
    assert sorted(said["n"] for said in read(path)) == sorted([*range(200)] * 2)


@pytest.mark.parametrize("kind", ["folder", "missing folder", "pipe"])
def test_a_file_that_cannot_be_written_stops_the_start(kind, tmp_path):
    path = tmp_path / "calls.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = tmp_path / "none" / "calls.jsonl"
    with pytest.raises(UsageError, match=r"plugin\.jsonlines\.path = "):
        asyncio.run(Writer(str(path), 10).start())


def test_a_disk_that_refuses_costs_no_line_within_the_buffer(tmp_path, caplog):
    path = tmp_path / "calls.jsonl"

    async def use() -> None:
        writer = Writer(str(path), 3, retry_seconds=0.01)
        await writer.start()
        path.rename(tmp_path / "gone")
        path.mkdir()  # now the name cannot be opened
        for each in numbered(5):
            writer.put(each)
        await until(lambda: "finished calls wait" in caplog.text)
        path.rmdir()
        await until(lambda: "can be written again; 2 finished calls were dropped" in caplog.text)
        await writer.stop()

    asyncio.run(use())
    assert [said["n"] for said in read(path)] == [0, 1, 2]


def test_an_end_with_a_refusing_disk_tells_what_is_lost(tmp_path, caplog):
    path = tmp_path / "calls.jsonl"

    async def use() -> None:
        writer = Writer(str(path), 10, retry_seconds=60)
        await writer.start()
        path.rename(tmp_path / "gone")
        path.mkdir()
        writer.put(b"{}\n")
        await until(lambda: "finished calls wait" in caplog.text)
        async with asyncio.timeout(30):  # far below the pause between two tries
            await writer.stop()

    asyncio.run(use())
    assert "1 finished calls were not written" in caplog.text


def test_a_short_write_is_continued(tmp_path, monkeypatch):
    path = tmp_path / "calls.jsonl"
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:5]))

    async def use() -> None:
        writer = Writer(str(path), 100)
        await writer.start()
        for each in numbered(20):
            writer.put(each)
        await writer.stop()

    asyncio.run(use())
    assert [said["n"] for said in read(path)] == list(range(20))


async def until(reached) -> None:
    """Wait for what another thread does."""
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110  # a file tells nobody that it grew
            await asyncio.sleep(0.001)
