from __future__ import annotations

import re

import pytest

from tornadogw.handlers.base import Date


def test_the_date_is_an_http_date_and_is_kept_for_a_second():
    date = Date()
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date())
    assert date() is date()


@pytest.mark.parametrize(("sent", "kept"), [("abc-1.X_y", True), ("x" * 65, False), ("a b", False), ("", False)])
async def test_request_ids(start, sent, kept):
    async with start() as gateway, gateway.session.get(gateway.url + "/healthz", headers={"X-Request-Id": sent}) as got:
        assert (got.headers["X-Request-Id"] == sent) is kept
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", got.headers["X-Request-Id"])


async def test_a_bug_is_5000_without_internals(start, monkeypatch, claim_log):
    claim_log("tornadogw.handlers", "failed")
    async with start() as gateway:
        monkeypatch.setattr(type(gateway.gateway.parts.catalogue), "visible", lambda *_: 1 / 0)
        async with gateway.session.get(gateway.url + "/v1/models", headers={"X-API-Key": gateway.key}) as got:
            body = await got.json()
        assert (got.status, body["code"], body["data"]) == (500, 5000, None)
        assert "division" not in str(body)
