"""How each operation of the admin API is asked for: the token, its scope, a typed body, errors in the contract's words.

Order of checks: IP limit, token, path and verb, scope; then size, type and form of the body. No cookies, no CORS.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from tornadogw.accounts.admin_tokens import Bearer
from tornadogw.accounts.tries import TooMany
from tornadogw.errors import (
    BodyTooLarge,
    Conflict,
    GatewayError,
    InternalError,
    InvalidKey,
    InvalidRequest,
    NotAllowed,
    NotThere,
    RateLimited,
    Unavailable,
    UnknownPath,
    UsageError,
    WrongMediaType,
    WrongMethod,
)
from tornadogw.handlers.admin.operation import BASE, Ask, Operation, Operations
from tornadogw.handlers.admin.table import OPERATIONS
from tornadogw.handlers.api import bearer
from tornadogw.handlers.base import Access, BaseHandler, Parts
from tornadogw.limits.addresses import client_address
from tornadogw.store.ports import StoreUnavailable

__all__ = ["MOST_BYTES", "AdminHandler", "Forbidden", "InvalidToken", "Nowhere", "Taken", "Unprocessable"]

MOST_BYTES = 262_144
WAIT = 900
"""Seconds after which an address with too many wrong tokens may try again."""
_TABLE = Operations(OPERATIONS)
_DIGITS = 18
_COMMAND = re.compile(r": `tornadogw [^`]*`.*", re.DOTALL)
"""What a sentence says besides to who is at the command line."""
_AT = re.compile(r" - at `(key in )?\$\.?([^`]*)`$")


class InvalidToken(InvalidKey):
    """Missing, unknown, revoked, over, or its maker is disabled: all alike from outside."""

    slug: ClassVar[str] = "invalid_token"
    words: ClassVar[tuple[str, str]] = ("管理令牌无效", "The admin token is not valid")


class Forbidden(InvalidRequest):
    status: ClassVar[int] = 403
    slug: ClassVar[str] = "forbidden"
    words: ClassVar[tuple[str, str]] = ("无权这样做", "This token may not do this")


class Nowhere(InvalidRequest):
    status: ClassVar[int] = 404
    slug: ClassVar[str] = "not_found"
    words: ClassVar[tuple[str, str]] = ("没有找到", "Not found")


class Taken(InvalidRequest):
    status: ClassVar[int] = 409
    slug: ClassVar[str] = "conflict"
    words: ClassVar[tuple[str, str]] = ("与现有的冲突", "In conflict with what is there")


class Unprocessable(InvalidRequest):
    status: ClassVar[int] = 422
    slug: ClassVar[str] = "unprocessable"
    words: ClassVar[tuple[str, str]] = ("无法照办", "This cannot be done")


class AdminHandler(BaseHandler):
    """Every operation of the table."""

    access: ClassVar[Access] = "token"

    @override
    def initialize(self, parts: Parts, under_prefix: bool = False) -> None:
        super().initialize(parts, under_prefix)
        self._body = bytearray()
        self._asked: tuple[Operation, Ask] | None = None
        self._names: dict[str, str] = {}
        self.fields["Cache-Control"] = "no-store"
        self.fields["X-Content-Type-Options"] = "nosniff"

    @override
    async def check(self) -> None:
        peer, forwarded = self.request.remote_ip or "", self.request.headers.get("X-Forwarded-For")
        address, limiter = client_address(peer, forwarded, self.parts.trusted), self.parts.limiter
        verdict = limiter.address(address) or await limiter.ask_address(address)
        if not verdict.allowed:
            raise RateLimited(retry_after=verdict.retry_after)
        try:
            shown = await self._bearer(address)
        except StoreUnavailable:
            raise Unavailable(retry_after=1) from None
        operation = self._operation()
        if operation.scope not in shown.scopes:
            raise Forbidden(zh=f"需要 {operation.scope}", en=f"it takes {operation.scope}")
        if operation.body is not None:
            self._check_body()
        self._asked = operation, Ask(self.parts, shown)

    async def _bearer(self, address: str) -> Bearer:
        """Whose token it is. Wrong ones are counted; a right one is good however many there were from its address."""
        office = self.parts.office
        text = bearer(self.request.headers.get("Authorization", ""))
        found = await office.admin_tokens.find(text)
        if found is not None:
            return found
        self.set_header("WWW-Authenticate", "Bearer")
        if text:
            try:
                await office.tries.allow("token", address, address)
            except TooMany as error:
                raise RateLimited(zh=error.message("zh"), en=str(error), retry_after=WAIT) from None
        raise InvalidToken

    def _operation(self) -> Operation:
        methods, names = _TABLE.find(self.request.path.removeprefix(BASE).rstrip("/"))
        if not methods:
            path = self.request.path[:200]
            raise UnknownPath(zh=path, en=path)
        found = methods.get(self.request.method or "")
        if found is None:
            self.set_header("Allow", ", ".join(methods))
            raise WrongMethod
        self._names = dict(names)
        return found

    def _check_body(self) -> None:
        """What the headers say of it."""
        headers = self.request.headers
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json" or headers.get("Content-Encoding", "identity").lower() != "identity":
            raise WrongMediaType(zh="请使用 application/json", en="send application/json")
        length = headers.get("Content-Length", "0")
        if len(length) > _DIGITS or (length.isdecimal() and int(length) > MOST_BYTES):
            raise _too_large()

    @override
    def data_received(self, chunk: bytes) -> None:
        if self._finished or self._headers_written:
            return
        if len(self._body) + len(chunk) > MOST_BYTES:
            self._body.clear()
            self.refuse(_too_large())
        else:
            self._body += chunk

    @override
    async def get(self, *_: str) -> None:
        if self._asked is None:
            raise InternalError
        operation, ask = self._asked
        given: dict[str, Any] = dict(self._names)
        if operation.query is not None:
            given["query"] = self._query(operation.query)
        if operation.body is not None:
            given["body"] = _read(operation.body, bytes(self._body))
        try:
            data = await operation.run(ask, **given)
        except UsageError as error:
            raise _told(error, operation) from None
        except StoreUnavailable:
            raise Unavailable(retry_after=1) from None
        self.answer({"code": 0, "message": "ok", "data": msgspec.to_builtins(data)})

    post = patch = put = delete = get

    def _query(self, kind: Any) -> Any:
        arguments: dict[str, str] = {}
        for name, values in self.request.query_arguments.items():
            try:
                arguments[name] = values[-1].decode()
            except UnicodeDecodeError:
                raise Unprocessable(zh="不是 UTF-8", en="it is not UTF-8", param=name[:100]) from None
        try:
            query = msgspec.convert(arguments, kind, strict=False)
        except msgspec.ValidationError as error:
            raise _misshapen(error) from None
        for name in arguments:
            if getattr(query, name) is None:  # the decoder takes the text `null` for it
                raise Unprocessable(zh="不能为 null", en="there is no null in an address", param=name)
        return query


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _read(kind: Any, body: bytes) -> Any:
    try:
        return _decoder(kind).decode(body)
    except msgspec.ValidationError as error:
        raise _misshapen(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest(zh="请求体不是 JSON", en="the body is not JSON") from None


def _misshapen(error: msgspec.ValidationError) -> GatewayError:
    text = str(error)
    at = _AT.search(text)
    param = at[2][:100] if at is not None and at[2] and at[2] != "..." else None
    text = text[:500]
    return Unprocessable(zh=text, en=text, param=param)


def _too_large() -> GatewayError:
    return BodyTooLarge(zh=f"上限为 {MOST_BYTES} 字节", en=f"the limit is {MOST_BYTES} bytes")


def _told(error: UsageError, operation: Operation) -> GatewayError:
    """What cannot be done, as an answer."""
    if isinstance(error, TooMany):
        return RateLimited(zh=error.message("zh"), en=str(error), retry_after=WAIT)
    kinds: dict[type[UsageError], type[GatewayError]] = {NotThere: Nowhere, Conflict: Taken, NotAllowed: Forbidden}
    kind = next((kind for usage, kind in kinds.items() if isinstance(error, usage)), Unprocessable)
    return kind(zh=error.message("zh"), en=_COMMAND.sub("", str(error)), param=operation.theirs(error.field) or None)
