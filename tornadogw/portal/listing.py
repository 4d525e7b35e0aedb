"""Pages of lists: what their address asks for, and where they go on."""

from __future__ import annotations

from tornadogw.accounts.checks import parse_day
from tornadogw.errors import UsageError
from tornadogw.portal.private import PrivatePage

__all__ = ["ListPage"]

LONGEST = 300
"""Characters of an argument that are looked at."""


class ListPage(PrivatePage):
    """Filters are arguments of the address, so that a link shows the same again."""

    def asked(self, name: str) -> str:
        """An argument of the address, trimmed; empty if it is not there."""
        return self.get_query_argument(name, "")[:LONGEST].strip()

    def moment(self, name: str, zone: str, *, last: bool = False) -> float | None:
        """A day of the address as its first moment, or with `last` as that of the day after; None: not given, or wrong,
        which the page says then.
        """
        text = self.asked(name)
        if not text:
            return None
        try:
            return parse_day(text, zone, later=int(last))
        except UsageError as error:
            self.wrong = UsageError(str(error), zh=error.message("zh"), field=name)
            return None

    @property
    def before(self) -> float | None:
        """From where a list goes on, Unix seconds."""
        text = self.asked("before")
        return int(text) / 1000 if text.isascii() and text.isdecimal() and len(text) < 15 else None  # noqa: PLR2004 -- this millennium

    def until(self, zone: str) -> float | None:
        """The end of what is listed: where the list goes on, else that of the day `until`."""
        last = self.moment("until", zone, last=True)
        return last if self.before is None else self.before
