"""What is wrong with an upstream, said in a sentence: the cases that no single answer of a fake upstream shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornadogw.diagnosis import of_failure, of_transport, slow
from tornadogw.transport import TransportError
from tornadogw.types import Failure

NOW = 1_790_000_000.0
SECRET = "k3y.of-the/upstream"


def diagnosed(failure, *, page=False):
    return of_failure(failure, "m-1", [SECRET], NOW, page=page)


@pytest.mark.parametrize(
    ("failure", "problem"),
    [
        (Failure("disable", "key", code="invalid_key", message="check your billing page", status=401), "key"),
        (Failure("disable", "key", code="insufficient_quota", message="no", status=401), "balance"),
        (Failure("disable", "key", message="账户余额不足", status=429), "balance"),
        (
            Failure("cool", "key+model", seconds=9, message="no credits left this minute", status=429),
            "rate",
        ),
        (Failure("disable", "key+model", status=403), "key"),
        (Failure("cool", seconds=9, code="overloaded", status=529), "failing"),
        (Failure("cool", "key+model", seconds=9, code="rate"), "rate"),
        (Failure("cannot", code="model_not_found", status=400), "model"),
        (Failure("cannot", code="unsupported", message="only images"), "refused"),
        (Failure("elsewhere", code="truncated"), "broken"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whose_fault_it_is(failure, problem):
    assert diagnosed(failure).problem == problem


def test_a_page_is_more_telling_than_its_status_but_not_than_a_refused_key():
    assert diagnosed(Failure("elsewhere", status=404), page=True).problem == "html"
    assert diagnosed(Failure("disable", "key", status=401), page=True).problem == "key"


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e18])
def test_a_wait_of_nonsensical_length_has_no_moment(seconds):
    told = diagnosed(Failure("cool", "key+model", seconds=seconds, status=429))
    assert told.en.startswith("rate limited until ?")


def test_no_secret_is_shown_and_no_word_is_blackened():
    told = diagnosed(Failure("client", message=f"key {SECRET} is odd", status=400))
    assert SECRET not in told.en + told.zh
    assert told.en.endswith("(HTTP 400, key *** is odd)")
    assert of_failure(Failure("client", message="a b c"), "m", ["b", ""], NOW).en.endswith("(a b c)")


@pytest.mark.parametrize(
    ("kind", "problem"),
    [("connect", "unreachable"), ("tls", "tls"), ("reset", "broken"), ("protocol", "broken")],
)
def test_what_happens_on_the_way(kind, problem):
    told = of_transport(TransportError(kind, "host:443: no luck"), [SECRET])
    assert told.problem == problem
    assert told.en.endswith("(host:443: no luck)")
    assert told.zh.endswith("(host:443: no luck)")


def test_silence():
    assert slow(2.5).en == "no answer within 2.5 s"
    assert "2.5" in slow(2.5).zh


failures = st.builds(
    Failure,
    kind=st.sampled_from(["client", "cannot", "elsewhere", "cool", "disable"]),
    scope=st.sampled_from(["key", "key+model", "upstream+model"]),
    seconds=st.floats(),
    code=st.text(max_size=20),
    message=st.text(max_size=200),
    status=st.integers(0, 999),
)


@given(failures, st.booleans())
def test_every_failure_has_a_sentence_of_one_line(failure, page):
    told = diagnosed(failure, page=page)
    assert told.problem
    assert told.zh
    assert "\n" not in told.zh + told.en
