from __future__ import annotations

import pytest

from tornadogw.accounts.checks import (
    checked_count,
    checked_label,
    checked_models,
    checked_zone,
    format_factor,
    parse_day,
    parse_duration,
    parse_factor,
)
from tornadogw.errors import UsageError


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), (" 4w", 2_419_200)])
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "1y", "1.5d", "999999d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="30d"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "millionths"), [("1", 1_000_000), ("0.8", 800_000), ("1000", 10**9), ("0.000001", 1)])
def test_factors(text: str, millionths: int) -> None:
    assert parse_factor(text) == millionths
    assert parse_factor(format_factor(millionths)) == millionths


@pytest.mark.parametrize("text", ["", "0", "0.0", "-1", "1e3", "1000.1", "nan", "1.", "٣"])
def test_other_factors_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="price factor"):
        parse_factor(text)


def test_a_day_begins_where_the_zone_says() -> None:
    assert parse_day("2026-03-08", "UTC") - parse_day("2026-03-08", "Asia/Shanghai") == 8 * 3600
    assert parse_day("2026-03-09", "America/New_York") - parse_day("2026-03-08", "America/New_York") == 23 * 3600


@pytest.mark.parametrize("text", ["", "20260308", "2026-3-8", "2026-02-30", "2026-03-08T00:00"])
def test_other_days_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="YYYY-MM-DD"):
        parse_day(text, "UTC")


@pytest.mark.parametrize("name", ["", "Asia/Peking", "../etc/passwd", "UTC+8", "localtime", "Factory"])
def test_a_zone_has_to_be_known(name: str) -> None:
    with pytest.raises(UsageError, match="no time zone"):
        checked_zone(name)


def test_a_count_that_is_out_of_bounds_is_said_in_both_languages() -> None:
    with pytest.raises(UsageError) as caught:
        checked_count("tokens per minute", 0, 9, zh="每分钟 token 数", field="tpm")
    assert (caught.value.message("en"), caught.value.field) == ("tokens per minute are 1 to 9, not 0", "tpm")
    assert caught.value.message("zh") == "每分钟 token 数须为 1 到 9，而不是 0"


def test_what_is_fine_comes_back() -> None:
    assert checked_zone("Asia/Shanghai") == "Asia/Shanghai"
    assert checked_count("days", None, 3, zh="天数") is None
    assert checked_count("days", 3, 3, zh="天数") == 3
    assert checked_label("x" * 100) == "x" * 100
    assert checked_models([" a", "b", "a"]) == ("a", "b")
    with pytest.raises(UsageError, match="days are 1 to 3, not 4"):
        checked_count("days", 4, 3, zh="天数")


def test_a_day_ends_where_the_next_one_begins_however_long_it_is() -> None:
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)):
        length = parse_day(day, "Europe/Berlin", later=1) - parse_day(day, "Europe/Berlin")
        assert length == hours * 3600, day
    for day, zone in (("9999-12-31", "UTC"), ("9999-12-31", "Asia/Shanghai"), ("9999-12-30", "America/New_York")):
        with pytest.raises(UsageError, match="not a date"):
            parse_day(day, zone, later=1 if zone == "UTC" else 2)
    with pytest.raises(UsageError, match="not a date"):
        parse_day("0001-01-01", "Asia/Shanghai")  # before all dates where the database counts
