"""Usage times price is int micro-units of the currency. Pure, exact, rounded up once."""

from __future__ import annotations

import re

from tornadogw.settings import CostRow, PriceRow
from tornadogw.types import Price, Usage

__all__ = ["MICRO", "bound", "cost", "micro_units", "price_from_row", "scaled"]

MICRO = 1_000_000
"""Micro-units in a unit of the currency, and tokens that a price is for."""

_DECIMAL = re.compile(r"([0-9]+)(?:\.([0-9]{1,6}))?")


def micro_units(text: str) -> int:
    """`"0.27"` units are 270000 micro-units. Raises `ValueError` unless it is a decimal number, six places at most."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"not a decimal number with at most six decimals: {text!r}")
    whole, fraction = match.groups(default="")
    return int(whole) * MICRO + int(fraction.ljust(6, "0"))


def price_from_row(row: PriceRow | CostRow) -> Price:
    """The settings' decimal strings per million tokens as integers: micro-units per million tokens."""
    return Price(
        input=micro_units(row.input),
        output=micro_units(row.output),
        cached_input=_optional(row.cached_input),
        cache_write=_optional(row.cache_write),
        reasoning=_optional(row.reasoning),
    )


def _optional(text: str | None) -> int | None:
    return None if text is None else micro_units(text)


def cost(price: Price, usage: Usage, factor: int = MICRO) -> int:
    """Micro-units for the usage. Parts beyond their whole (more cached tokens than prompt) count up to the whole.

    `factor`: what a plan takes of the price, in millionths.
    """
    cached = min(usage.cached, usage.prompt)
    written = min(usage.cache_write, usage.prompt - cached)
    reasoning = min(usage.reasoning, usage.completion)
    millionths = (
        (usage.prompt - cached - written) * price.input
        + cached * _either(price.cached_input, price.input)
        + written * _either(price.cache_write, price.input)
        + (usage.completion - reasoning) * price.output
        + reasoning * _either(price.reasoning, price.output)
    )
    return _rounded_up(millionths) if factor == MICRO else -(-millionths * factor // (MICRO * MICRO))


def bound(price: Price, prompt_tokens: int, output_tokens: int) -> int:
    """The most that usage of at most so many tokens can cost in micro-units: every token at its dearest reading."""
    dearest_input = max(price.input, _either(price.cached_input, 0), _either(price.cache_write, 0))
    dearest_output = max(price.output, _either(price.reasoning, 0))
    return _rounded_up(prompt_tokens * dearest_input + output_tokens * dearest_output)


def scaled(amount: int, factor: int) -> int:
    """A bound in micro-units, as a plan with this factor counts it: never less than the cost it bounds."""
    return amount if factor == MICRO else _rounded_up(amount * factor)


def _either(special: int | None, usual: int) -> int:
    return usual if special is None else special


def _rounded_up(millionths: int) -> int:
    return -(-millionths // MICRO)
