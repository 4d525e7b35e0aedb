"""How what an account has is shown; the commands themselves are tested with plans."""

from __future__ import annotations

from tornadogw.cli.output import Output
from tornadogw.cli.standing import standing_document, standing_lines
from tornadogw.store.trade import Standing, Subscription

STANDING = Standing("Asia/Tokyo", (Subscription("a", 0, 10), Subscription("b", 20, 30), Subscription("a", 30, 40)))


def test_the_plan_that_counts_now_and_those_to_come():
    assert standing_document(STANDING, 25)["plan"] == "b"
    assert standing_document(STANDING, 15)["plan"] is None
    assert [each["plan"] for each in standing_document(STANDING, 30)["subscriptions"]] == ["a"]


def test_for_people_in_either_language():
    english = list(standing_lines(STANDING, 35, Output(as_json=False, language="en")))
    assert english == ["zone      Asia/Tokyo", "plan      a  1970-01-01 00:00:30+00:00 - 1970-01-01 00:00:40+00:00"]
    assert list(standing_lines(Standing(), 35, Output(as_json=False, language="zh"))) == ["时区  默认", "套餐  无"]
