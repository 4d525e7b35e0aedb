from __future__ import annotations

from tornadogw.store.ports_usage import Count, UsageDay


def test_days_are_equal_by_what_they_count() -> None:
    assert UsageDay("20260101", models={"m": Count(1, 2)}) == UsageDay("20260101", models={"m": Count(1, 2)})
    assert UsageDay("20260101", models={"m": Count(1, 2)}) != UsageDay("20260101", models={"m": Count(1, 3)})
