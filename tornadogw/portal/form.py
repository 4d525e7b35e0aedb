"""Pages with forms: their fields, the token that only our own pages have, and errors beside the field."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from tornado.escape import xhtml_unescape
from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError
from typing_extensions import override

from tornadogw.accounts.tries import TooMany
from tornadogw.errors import BodyTooLarge, InvalidRequest, UsageError, WrongMediaType
from tornadogw.portal.page import PageHandler

__all__ = ["Fields", "Forbidden", "FormPage", "check_origin", "sentence"]

MOST_BYTES = 65536
MOST_FIELDS = 500
_FORM = "application/x-www-form-urlencoded"
_SECRET = ("password", "secret", "code", "token", "key")
"""What the name of a field that is never shown again has in it."""


class Forbidden(InvalidRequest):
    """The visitor may not do this."""

    status: ClassVar[int] = 403
    words: ClassVar[tuple[str, str]] = ("您无权这样做", "You may not do this")


def check_origin(request: HTTPServerRequest, public_url: str) -> None:
    """A browser says from which site a form comes; another one's is refused whatever it has. Raises Forbidden."""
    origin = request.headers.get("Origin")
    fetched = request.headers.get("Sec-Fetch-Site", "same-origin")
    ours = {urlsplit(public_url).netloc, request.host} - {""}
    if (origin is not None and origin.partition("://")[2] not in ours) or fetched not in ("same-origin", "none"):
        raise Forbidden(zh="表单来自另一个网站", en="the form comes from another site")


def sentence(text: str) -> str:
    """What commands say after a colon stands alone on a page. A name at its beginning stays as it is."""
    return text[:1].upper() + text[1:] if text.partition(" ")[0].isalpha() else text


class Fields:
    """What was put into a form; absent is empty. Every text is trimmed but a password."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def text(self, name: str) -> str:
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        """As it was typed."""
        return self._values.get(name, [""])[-1]

    def maybe(self, name: str) -> str | None:
        """None: left empty."""
        return self.text(name) or None

    def all(self, name: str) -> Sequence[str]:
        """Of a field with several values, such as boxes that are ticked."""
        return [value.strip() for value in self._values.get(name, []) if value.strip()]

    def list(self, name: str) -> Sequence[str]:
        """Words parted by commas or lines."""
        return [word for word in self.raw(name).replace(",", " ").split() if word]

    def flag(self, name: str) -> bool:
        return bool(self.text(name))

    def whole(self, name: str) -> int | None:
        """A whole number, None if left empty. Raises `UsageError`."""
        text = self.text(name)
        if not text:
            return None
        if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) <= 18):  # noqa: PLR2004 -- fits 64 bits
            raise UsageError(f"{text[:40]!r} is not a whole number", zh=f"{text[:40]!r} 不是整数", field=name)
        return int(text)

    def again(self) -> Mapping[str, str]:
        """What a form is filled with when it is shown once more: nothing secret."""
        return {name: values[-1] for name, values in self._values.items() if not any(part in name for part in _SECRET)}


class FormPage(PageHandler):
    """A page with forms. `acts` names what each does: its field `act` says which, and the method is called."""

    verbs: ClassVar[tuple[str, ...]] = ("GET", "HEAD", "POST")
    acts: ClassVar[Mapping[str, str]] = {}
    """Method of this class by the field `act`; a form without one has the act ``""``."""

    @override
    def initialize(self, *args: Any, **kwargs: Any) -> None:
        super().initialize(*args, **kwargs)
        self._body = bytearray()
        self.form = Fields()
        self.wrong: UsageError | None = None
        """Why what was sent cannot be done."""

    @override
    async def check(self) -> None:
        await super().check()
        if self.request.method == "POST":
            check_origin(self.request, self.parts.settings.server.public_url)
            headers = self.request.headers  # no browser sends a form whose length it does not say
            if "Transfer-Encoding" in headers or int(headers.get("Content-Length", "0")) > MOST_BYTES:
                raise BodyTooLarge
            if not self.request.headers.get("Content-Type", "").lower().startswith(_FORM):
                raise WrongMediaType(zh=f"请使用 {_FORM}", en=f"send {_FORM}")

    @override
    def data_received(self, chunk: bytes) -> None:
        if len(self._body) + len(chunk) > MOST_BYTES:
            self.refuse(BodyTooLarge())
        elif not self._finished:
            self._body += chunk

    @override
    async def post(self, *_rest: str) -> None:
        if self._finished:
            return
        self.form = self._parsed()
        act = self._act()
        try:
            await act()
        except UsageError as error:
            self.wrong = error
            self.set_status(429 if isinstance(error, TooMany) else 422)
            self.show(self.template, **await self.values())

    def _parsed(self) -> Fields:
        """The fields, of a form of our own. Raises GatewayError."""
        try:
            text = self._body.decode("ascii")
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
        except ValueError:
            raise InvalidRequest(zh="表单无法读取", en="the form cannot be read") from None
        self.request.body_arguments = {name: [value.encode()] for name, value in pairs}
        self.request.arguments = {**self.request.arguments, **self.request.body_arguments}
        try:
            self.check_xsrf_cookie()
        except HTTPError:
            raise Forbidden(
                zh="页面已过期：请返回并重试", en="the page is out of date: go back and try again"
            ) from None
        return Fields(pairs)

    def _act(self) -> Callable[[], Awaitable[None]]:
        name = self.acts.get(self.form.text("act"))
        if name is None:
            raise InvalidRequest(zh="没有这样的操作", en="there is no such act")
        method: Callable[[], Awaitable[None]] = getattr(self, name)
        return method

    @override
    def frame(self) -> dict[str, Any]:
        wrong = self.wrong
        return {
            **super().frame(),
            "xsrf": xhtml_unescape(self.xsrf_token.decode()),
            "form": self.form.again(),
            "wrong": None if wrong is None else sentence(wrong.message(self.language)),
            "wrong_field": "" if wrong is None else wrong.field,
            "wrong_act": self.form.text("act") if wrong is not None else None,
        }
