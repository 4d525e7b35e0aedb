from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.pricing import MICRO, bound, cost, micro_units, price_from_row
from tornadogw.settings import CostRow, PriceRow
from tornadogw.types import Price, Usage

RATE = st.integers(0, 10**15)
PRICES = st.builds(Price, RATE, RATE, st.none() | RATE, st.none() | RATE, st.none() | RATE)


@st.composite
def usages(draw):
    prompt, completion = draw(st.integers(0, 10**7)), draw(st.integers(0, 10**7))
    cached = draw(st.integers(0, prompt))
    written = draw(st.integers(0, prompt - cached))
    return Usage(prompt, completion, cached, written, draw(st.integers(0, completion)))


@pytest.mark.parametrize(
    ("text", "micro"),
    [("0", 0), ("1", MICRO), ("0.27", 270_000), ("0.000001", 1), ("12.5", 12_500_000), ("007.10", 7_100_000)],
)
def test_micro_units(text, micro):
    assert micro_units(text) == micro


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.", ".5", "1e3", "0.1234567", "1,5", "nan", "inf", " 1", "1\n", "１"]
)
def test_what_is_no_price(text):
    with pytest.raises(ValueError, match="not a decimal number"):
        micro_units(text)


@given(st.integers(0, 10**15))
def test_micro_units_are_exact(micro):
    assert micro_units(f"{micro // MICRO}.{micro % MICRO:06}") == micro


def test_a_row_becomes_integers():
    row = PriceRow(input="0.27", output="1.10", cached_input="0.07")
    assert price_from_row(row) == Price(270_000, 1_100_000, 70_000, None, None)
    assert price_from_row(CostRow()) == Price(0, 0)


def test_a_call_is_priced_part_by_part():
    price = Price(input=2 * MICRO, output=10 * MICRO, cached_input=MICRO, cache_write=3 * MICRO, reasoning=20 * MICRO)
    usage = Usage(prompt=100, completion=50, cached=30, cache_write=20, reasoning=40)
    assert cost(price, usage) == 50 * 2 + 30 * 1 + 20 * 3 + 10 * 10 + 40 * 20


def test_missing_prices_fall_back():
    usage = Usage(prompt=100, completion=50, cached=30, cache_write=20, reasoning=40)
    assert cost(Price(input=2 * MICRO, output=10 * MICRO), usage) == 100 * 2 + 50 * 10


def test_a_free_part_is_not_a_missing_price():
    assert (
        cost(Price(input=MICRO, output=MICRO, cached_input=0, reasoning=0), Usage(10, 10, cached=10, reasoning=10)) == 0
    )


def test_a_cost_is_rounded_up_once():
    price = Price(input=1, output=1)
    assert cost(price, Usage(0, 0)) == 0
    assert cost(price, Usage(1, 1)) == 1
    assert cost(price, Usage(MICRO, 0)) == 1
    assert cost(price, Usage(MICRO, 1)) == 2


def test_parts_beyond_their_whole_count_up_to_it():
    price = Price(input=0, output=0, cached_input=MICRO, cache_write=MICRO, reasoning=MICRO)
    assert cost(price, Usage(prompt=5, completion=5, cached=9, cache_write=9, reasoning=9)) == 10


@given(PRICES, usages())
def test_a_cost_is_the_integer_above_the_exact_sum(price, usage):
    def rate(special, usual):
        return usual if special is None else special

    exact = Fraction(
        (usage.prompt - usage.cached - usage.cache_write) * price.input
        + usage.cached * rate(price.cached_input, price.input)
        + usage.cache_write * rate(price.cache_write, price.input)
        + (usage.completion - usage.reasoning) * price.output
        + usage.reasoning * rate(price.reasoning, price.output),
        MICRO,
    )
    charged = cost(price, usage)
    assert type(charged) is int
    assert exact <= charged < exact + 1


@given(PRICES, usages(), st.sampled_from(["prompt", "completion"]), st.integers(1, 10**6))
def test_more_tokens_never_cost_less(price, usage, field, more):
    bigger = msgspec.structs.replace(usage, **{field: getattr(usage, field) + more})
    assert cost(price, bigger) >= cost(price, usage)


@given(PRICES, usages(), st.sampled_from(["input", "output"]), st.integers(1, 10**6))
def test_a_higher_price_never_costs_less(price, usage, field, more):
    dearer = msgspec.structs.replace(price, **{field: getattr(price, field) + more})
    assert cost(dearer, usage) >= cost(price, usage)


@given(PRICES, usages(), st.integers(0, 1000), st.integers(0, 1000))
def test_no_usage_costs_more_than_its_bound(price, usage, prompt, completion):
    assert cost(price, usage) <= bound(price, usage.prompt, usage.completion)
    assert bound(price, usage.prompt, usage.completion) <= bound(
        price, usage.prompt + prompt, usage.completion + completion
    )


def test_a_bound_is_the_dearest_reading():
    price = Price(input=2 * MICRO, output=3 * MICRO, cached_input=MICRO, cache_write=5 * MICRO, reasoning=7 * MICRO)
    assert bound(price, 10, 10) == 10 * 5 + 10 * 7
    assert bound(Price(input=2 * MICRO, output=3 * MICRO), 10, 10) == 50
    assert bound(Price(), 10, 10) == 0
