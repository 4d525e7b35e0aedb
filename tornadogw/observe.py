"""What operators see of the gateway: log lines with the request id, no secret in any of them, and a cheap access log.

Lines are formatted where they are logged and written by a thread, one write for all that came in a tenth of a second:
neither the formatting of access lines nor a slow reader of stderr holds up the loop.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from typing_extensions import override

from tornadogw.masks import conceal, mask

__all__ = ["Access", "Log", "current_request", "for_request", "mask", "mistake"]

BATCH_SECONDS = 0.1
MOST_WAITING = 20_000
"""Lines that may wait for a reader; more are dropped and counted."""

_request: ContextVar[str] = ContextVar("tornadogw_request", default="")

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@contextmanager
def for_request(request_id: str) -> Iterator[None]:
    """Log lines of this task, and of tasks that it starts, carry `request_id`."""
    token = _request.set(request_id)
    try:
        yield
    finally:
        _request.reset(token)


def current_request() -> str:
    """The request id of the running task; empty outside a request."""
    return _request.get()


class Access(NamedTuple):
    """One finished HTTP request. `path` comes without its query, which may hold a key."""

    at: float
    """Unix seconds."""
    method: str
    path: str
    status: int
    ms: float
    request_id: str = ""
    address: str = ""
    key_id: str = ""


class Log(logging.Handler):
    """The gateway's log: takes over the root logger between `open` and `close`.

    `as_json`: a JSON object a line, else a line for people. `batch` False writes at once, without a thread.
    Fields beside the message come as `extra={"fields": {...}}`.
    """

    def __init__(self, stream: TextIO | None = None, *, as_json: bool = False, batch: bool = True) -> None:
        super().__init__()
        self._stream = stream
        self._line = json_line if as_json else human_line
        self._access_line = json_access if as_json else human_access
        self._batch = batch
        self._waiting: deque[str | Access] = deque()
        self._dropped = 0
        self._more = threading.Event()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._before: tuple[list[logging.Handler], int] = ([], logging.WARNING)

    def open(self, level: int = logging.INFO) -> None:
        """Take over the root logger at `level`."""
        root = logging.getLogger()
        self._before = (root.handlers[:], root.level)
        root.handlers[:] = [self]
        root.setLevel(level)
        if self._batch:
            self._thread = threading.Thread(target=self._write_on, name="log writer", daemon=True)
            self._thread.start()

    @override
    def close(self) -> None:
        """Write what waits and give the root logger back. Safe to call twice."""
        root = logging.getLogger()
        if self in root.handlers:
            root.handlers[:], level = self._before
            root.setLevel(level)
        if (thread := self._thread) is not None:
            self._thread = None
            self._more.set()
            thread.join(timeout=5)
        self.flush()
        super().close()

    def access(self, access: Access) -> None:
        """Note a finished request: an append now, everything else in the writer's thread."""
        self._put(access)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._put(self._line(record, current_request()))
        except Exception:  # noqa: BLE001  # a broken log call must not become the caller's failure; this tells of it
            self.handleError(record)

    @override
    def flush(self) -> None:
        """Write what waits, now, from this thread."""
        with self._writing:
            self._write_waiting()

    def _put(self, line: str | Access) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._dropped += 1
            return
        self._waiting.append(line)
        if self._thread is None:
            self.flush()
        elif not self._more.is_set():
            self._more.set()

    def _write_on(self) -> None:
        """The writer's thread: wakes for the first line, waits for others to join it, writes them all at once."""
        me = threading.current_thread()
        while self._thread is me:
            self._more.wait()
            if self._thread is me:
                time.sleep(BATCH_SECONDS)
            self._more.clear()
            self.flush()

    def _write_waiting(self) -> None:
        lines: list[str] = []
        while self._waiting:
            line = self._waiting.popleft()
            lines.append(self._access_line(line) if isinstance(line, Access) else line)
        if self._dropped:
            lost, self._dropped = self._dropped, 0
            lines.append(self._line(_note("%d log lines were dropped: nobody read them", lost), ""))
        if lines:
            _write("\n".join(lines) + "\n", self._stream or sys.stderr)


def _write(text: str, stream: TextIO) -> None:
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):  # the reader is gone or the disk is full: the gateway answers on
        return


# --- lines -------------------------------------------------------------------------------------------------------


def json_line(record: logging.LogRecord, request_id: str) -> str:
    """One JSON object: time, level, logger, message, request_id, the fields, exception."""
    line: dict[str, Any] = {
        "time": _iso(record.created),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    if request_id:
        line["request_id"] = request_id
    line.update(_fields(record))
    if trace := _trace(record):
        line["exception"] = trace
    return _dump(line)


def human_line(record: logging.LogRecord, request_id: str) -> str:
    """`12:00:01 warning exchange [id] message key=value`, a traceback below it."""
    words = [_clock(int(record.created)), record.levelname.lower(), record.name.removeprefix("tornadogw.")]
    if request_id:
        words.append(f"[{request_id}]")
    words.append(record.getMessage())
    words += [f"{key}={value}" for key, value in _fields(record).items()]
    trace = _trace(record)
    line = _one_line(" ".join(words))
    return line + "\n" + "\n".join("    " + _one_line(part) for part in trace.splitlines()) if trace else line


def json_access(access: Access) -> str:
    line = {
        "time": _iso(access.at),
        "level": "info",
        "logger": "access",
        "method": _quiet(access.method),
        "path": _quiet(access.path),
        "status": access.status,
        "ms": round(access.ms, 1),
        "request_id": access.request_id,
        "address": access.address,
        "key_id": access.key_id,
    }
    return json.dumps({key: value for key, value in line.items() if value != ""}, separators=(",", ":"))


def human_access(access: Access) -> str:
    who = f"{access.address} {access.key_id}".strip()
    what = f"{_quiet(access.method)} {_quiet(access.path)} {access.status} {access.ms:.1f}ms"
    return f"{_clock(int(access.at))} info access [{access.request_id or '-'}] {what} {who}"


@lru_cache(maxsize=1024)
def _quiet(text: str) -> str:
    """What a client chose of an access line, masked and in one line; the rest of it is ours."""
    return _one_line(text)


def _note(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, message, arguments, None)


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, Mapping) else {}


def _trace(record: logging.LogRecord) -> str:
    parts = [logging.Formatter().formatException(record.exc_info)] if record.exc_info else []
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)


def _one_line(text: str) -> str:
    """No secret, and nothing that a client sent can make a line of its own."""
    return UNPRINTABLE.sub(_escape, conceal(text))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _dump(line: Mapping[str, Any]) -> str:
    """Each text is masked before it is quoted, so that a mask never breaks the JSON."""
    return json.dumps(_masked(line), ensure_ascii=True, separators=(",", ":"))


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _masked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return conceal(str(value))


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=4)
def _clock(at: int) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


# --- sentences -----------------------------------------------------------------------------------------------------


def mistake(error: Exception) -> str:
    """What nobody expected, in one sentence with what somebody needs who wants to mend it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"This is a mistake in tornadogw: {type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    )
