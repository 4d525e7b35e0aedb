"""One HTTP answer out of the bytes of a connection. Pure: bytes in, an answer out, the same for any split.

llhttp (in httptools, left as strict as it is) does the parsing. It has no limits of its own, so the head is cut off
here: that bounds it exactly, and its lines need to be taken apart only for who asks for a header.
"""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from tornadogw.transport.base import Kind, reason

__all__ = ["Answer"]

HEAD, HEAD_LINE = 65536, 16384
"""Bytes of a head, and of one line in it."""
HEAD_COUNT = 128
"""Header lines."""
INFORMATIONAL = 8
"""1xx answers before the answer."""
BARREN = 65536
"""Bytes in a row that bring no body: chunk extensions and trailers have no end of their own."""
_INTERIM = frozenset({100, *range(102, 200)})
"""All but 101: nobody asked for another protocol."""
_FINAL = 200
_EMPTY = frozenset({204, 304})
_END = b"\r\n\r\n"


class Answer:
    """Feed it what the connection gets; `take` gives the body.

    `headed`: status and headers are there. `whole`: so is the body. `fault` (kind and words) ends it early; what came
    before stays readable.
    """

    # Most answers never touch most of these, so they are the class's until then.
    status = 0
    headed = False
    whole = False
    fault: tuple[Kind, str] | None = None
    heard = False
    """A byte came."""
    keep = False
    """The peer means to go on with this connection, and has said nothing beyond this answer."""
    unread = 0
    """Bytes that `take` would give."""
    _head_size = 0
    _tail = b""
    _until_close = False
    _informational = 0
    _barren = 0

    def __init__(self, *, head_only: bool = False) -> None:
        self._head_only = head_only
        self._head: list[bytes] = []
        self._pieces: list[bytes] = []
        self._parser = HttpResponseParser(self)

    @property
    def over(self) -> bool:
        """Nothing more will come."""
        return self.whole or self.fault is not None

    def headers(self) -> dict[str, str]:
        """Lower-case names; repeated headers are joined with a comma. Valid once `headed`."""
        found: dict[str, str] = {}
        lines = b"".join(self._head).strip().decode("latin-1").split("\r\n")
        for line in lines[1:]:
            name, _, value = line.partition(":")
            key, value = name.lower(), value.strip(" \t")
            found[key] = f"{found[key]}, {value}" if key in found else value
        return found

    def take(self) -> bytes:
        """The body's bytes that have come since the last time."""
        pieces, self._pieces, self.unread = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def feed(self, data: bytes) -> None:
        """The next bytes of the connection."""
        self.heard = True
        while data and not self.over:
            data = self._feed_body(data) if self.headed else self._feed_head(data)
        if data:
            self.keep = False

    def end(self) -> None:
        """The peer closed its side properly."""
        self.keep = False
        if self.headed and self._until_close and self.fault is None:
            self.whole = True
        elif not self.over:
            self.fault = ("reset", "the answer ended before its end" if self.headed else "the connection was lost")

    def lost(self, error: BaseException | None) -> None:
        """The connection is gone."""
        self.keep = False
        if not self.over:
            self.fault = ("reset", f"the connection was lost{reason(error)}")

    def close(self) -> None:
        """Nothing more is fed. Parser and answer know each other: apart, they need no garbage collector."""
        del self._parser

    # --- called by the parser ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.whole:  # the begin of a second answer
            self.keep = False

    def on_headers_complete(self) -> None:
        if not self.whole:
            self.headed = True
            self.status = self._parser.get_status_code()
            self.keep = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        if not self.whole:
            self._pieces.append(data)
            self.unread += len(data)

    def on_message_complete(self) -> None:
        self.whole = True

    # --- the two parts ----------------------------------------------------------------------------------------------

    def _feed_head(self, data: bytes) -> bytes:
        """Takes what belongs to the head and gives back the rest."""
        joint = self._tail + data  # the end may be cut in two
        found = joint.find(_END)
        stop = len(data) if found < 0 else found + len(_END) - len(self._tail)
        piece, self._tail = data[:stop], joint[-3:] if found < 0 else b""
        self._head.append(piece)
        self._head_size += stop
        if self._head_size > HEAD:
            self._refuse("the headers are too long")
        elif self._parse(piece) and self.headed:
            self._judge_head()
        return data[stop:]

    def _feed_body(self, data: bytes) -> bytes:
        before = self.unread
        if self._parse(data) and not self.whole:
            self._barren = 0 if self.unread > before else self._barren + len(data)
            if self._barren > BARREN:
                self._refuse("the answer is not HTTP")
        return b""

    def _parse(self, data: bytes) -> bool:
        """Whether what came so far is HTTP. What comes after the end of the answer only spoils the connection."""
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.keep = False
            if not self.whole:
                self._refuse("the answer is not HTTP")
        return self.fault is None

    def _judge_head(self) -> None:
        """A head is whole: whether it is the answer's, and what it says of the body."""
        head, status = b"".join(self._head), self.status
        if len(head) > HEAD_LINE and max(map(len, head.split(b"\r\n"))) > HEAD_LINE:
            self._refuse_head("the headers are too long")
        elif head.count(b"\r\n") > HEAD_COUNT + 2:  # the status line and the empty line
            self._refuse_head("the headers are too many")
        elif status in _INTERIM:
            self._next_head()
        elif status < _FINAL:
            self._refuse_head("the answer is not HTTP")
        else:
            self._judge_length(head.lower())

    def _judge_length(self, head: bytes) -> None:
        coded = b"\r\ntransfer-encoding:" in head
        if not head.lstrip().startswith(b"http/1."):
            self._refuse_head("the answer is not HTTP")
        elif coded and self.headers()["transfer-encoding"].lower() != "chunked":
            self._refuse_head("the answer is encoded in a way nobody asked for")
        elif self._head_only or self.status in _EMPTY:
            self.whole = True
        else:
            self._until_close = not coded and b"\r\ncontent-length:" not in head

    def _next_head(self) -> None:
        """An informational answer is not the answer."""
        self._informational += 1
        if self._informational > INFORMATIONAL:
            self._refuse_head("the answer is not HTTP")
            return
        self.headed = self.whole = False
        self._head, self._head_size = [], 0
        self._parser = HttpResponseParser(self)

    def _refuse_head(self, words: str) -> None:
        self.headed = self.whole = False
        self._refuse(words)

    def _refuse(self, words: str) -> None:
        self.keep = False
        self.fault = ("protocol", words)
