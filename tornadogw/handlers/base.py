"""What every handler shares: request id, language, and errors in the contract's words."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.client import responses
from ipaddress import IPv4Network, IPv6Network
from typing import Any, ClassVar, Literal, Protocol

from tornado.httputil import HTTPHeaders, format_timestamp
from tornado.web import HTTPError, RequestHandler
from typing_extensions import override

from tornadogw.accounts.office import Office
from tornadogw.accounts.supply import Supply
from tornadogw.auth import Auth
from tornadogw.catalogue import Catalogue
from tornadogw.dialects.chat_negotiate import prefers
from tornadogw.errors import BodyTooSlow, GatewayError, InternalError, InvalidRequest, UnknownPath, WrongMethod
from tornadogw.exchange import Gate
from tornadogw.jsontext import dumps
from tornadogw.limits.limiter import Limiter
from tornadogw.oidc import Provider
from tornadogw.plugins import PluginInfo
from tornadogw.secret import Secret
from tornadogw.settings import Line, Settings
from tornadogw.store.ports_decisions import DecisionStore
from tornadogw.types import Value

__all__ = ["REQUEST_ID", "Access", "BaseHandler", "Current", "Date", "Figures", "Inflight", "Parts", "Ready"]

log = logging.getLogger(__name__)

Access = Literal["public", "key", "login", "reader", "operator", "owner", "token"]
"""Who may call a handler: anybody; a caller with an API key; who has logged in, maybe with a role; an admin token."""

LINGER = 3.0
"""Seconds that a refused body is read on, and dropped: who sends it gets time to read the refusal."""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Ready(Protocol):
    """Whether requests can be served."""

    draining: bool
    """The process is about to stop."""

    async def __call__(self) -> None:
        """Raises Unavailable while nothing can be served."""


class Figures(Protocol):
    """What is counted for Prometheus."""

    def answered(self, status: int) -> None:
        """An answer of the API has left."""

    async def text(self) -> bytes:
        """The page that a scraper reads."""


class Inflight:
    """The exchanges that run now: those that a stop waits for. What is kept of each is how to cut it short, and what
    is to be done when it has ended.
    """

    def __init__(self) -> None:
        self._cuts: dict[object, tuple[Callable[[], None], Callable[[], None]]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._cuts)

    def began(self, exchange: object, cut: Callable[[], None], leave: Callable[[], None]) -> None:
        """`leave` is called when it has ended, however that comes."""
        self._cuts[exchange] = cut, leave
        self._idle.clear()

    def ended(self, exchange: object) -> None:
        ended = self._cuts.pop(exchange, None)
        if ended is not None:
            ended[1]()
        if not self._cuts:
            self._idle.set()

    def cut(self) -> None:
        """End them all, as if their clients had left."""
        for cut, _ in list(self._cuts.values()):
            cut()

    async def idle(self) -> None:
        """Wait until none runs."""
        await self._idle.wait()


class Parts(Value, frozen=True):
    """What handlers are made of. Of one process, and of one catalogue."""

    settings: Settings
    auth: Auth
    limiter: Limiter
    catalogue: Catalogue
    gate: Gate
    decisions: DecisionStore
    office: Office
    secret: Secret
    trusted: Sequence[IPv4Network | IPv6Network]
    ready: Ready
    inflight: Inflight
    metrics: Figures | None
    """None: nobody may ask for any."""
    supply: Supply
    """Upstreams and models: who edits them, and how they are."""
    revision: int
    """Of what the database has of them: the last one that this process has taken."""
    oidc: Provider | None = None
    """Who else says who somebody is; None: nobody."""
    lines: Sequence[Line] = ()
    """Every setting in force and where it comes from, secrets masked."""
    plugins: Sequence[PluginInfo] = ()


class Current:
    """The parts of the present generation (`live`). Who begins takes them, and keeps them to its end."""

    __slots__ = ("parts",)

    def __init__(self, parts: Parts) -> None:
        self.parts = parts


class _EveryVerb(tuple[str, ...]):
    """Any verb reaches `check`, which refuses the wrong ones: in the contract's words, and after the key."""

    __slots__ = ()

    @override
    def __contains__(self, verb: object) -> bool:
        return True


class BaseHandler(RequestHandler):
    """Base of all handlers. The checks of `prepare` run before the body is read."""

    SUPPORTED_METHODS = _EveryVerb()
    access: ClassVar[Access]
    verbs: ClassVar[tuple[str, ...]] = ("GET",)

    @override
    def initialize(self, parts: Parts, under_prefix: bool = False) -> None:
        self.parts, self.under_prefix = parts, under_prefix
        self.body_read = False
        """Nothing of the request is on its way any more."""
        self.gone = False
        """The client has left."""
        self._transforms = []  # Tornado's; none of ours touches an answer
        self._body_timer: asyncio.TimerHandle | None = None
        headers = self.request.headers
        sent_id = headers.get("X-Request-Id", "")
        self.request_id = sent_id if REQUEST_ID.fullmatch(sent_id) else os.urandom(12).hex()
        self.language = prefers(headers.get("Accept-Language", ""), parts.settings.server.language)
        self.fields["X-Request-Id"] = self.request_id
        if parts.ready.draining:
            self.fields["Connection"] = "close"

    @override
    def clear(self) -> None:
        """As Tornado's, with a cached Date and without a Server header: it runs once a request."""
        self._headers = headers = HTTPHeaders()
        headers["Content-Type"], headers["Date"] = "application/json", self.application.settings["date"]()
        self._write_buffer: list[bytes] = []
        self._status_code = 200
        self._reason = responses[200]

    @property
    def fields(self) -> HTTPHeaders:
        """The answer's headers, for values that are ours and safe: `set_header` checks each one, which costs."""
        return self._headers

    @override
    def compute_etag(self) -> None:
        """No answer of the API is ever the same twice."""

    @override
    async def prepare(self) -> None:
        try:
            await self.check()
        except GatewayError as error:
            verb = self.request.method or ""
            if verb not in RequestHandler.SUPPORTED_METHODS or "Expect" in self.request.headers:
                self.body_read = True  # none will be asked for
                self.set_header("Connection", "close")
                self.refuse(error)
            elif self._body_is_coming():
                self.refuse(error)
            else:
                raise
        else:
            if self._body_is_coming():
                seconds = self.parts.settings.server.body_timeout
                self._body_timer = asyncio.get_running_loop().call_later(seconds, self.refuse, BodyTooSlow())

    def body_ends(self) -> None:
        """The body is here."""
        self.body_read = True
        self._stop_timer()

    def _stop_timer(self) -> None:
        """Nobody waits for the body any more."""
        if self._body_timer is not None:
            self._body_timer.cancel()

    @property
    def over(self) -> bool:
        """There is nothing left to answer, or nobody."""
        return self._finished or self.gone

    def ensure_finished(self) -> None:
        """An answer that the verb has left open ends here."""
        if not self._finished:
            _ = self.finish()

    @override
    def on_finish(self) -> None:
        self._stop_timer()

    @override
    def on_connection_close(self) -> None:
        self.gone = True
        self._stop_timer()

    def _body_is_coming(self) -> bool:
        headers = self.request.headers
        return not self.body_read and ("Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0")

    async def check(self) -> None:
        """What can be refused from the headers alone. Raises GatewayError."""
        if self.request.method not in self.verbs:
            self.set_header("Allow", ", ".join(self.verbs))
            raise WrongMethod

    @override
    def data_received(self, chunk: bytes) -> None:
        """A body that nobody asked for is left unread."""

    def refuse(self, error: GatewayError) -> None:
        """Answer with the contract's error; only while nothing was sent."""
        if self._finished or self._headers_written:
            return
        self.set_status(error.status)
        if error.retry_after is not None:
            self.set_header("Retry-After", str(error.retry_after))
        body, kind = self.refusal(error)
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        if self._body_is_coming():
            self._refuse_early(body)
        else:
            _ = self.finish(body)

    def refusal(self, error: GatewayError) -> tuple[bytes, str]:
        """What says so, and its media type."""
        return dumps(error.envelope(self.language)), "application/json"

    def _refuse_early(self, body: bytes) -> None:
        """The answer goes out at once and whole; what is still on its way is read and dropped, until it ends or for a
        while. A connection that is closed with unread bytes is reset, and the answer would be lost.
        """
        self.set_header("Connection", "close")
        self.set_header("Content-Length", str(len(body)))
        self.write(body)
        _ = self.flush()
        self.request.connection.set_max_body_size(sys.maxsize)  # type: ignore[union-attr]  # a server's always can
        self._stop_timer()
        self._body_timer = asyncio.get_running_loop().call_later(LINGER, self._end_refused)
        setattr(self, (self.request.method or "").lower(), self._end_refused)  # called once the body has ended

    def _end_refused(self, *_args: str) -> None:
        if not self._finished:
            _ = self.finish()
        self.hang_up()

    def answer(self, data: Any) -> None:
        """A JSON document of ours."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        _ = self.finish(dumps(data))

    def hang_up(self) -> None:
        """Close the connection, whatever is still on its way."""
        self.request.connection.close()  # type: ignore[union-attr]  # a server's always can

    @override
    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """As Tornado's, but for its fresh headers: request id, CORS and limits stand on every error."""
        if self._headers_written:
            super().send_error(status_code, **kwargs)
        else:
            self._write_buffer = []
            self.write_error(status_code, **kwargs)

    @override
    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """What Tornado itself found wrong, and our own bugs: the contract's words, never internals."""
        found = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(found, GatewayError):
            self.refuse(found)
        elif status_code == HTTPStatus.NOT_FOUND:
            self.refuse(UnknownPath())
        elif status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.refuse(WrongMethod())
        elif status_code == HTTPStatus.BAD_REQUEST:  # an argument in an address that is no text, say
            self.refuse(InvalidRequest(zh="无法读取", en="it cannot be read"))
        else:
            self.refuse(InternalError())

    def failed(self, error: Exception) -> None:
        """The request met an error: our own bug, or one that its sender is told of, if that can still be done."""
        found = (type(error), error, error.__traceback__)
        self.log_exception(*found)
        if self._finished:
            return
        try:
            self.send_error(error.status_code if isinstance(error, HTTPError) else 500, exc_info=found)
        except Exception:
            log.exception("request %s cannot be answered", self.request_id)
            self.hang_up()

    @override
    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        if not isinstance(value, GatewayError | HTTPError):
            log.error("request %s failed", self.request_id, exc_info=(typ, value, tb))  # type: ignore[arg-type]


class Date:
    """The `Date` header, written once a second."""

    def __init__(self) -> None:
        self._second, self._text = 0, ""

    def __call__(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, format_timestamp(second)
        return self._text
