from __future__ import annotations

from tornadogw.portal.moments import day_after, shown_day, shown_moment

AT = 1_774_742_400.0
"""2026-03-29 00:00 UTC: the night in which Berlin's clocks are put forward."""


def test_moments_are_those_of_the_zone() -> None:
    assert shown_moment(AT, "UTC") == "2026-03-29 00:00"
    assert shown_moment(AT, "Europe/Berlin") == "2026-03-29 01:00"
    assert shown_moment(AT + 3600, "Europe/Berlin") == "2026-03-29 03:00"


def test_days_are_counted_by_the_calendar() -> None:
    assert [day_after(days, "Europe/Berlin", AT) for days in (-29, 0, 1)] == ["20260228", "20260329", "20260330"]
    assert day_after(0, "America/New_York", AT) == "20260328"
    assert shown_day("20260329") == "2026-03-29"
