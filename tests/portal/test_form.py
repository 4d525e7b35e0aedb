from __future__ import annotations

import pytest

from tornadogw.errors import UsageError
from tornadogw.portal.form import Fields, sentence


def test_what_was_typed_is_read_as_it_is_meant() -> None:
    form = Fields(
        [("a", " x "), ("password", " p "), ("n", "7"), ("m", "a, b\nc"), ("box", "1"), ("box", ""), ("box", "2")]
    )
    assert (form.text("a"), form.raw("password"), form.text("none"), form.maybe("none")) == ("x", " p ", "", None)
    assert (form.whole("n"), form.whole("none"), list(form.list("m"))) == (7, None, ["a", "b", "c"])
    assert (list(form.all("box")), form.flag("box"), form.flag("none")) == (["1", "2"], True, False)


@pytest.mark.parametrize("text", ["x", "1.5", "1e3", "٣", "9" * 19, "--1", "0x1"])
def test_what_is_no_whole_number_is_said_beside_its_field(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Fields([("rpm", text)]).whole("rpm")
    assert caught.value.field == "rpm"
    assert "不是整数" in caught.value.message("zh")


def test_a_form_that_is_shown_again_has_nothing_secret() -> None:
    form = Fields([("email", "a"), ("password", "p"), ("password_again", "p"), ("code", "c"), ("api_key", "k")])
    assert form.again() == {"email": "a"}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the two passwords differ", "The two passwords differ"),
        ("ann@example.com is taken", "ann@example.com is taken"),
        ("'many' is not a whole number", "'many' is not a whole number"),
        ("两次输入的密码不一致", "两次输入的密码不一致"),
        ("", ""),
    ],
)
def test_a_sentence_begins_as_one(said, shown) -> None:
    assert sentence(said) == shown
