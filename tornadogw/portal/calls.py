"""A user's own calls: the latest ones, one with why it went as it did, and all as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from tornadogw.accounts.accounts import format_amount
from tornadogw.errors import UnknownPath
from tornadogw.explain import for_user
from tornadogw.handlers.base import REQUEST_ID, Access
from tornadogw.portal.listing import ListPage
from tornadogw.portal.moments import shown_moment
from tornadogw.portal.sheet import sheet
from tornadogw.store.ports_decisions import Calls
from tornadogw.types import Record

__all__ = ["MyCallPage", "MyCallsCsv", "MyCallsPage"]

ROWS = 50
MOST_CSV = 20_000
"""Calls in one file."""
_MOST_READS = 40
"""Pages that are read for one file: what no index knows is sought among so many calls and no more."""


class OwnCalls(ListPage):
    """The filters that list and file share."""

    access: ClassVar[Access] = "login"
    verbs: ClassVar[tuple[str, ...]] = ("GET", "HEAD")

    def wanted(self, zone: str) -> Calls:
        """A day that is none is told in `wrong`."""
        return Calls(
            account_id=self.visit.account.id,
            key_id=self.asked("key"),
            model=self.asked("model"),
            failed=self.asked("failed") == "yes",
            since=self.moment("since", zone) or 0.0,
            until=self.until(zone),
        )


class MyCallsPage(OwnCalls):
    template: ClassVar[str] = "console_calls.html"

    @override
    async def values(self) -> dict[str, Any]:
        office, zone = self.parts.office, await self.own_zone()
        wanted = self.wanted(zone)
        found, following = ([], None) if self.wrong else await office.calls.calls(wanted, ROWS)
        return {
            "amount": format_amount,
            "when": lambda at: shown_moment(at, zone),
            "calls": found,
            "asked": {name: self.asked(name) for name in ("model", "key", "failed", "since", "until")},
            "keys": await office.keys.list(self.visit.account.email),
            "models": [model.name for model in self.parts.catalogue.models],
            "file": self.further(before=None).replace("calls", "calls.csv", 1),
            "most": f"{MOST_CSV:,}",
            "more": None if following is None else self.further(before=following),
        }


class MyCallsCsv(OwnCalls):
    """The same as a file."""

    @override
    async def get(self, *_rest: str) -> None:
        zone = await self.own_zone()
        wanted = self.wanted(zone)
        if self.wrong:
            raise UnknownPath
        found = [record async for record in self._all(wanted)]
        self.fields["Content-Type"] = "text/csv; charset=utf-8"
        self.fields["Content-Disposition"] = 'attachment; filename="calls.csv"'
        self.fields["Cache-Control"] = "no-store"
        _ = self.finish("\ufeff" + sheet(_lines(found, zone)))

    async def _all(self, wanted: Calls) -> AsyncIterator[Record]:
        count, until = 0, wanted.until
        for _ in range(_MOST_READS):
            page = msgspec.structs.replace(wanted, until=until)
            found, until = await self.parts.office.calls.calls(page, 1000)
            for record in found[: MOST_CSV - count]:
                yield record
            count += len(found)
            if until is None or count >= MOST_CSV:
                return


class MyCallPage(OwnCalls):
    """One request; another account's is as unknown as one that is nobody's."""

    template: ClassVar[str] = "console_call.html"

    @override
    async def values(self) -> dict[str, Any]:
        wanted, zone = self.request.path.rpartition("/")[2], await self.own_zone()
        found = []
        if REQUEST_ID.fullmatch(wanted):
            found = list(await self.parts.decisions.find(wanted, self.visit.account.id, 1))
        if not found:
            raise UnknownPath(zh="没有这次调用", en="there is no such call")
        names = self.parts.settings.explain.upstream_names
        return {
            "amount": format_amount,
            "when": lambda at: shown_moment(at, zone),
            "call": found[0].record,
            "told": for_user(found[0], names=names),
            "currency": self.parts.settings.money.currency,
        }


def _lines(found: Sequence[Record], zone: str) -> Iterator[Sequence[str | int]]:
    yield (
        "time", "local_time", "request_id", "key_id", "model", "asked", "finish", "code", "prompt_tokens",
        "completion_tokens", "cost_micro", "ms",
    )  # fmt: skip
    for each in found:
        yield (
            datetime.fromtimestamp(each.started, UTC).isoformat(timespec="milliseconds"),
            shown_moment(each.started, zone),
            each.id,
            each.key_id,
            each.model,
            each.asked,
            each.finish,
            each.code,
            each.usage.prompt,
            each.usage.completion,
            each.cost,
            each.ms,
        )
