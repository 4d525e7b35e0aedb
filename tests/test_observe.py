"""Log lines: whole, one each, with the request id, without secrets; and a reader who does not read costs no answer."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import threading
import time

import pytest

from tornadogw import observe
from tornadogw.observe import Access, Log, current_request, for_request, mask

log = logging.getLogger("tornadogw.sample")
ACCESS = Access(1_795_000_000.123, "POST", "/v1/chat/completions", 200, 12.34, "r1", "10.0.0.1", "k1")


@pytest.fixture
def written():
    """Opens a log on a text and gives both; the root logger is as before afterwards."""
    opened: list[Log] = []

    def start(**options):
        stream = io.StringIO()
        opened.append(Log(stream, **options))
        opened[-1].open(logging.DEBUG)
        return opened[-1], stream

    yield start
    for each in opened:
        each.close()


def fail(text: str) -> None:
    raise ValueError(text)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_of_json(written):
    _, stream = written(as_json=True, batch=False)
    with for_request("r1"):
        log.warning("hello %s", "you", extra={"fields": {"upstream": "a", "n": 3}})
    (line,) = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "warning",
        "logger": "tornadogw.sample",
        "message": "hello you",
        "request_id": "r1",
        "upstream": "a",
        "n": 3,
    }


def test_a_line_for_people(written):
    _, stream = written(batch=False)
    with for_request("r1"):
        log.info("hello", extra={"fields": {"upstream": "a"}})
    assert re.fullmatch(r"\d\d:\d\d:\d\d info sample \[r1\] hello upstream=a\n", stream.getvalue())


def test_a_traceback_stands_in_its_line(written):
    _, stream = written(as_json=True, batch=False)
    try:
        fail("key sk-abcdefgh12345678")
    except ValueError:
        log.exception("failed")
    (line,) = lines(stream)
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: key sk-***")


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_gets_through(as_json, written):
    _, stream = written(as_json=as_json, batch=False)
    secret = "sk-abcdefgh12345678"
    log.warning("key %s", secret, extra={"fields": {"deep": {"list": [secret]}, "headers": f"Bearer {secret}"}})
    try:
        fail(secret)
    except ValueError:
        log.exception("mongodb://me:hunter22@host/", stack_info=True)
    assert secret not in stream.getvalue()
    assert "hunter22" not in stream.getvalue()


@pytest.mark.parametrize("as_json", [True, False])
def test_text_of_a_client_makes_no_line_of_its_own(as_json, written):
    handler, stream = written(as_json=as_json, batch=False)
    log.warning("model %s", "a\n12:00:00 error sample forged\r\u2028\x1b[31m\ud800")
    handler.access(ACCESS._replace(path="/v1/\nforged"))
    assert len(stream.getvalue().splitlines()) == 2
    assert "\x1b" not in stream.getvalue()
    stream.getvalue().encode()


async def test_each_task_has_its_own_request_id():
    async def handle(name: str, other: asyncio.Event, mine: asyncio.Event) -> str:
        with for_request(name):
            mine.set()
            await other.wait()
            return await asyncio.create_task(asyncio.to_thread(current_request))

    one, two = asyncio.Event(), asyncio.Event()
    assert await asyncio.gather(handle("a", two, one), handle("b", one, two)) == ["a", "b"]
    assert current_request() == ""


def test_an_access_line(written):
    handler, stream = written(as_json=True, batch=False)
    handler.access(ACCESS)
    handler.access(Access(0.0, "GET", "/healthz", 200, 0.04))
    first, second = lines(stream)
    assert first == {
        "time": "2026-11-18T11:06:40.123Z",
        "level": "info",
        "logger": "access",
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "ms": 12.3,
        "request_id": "r1",
        "address": "10.0.0.1",
        "key_id": "k1",
    }
    assert not {"request_id", "address", "key_id"} & second.keys()


def test_an_access_line_for_people(written):
    handler, stream = written(batch=False)
    handler.access(ACCESS)
    assert stream.getvalue().endswith("info access [r1] POST /v1/chat/completions 200 12.3ms 10.0.0.1 k1\n")


def test_many_lines_are_one_write_in_order(written):
    handler, stream = written(as_json=True)
    writes: list[str] = []
    stream.write = writes.append
    for number in range(100):
        handler.access(ACCESS._replace(status=number))
    log.info("after")
    handler.close()
    assert len(writes) <= 2
    said = [json.loads(line) for line in "".join(writes).splitlines()]
    assert [line.get("status", "log") for line in said] == [*range(100), "log"]


def test_the_writer_writes_by_itself(written):
    written_at_all = threading.Event()

    class Told(io.StringIO):
        def write(self, text: str) -> int:
            written_at_all.set()
            return super().write(text)

    handler = Log(Told())
    handler.open()
    try:
        log.info("hello")
        assert written_at_all.wait(10)
    finally:
        handler.close()


class Stuck(io.StringIO):
    """A reader that does not read until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.stuck, self.free = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.stuck.set()
        self.free.wait(10)
        return super().write(text)


def test_a_reader_that_does_not_read_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(observe, "MOST_WAITING", 10)
    stream = Stuck()
    handler = Log(stream, as_json=True)
    handler.open()
    try:
        log.info("first")
        assert stream.stuck.wait(10)
        started = time.perf_counter()
        for _ in range(50):
            handler.access(ACCESS)
        assert time.perf_counter() - started < 9, "the reader holds each writer for ten seconds"
    finally:
        stream.free.set()
        handler.close()
    said = lines(stream)
    assert len(said) == 12
    assert said[-1]["message"] == "40 log lines were dropped: nobody read them"


def test_a_reader_that_is_gone_is_no_error(written):
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    handler = Log(Gone(), batch=False)
    handler.open()
    log.info("hello")
    handler.close()


def test_a_broken_log_call_is_not_the_callers_failure(written, capsys):
    written(batch=False)
    log.info("%d", "no number")
    assert "Logging error" in capsys.readouterr().err


def test_the_root_logger_is_given_back():
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    handler = Log(io.StringIO())
    handler.open(logging.DEBUG)
    assert root.handlers == [handler]
    handler.close()
    handler.close()
    assert (root.handlers, root.level) == before


def test_masks_are_at_hand_here():
    assert mask("at https://acme.com") == "at ***"


def test_what_nobody_expected_is_one_sentence():
    with pytest.raises(KeyError) as caught:
        _ = {}["missing"]
    sentence = observe.mistake(caught.value)
    assert re.fullmatch(r"This is a mistake in tornadogw: KeyError: 'missing' \(test_observe.py:\d+\)", sentence)
