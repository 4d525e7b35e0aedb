"""How long a refused upstream asks to be left alone."""

from __future__ import annotations

import pytest

from tornadogw.vendors.chat_wait import duration, wait_told

NOW = 1_790_000_000.0
RESETS = ["x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "x-ratelimit-reset"]


def wait(headers, message=""):
    return wait_told(headers, message, RESETS, NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("8.64s", 8.64), ("6m0s", 360), ("12ms", 0.012), ("1h2m3s", 3723), ("7", 7), ("1.5", 1.5), ("2d", 172800)],
)
def test_durations(text, seconds):
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-5", "1e9", "nan", "inf", "9" * 400, "１２", "5 s", "X-RESET-XXX"])
def test_what_is_no_duration_is_nothing(text):
    assert duration(text) == 0


def test_the_order_of_who_is_believed():
    headers = {
        "retry-after-ms": "1500",
        "retry-after": "3",
        "x-ratelimit-reset-requests": "40s",
        "x-ratelimit-reset-tokens": "50s",
    }
    assert wait(headers, "Please try again in 7s.") == 1.5
    del headers["retry-after-ms"]
    assert wait(headers, "Please try again in 7s.") == 3
    del headers["retry-after"]
    assert wait(headers, "Please try again in 7s.") == 7
    assert wait(headers) == 50
    assert wait(headers | {"x-ratelimit-remaining-requests": "0"}) == 40
    assert wait({}) == 0


def test_no_milliseconds_leave_the_seconds_in_force():
    assert wait({"retry-after-ms": "0", "retry-after": "1"}) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Mon, 21 Sep 2026 14:13:50 GMT", 30),
        ("Mon, 21 Sep 2026 14:13:50", 30),
        ("Mon, 21 Sep 2020 14:13:50 GMT", 0),
        ("Mon, 99 Sep 2026", 0),
        ("tomorrow", 0),
    ],
)
def test_a_date_is_a_wait(value, seconds):
    assert wait({"retry-after": value}) == seconds


def test_points_in_time_are_waits_too():
    assert wait({"x-ratelimit-reset": str(int(NOW) + 20)}) == 20
    assert wait({"x-ratelimit-reset": str((int(NOW) + 20) * 1000)}) == 20
    assert wait({"x-ratelimit-reset": str(int(NOW) - 20)}) == 0


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please retry in 48.9s", 48.9),
        ("try again in 1m12.5s. Visit", 72.5),
        ("retry after 3s", 3),
        ("try again later", 0),
    ],
)
def test_words_tell_as_well(message, seconds):
    assert wait({}, message) == pytest.approx(seconds)


def test_nobody_waits_longer_than_a_day():
    assert wait({"retry-after": "999999999"}) == 86400
