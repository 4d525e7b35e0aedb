"""Recomputes every invariant of money and usage over the whole database, while it is in use.

An account is looked at as it was at one moment. What seems off is looked at again after a pause, and believed if it is
still off: a figure may be behind by what a process had not yet written. What nobody can know any more, because events
and days are removed for their age, is a note and not a finding.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

import msgspec

from tornadogw.errors import UsageError
from tornadogw.store.ports_doctor import AccountFacts, DoctorStore, LeaseFacts, Stray, TotalFacts, WalletFacts
from tornadogw.store.ports_usage import Count, DayJobs, Sum, UsageDay
from tornadogw.types import Value

__all__ = ["CODES", "Doctor", "Finding", "Report", "examine"]

CODES: Mapping[str, str] = {
    "wallet_sum": "credited is not balance + spent + what leases and holds have set aside",
    "lease_granted": "a closed lease still grants something, or a lease grants less than is settled of it",
    "lease_settled_above": "more is settled of a lease than its events cost",
    "lease_settled_below": "less is settled of a closed lease than its events cost",
    "lease_left": "a lease is over, its process is gone, and nobody gave the rest back",
    "spent": "spent is not what the events cost that this wallet paid",
    "budget_spent": "a key's budget is not what the calls cost that count in it",
    "payments": "credited is not the sum of the payments",
    "usage_day": "a closed day is not what its events come to",
    "usage_total": "a closed day of all accounts is not what its events come to",
    "trade": "what was paid in for a code or an order is not what is due",
    "event_twice": "one call has several events",
    "event_stray": "events of an account that is not there",
    "wallet_stray": "wallets of an account that is not there",
    "payment_stray": "payments of an account that is not there",
    "key_stray": "keys of an account that is not there",
    # Notes: facts to know, nothing that is off.
    "balance_negative": "a balance is below zero: calls cost more than was held for them, or came late",
    "spent_unknown": "so much was spent in days of which nothing is kept any more",
}
LEFT = 300.0
"""Seconds after its end in which somebody has to have given a lease back."""
_NOTES = ("balance_negative", "spent_unknown")
_DAYS = ("usage_day", "usage_total")
_LEASES = ("lease_settled_below", "lease_left")
"""What can be put right of a lease."""


class Finding(Value, frozen=True):
    """Something that is off. Amounts are micro-units, unless `part` says that it is a count."""

    code: str
    document: str
    """Collection and id."""
    part: str
    """What in it; empty: the document."""
    expected: int
    found: int
    account: str = ""
    """The account's id; empty: it is not there, or the finding is not one account's."""

    @property
    def difference(self) -> int:
        """What is too much; below zero: too little."""
        return self.found - self.expected


class Report(Value, frozen=True):
    """What an examination came to."""

    accounts: int
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    fixed: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings


# --- what is off, of one account -----------------------------------------------------------------------------------


def examine(facts: AccountFacts) -> Iterator[Finding]:
    """Everything that is off in an account, and its notes."""
    for wallet in facts.wallets:
        held = wallet.held + sum(lease.granted - lease.settled for lease in wallet.leases)
        yield from _unless(
            "wallet_sum", wallet.document, "credited", wallet.balance + wallet.spent + held, wallet.credited
        )
        for lease in wallet.leases:
            yield from _lease(wallet, lease)
        if wallet.balance < 0:
            yield Finding("balance_negative", wallet.document, "balance", 0, wallet.balance)
        yield from _spent(facts, wallet)
    own = facts.wallets[0]
    yield from _unless("payments", own.document, "credited", facts.paid, own.credited)
    for twice in facts.twice:
        yield Finding("event_twice", f"events/{twice.events[0]}", twice.events[-1], twice.cost, twice.costs)
    yield from _days(facts)


def _unless(code: str, document: str, part: str, expected: int, found: int) -> Iterator[Finding]:
    if expected != found:
        yield Finding(code, document, part, expected, found)


def _lease(wallet: WalletFacts, lease: LeaseFacts) -> Iterator[Finding]:
    part = f"leases.{lease.id}"
    if lease.granted < lease.settled or (lease.closed and lease.granted != lease.settled):
        yield Finding("lease_granted", wallet.document, part, lease.settled, lease.granted)
    if lease.settled > lease.summed and lease.whole:
        yield Finding("lease_settled_above", wallet.document, part, lease.summed, lease.settled)
    if lease.closed:
        if lease.settled < lease.summed:
            yield Finding("lease_settled_below", wallet.document, part, lease.summed, lease.settled)
    elif lease.over > LEFT and not lease.owned:
        yield Finding("lease_left", wallet.document, part, 0, lease.granted - lease.charged)


def _spent(facts: AccountFacts, wallet: WalletFacts) -> Iterator[Finding]:
    """What is settled, and what will be as soon as somebody does it, against the costs of events."""
    found = wallet.spent + sum(lease.charged - lease.settled for lease in wallet.leases)
    if wallet.kind == "prepaid":
        expected, whole = _known(facts, _prepaid)
    elif wallet.kind == "day":
        expected, whole = _known(facts, _of_plan, wallet.id.rpartition(":")[2])
    else:
        yield from _budget(facts, wallet, found)
        return
    if found < expected or (found > expected and whole):
        yield Finding("spent", wallet.document, "spent", expected, found)
    elif found > expected:
        yield Finding("spent_unknown", wallet.document, "spent", expected, found)


def _budget(facts: AccountFacts, wallet: WalletFacts, found: int) -> Iterator[Finding]:
    """An event names the leases of budgets that it counts in, and a lease that is forgotten no longer tells whose it
    was: calls that count in both of a key's budgets are the least, those that count in any are the most.
    """
    _, key, *day = wallet.id.split(":")
    theirs = [each for each in facts.budgeted if each.key == key and day in ([], [each.day])]
    least, most = sum(each.both for each in theirs), sum(each.any for each in theirs)
    whole = facts.born >= facts.events_from or (bool(day) and day[0] >= facts.events_from)
    if found < least:
        yield Finding("budget_spent", wallet.document, "spent", least, found)
    elif found > most and whole:
        yield Finding("budget_spent", wallet.document, "spent", most, found)


def _prepaid(day: UsageDay) -> int:
    return sum(count.cost for wallet, count in day.wallets.items() if wallet != "day")


def _of_plan(day: UsageDay) -> int:
    return day.wallets.get("day", Count()).cost


def _known(facts: AccountFacts, cost_of: Callable[[UsageDay], int], only: str = "") -> tuple[int, bool]:
    """A sum over all days, or of one: from events, before these from the days' documents. Whether that is all."""
    days = {**{day: each for day, each in facts.stored.items() if day < facts.events_from}, **_with_events(facts)}
    if only:
        whole = only >= facts.events_from or only in facts.closed
        return (cost_of(days[only]) if only in days else 0), whole
    return sum(map(cost_of, days.values())), _whole(facts)


def _with_events(facts: AccountFacts) -> Mapping[str, UsageDay]:
    return {day: each for day, each in facts.counted.items() if day >= facts.events_from}


def _whole(facts: AccountFacts) -> bool:
    """Whether every day since the account was made is known to the last call."""
    if facts.born >= facts.events_from:
        return True
    closed = {day for day in facts.closed if day >= facts.born}
    unsure = {day for day in facts.stored if day < facts.events_from} - closed
    return facts.born >= facts.days_from and bool(closed) and not unsure and not _gaps(closed, facts.events_from)


def _gaps(closed: Iterable[str], until: str) -> bool:
    """Whether a day is missing from the first closed one up to `until`."""
    day, present = min(closed), set(closed)
    while day < until:
        if day not in present:
            return True
        day = f"{date(int(day[:4]), int(day[4:6]), int(day[6:])) + timedelta(days=1):%Y%m%d}"
    return False


def _days(facts: AccountFacts) -> Iterator[Finding]:
    for day in sorted(facts.closed):
        if day < facts.events_from or day < facts.days_from or day in facts.unsure:
            continue
        expected, found = facts.counted.get(day, UsageDay(day)), facts.stored.get(day, UsageDay(day))
        if expected != found:
            yield Finding("usage_day", f"usage_day/{facts.id}:{day}", *_first_difference(expected, found))


def _first_difference(expected: UsageDay, found: UsageDay) -> tuple[str, int, int]:
    """Where two unequal days differ, costs first."""
    for field in ("cost", *(name for name in Count.__struct_fields__ if name != "cost")):
        for name in ("models", "keys", "wallets", "hours"):
            one, other = getattr(expected, name), getattr(found, name)
            sums = [sum(getattr(each, field) for each in counts.values()) for counts in (one, other)]
            if sums[0] != sums[1]:
                return f"{name} {field}", sums[0], sums[1]
            for key in sorted({*one, *other}):
                pair = [getattr(counts.get(key, Count()), field) for counts in (one, other)]
                if pair[0] != pair[1]:
                    return f"{name} {key} {field}", pair[0], pair[1]
    return "empty", 0, 1  # maps with nothing in them


def _total(facts: TotalFacts) -> Iterator[Finding]:
    expected, found = facts.counted.sums, facts.stored.sums
    if expected == found:
        return
    place = f"usage_total/{facts.counted.day}"
    fields = ("cost", *(name for name in Sum.__struct_fields__ if name != "cost"))
    for pair, field in itertools.product(sorted({*expected, *found}), fields):
        amounts = [getattr(sums.get(pair, Sum()), field) for sums in (expected, found)]
        if amounts[0] != amounts[1]:
            yield Finding("usage_total", place, f"{' at '.join(filter(None, pair))} {field}".strip(), *amounts)
            return
    yield Finding("usage_total", place, "empty", 0, 1)


# --- the whole database --------------------------------------------------------------------------------------------


class Doctor:
    """Examines everything; puts right what is provably safe."""

    PAUSE = 3.0
    """Seconds before what seems off is looked at again."""

    def __init__(self, store: DoctorStore, jobs: DayJobs, *, pause: float | None = None) -> None:
        self._store, self._jobs = store, jobs
        self._pause = self.PAUSE if pause is None else pause

    async def examine(self) -> Report:
        """Raises StoreUnavailable."""
        others = list(await self._others())
        ids = await self._store.accounts()
        seen = {account_id: [finding async for finding in self._account(account_id)] for account_id in ids}
        suspects = [account_id for account_id, found in seen.items() if any(map(_is_off, found))]
        if suspects or others:
            await asyncio.sleep(self._pause)
            others = _still(others, await self._others())
        for account_id in suspects:
            seen[account_id] = _still(seen[account_id], [finding async for finding in self._account(account_id)])
        every = [*others, *(finding for found in seen.values() for finding in found)]
        return Report(
            len(ids),
            tuple(finding for finding in every if _is_off(finding)),
            tuple(finding for finding in every if not _is_off(finding)),
        )

    async def fix(self) -> Report:
        """Examine, put right what is safe, examine again. Raises StoreUnavailable.

        Safe is: settle a lease that is closed or over from its events, count a day anew from its events.
        """
        before = await self.examine()
        fixed = [finding for finding in before.findings if await self._fix(finding)]
        if not fixed:
            return before
        after = await self.examine()
        return Report(after.accounts, after.findings, after.notes, tuple(fixed))

    async def _fix(self, finding: Finding) -> bool:
        if finding.code in _DAYS:
            day = finding.document[-len("YYYYMMDD") :]
            try:
                await self._jobs.rebuild(day, day)
            except UsageError:  # its events have expired since
                return False
            return True
        facts = await self._store.account(finding.account) if finding.code in _LEASES else None
        for wallet in facts.wallets if facts else ():
            for lease in wallet.leases:
                if (wallet.document, f"leases.{lease.id}") == (finding.document, finding.part):
                    return await self._store.settle(wallet, lease)
        return False

    async def _account(self, account_id: str) -> AsyncIterator[Finding]:
        facts = await self._store.account(account_id)
        for finding in examine(facts) if facts else ():
            yield msgspec.structs.replace(finding, account=account_id)

    async def _others(self) -> list[Finding]:
        """What is off without being one account's."""
        found = [_stray(each) for each in await self._store.strays()]
        found += [finding for each in await self._store.totals() for finding in _total(each)]
        return found + [
            Finding("trade", each.document, "payments", each.due, each.paid, each.account_id)
            for each in await self._store.trades()
        ]


def _stray(stray: Stray) -> Finding:
    """Money where there is money, else how many there are."""
    code, found = f"{stray.collection.removesuffix('s')}_stray", stray.amount
    if code == "key_stray":
        found = stray.documents
    return Finding(code, f"accounts/{stray.account_id}", stray.collection, 0, found)


def _is_off(finding: Finding) -> bool:
    return finding.code not in _NOTES


def _still(before: Sequence[Finding], now: Sequence[Finding]) -> list[Finding]:
    """What was seen twice, as it is now; notes as they are now."""
    known = {_place(finding) for finding in before}
    return [each for each in now if not _is_off(each) or _place(each) in known]


def _place(finding: Finding) -> tuple[str, str, str]:
    """What makes it the same finding: a day may be off in other counts by now."""
    return finding.code, finding.document, finding.part if finding.code.startswith("lease_") else ""
