from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tornadogw.portal.chart import HEIGHT, WIDTH, bars, shares


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=60))
def test_bars_stay_in_their_drawing_and_grow_with_what_they_say(values: list[int]) -> None:
    chart = bars([(str(at), value) for at, value in enumerate(values)])
    heights = [float(bar.height) for bar in chart.bars]
    for bar, height in zip(chart.bars, heights, strict=True):
        assert 0 <= height <= HEIGHT
        assert abs(float(bar.y) + height - HEIGHT) < 0.11
        assert 0 <= float(bar.x) <= float(bar.x) + float(bar.width) <= WIDTH
    assert all(height > 0 for height, value in zip(heights, values, strict=True) if value > 0)
    order = sorted(range(len(values)), key=values.__getitem__)
    assert all(heights[one] <= heights[other] for one, other in pairwise(order))
    assert chart.empty is (max(values, default=0) <= 0)


def test_they_say_their_value_as_told() -> None:
    chart = bars([("mon", 1), ("tue", 4)], lambda value: f"{value} CNY")
    assert [(bar.label, bar.text) for bar in chart.bars] == [("mon", "1 CNY"), ("tue", "4 CNY")]
    assert chart.most == "4 CNY"


def test_bars_beside_values_are_shares_of_the_longest() -> None:
    assert shares([50, 200, 0, -7, 1]) == ["25.0", "100.0", "0", "0", "2.0"]
    assert shares([]) == []
