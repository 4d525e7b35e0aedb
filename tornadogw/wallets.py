"""Which wallets may pay for a call, in which order, and which of its routes each one pays for. Pure but for time zones.

A call is held in one money wallet: the day's of the account's plan if its rest covers it, else prepaid money if the
plan allows it. It also counts in each budget of its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tornadogw.errors import ModelMismatch
from tornadogw.pricing import MICRO, scaled
from tornadogw.store.ports import MAX_AMOUNT
from tornadogw.store.ports_money import Wallet
from tornadogw.types import Caller, Value

__all__ = ["Day", "Offer", "Source", "budgets", "day_of", "sources"]


class Offer(Value, frozen=True):
    """What one route may cost at most, at its full price; `model` is the catalogue's name."""

    model: str
    bound: int


class Day(Value, frozen=True):
    """A local day: `name` is YYYYMMDD, the rest Unix seconds."""

    name: str
    begins: float
    ends: float


class Source(Value, frozen=True):
    """A money wallet, and what it would pay for."""

    wallet: Wallet
    amounts: tuple[int, ...]
    """What holding can cost here, each once, dearest first; offers that cost nothing are none."""
    models: frozenset[str]
    factor: int = MICRO
    """What the wallet's plan takes of a price, in millionths."""
    free: bool = False
    """Some offer costs nothing."""

    def covers(self, offer: Offer, amount: int) -> bool:
        """Whether `amount`, held here, is enough for the offer."""
        return offer.model in self.models and scaled(offer.bound, self.factor) <= amount


def _source(wallet: Wallet, offers: Sequence[Offer], factor: int = MICRO) -> Source:
    bounds = {scaled(offer.bound, factor) for offer in offers}
    amounts = tuple(sorted((min(each, MAX_AMOUNT) for each in bounds if each > 0), reverse=True))
    return Source(wallet, amounts, frozenset([offer.model for offer in offers]), factor, free=0 in bounds)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=4096)
def _day(zone: str, ordinal: int) -> Day:
    """The local day with this ordinal: as long as the zone makes it, 23 to 25 hours as a rule."""
    here, first = _zone(zone), datetime.fromordinal(ordinal)
    begins = first.replace(tzinfo=here).timestamp()
    ends = (first + timedelta(days=1)).replace(tzinfo=here).timestamp()
    return Day(f"{first:%Y%m%d}", begins, ends)


def day_of(zone: str, now: float) -> Day:
    """The local day in an IANA zone at `now`, Unix seconds. Raises `KeyError` or `ValueError` for an unknown zone."""
    return _day(zone, datetime.fromtimestamp(now, _zone(zone)).toordinal())


def sources(caller: Caller, offers: Sequence[Offer], now: float, day: Day) -> list[Source]:
    """The wallets that may pay, first choice first. Raises ModelMismatch if the plan has none of these models."""
    prepaid = Wallet("prepaid", caller.account_id, caller.account_id)
    terms = caller.terms_at(now)
    if terms is None:
        return [_source(prepaid, offers)]
    inside = [offer for offer in offers if terms.models is None or offer.model in terms.models]
    outside = [offer for offer in offers if offer not in inside] if terms.prepaid_outside else []
    if not inside and not outside:
        raise ModelMismatch(
            zh=f"套餐 {terms.plan} 不含此模型", en=f"the plan {terms.plan} does not have this model", param="model"
        )
    found = []
    if inside:
        wallet = Wallet("day", f"{caller.account_id}:{day.name}", caller.account_id, terms.daily, day.ends)
        found.append(_source(wallet, inside, terms.factor))
    paid = [offer for offer in offers if offer in outside or (terms.prepaid_after and offer in inside)]
    if paid:
        found.append(_source(prepaid, paid))
    return found


def budgets(caller: Caller, day: Day) -> list[Wallet]:
    """The budgets of the caller's key."""
    found = []
    if caller.budget_daily is not None:
        place = f"k:{caller.key_id}:{day.name}"
        found.append(Wallet("daily", place, caller.account_id, caller.budget_daily, day.ends))
    if caller.budget_total is not None:
        found.append(Wallet("total", f"k:{caller.key_id}", caller.account_id, caller.budget_total))
    return found
