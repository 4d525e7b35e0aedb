from __future__ import annotations

import pytest

from tornadogw.blame import after_start, to_client
from tornadogw.types import Failure


@pytest.mark.parametrize(
    ("code", "slug"),
    [
        ("content_filter", "content_filter"),
        ("context_length_exceeded", "context_length_exceeded"),
        ("whatever", "invalid_request"),
        ("", "invalid_request"),
    ],
)
def test_what_the_request_itself_did_wrong(code, slug):
    error = to_client(Failure("client", code=code, message="too bad", param="p"), ())
    assert (error.code, error.status, error.slug, error.param) == (1002, 400, slug, "p")
    assert "too bad" in error.message("en")


def test_nothing_of_the_operators_reaches_the_client():
    said = "acme: key sk-abcdefghijklmnopqrstuvwxyz of org-AbCdEf123456 at https://acme.example/v1 " + "x" * 900
    text = to_client(Failure("client", message=said), ("acme",)).message("en")
    for secret in ("acme", "sk-abc", "org-AbC", "https://"):
        assert secret not in text
    assert len(text) < 600


def test_after_the_start_only_a_refusal_keeps_its_reason():
    assert after_start(Failure("client", code="content_filter"), ()).code == 1002
    assert after_start(Failure("disable", code="invalid_api_key", message="secret"), ()).code == 4001
