"""Pages for who has logged in: who sees them, who is sent away, and whose name stands in the log."""

from __future__ import annotations

import pytest

from tests.freezing import freeze, thaw
from tests.portal.browser import PASSWORD, Visitor
from tornadogw.portal.private import Visit
from tornadogw.store.mongo_embedded import PrivateMongod
from tornadogw.store.ports import Account
from tornadogw.store.ports_people import Login

ANN = Account("a", "ann@example.com")


def test_what_an_operator_does_as_somebody_else_is_noted_under_both_names() -> None:
    assert Visit(ANN, Login("l", "a", 0, 0, 0)).by == ANN.email
    assert Visit(ANN, Login("l", "a", 0, 0, 0, by="olga@example.com")).by == "olga@example.com as ann@example.com"


async def test_a_cookie_that_is_not_ours_lets_nobody_in(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        for cookie in ("login=x", "login=2|1:0|10:1700000000|5:login|4:eHg=|00", "login=", "login=\xff"):
            await visitor.get("/console", headers={"Cookie": cookie}, allow_redirects=False)
            assert (visitor.status, visitor.location) == (303, "/login?next=/console")
        await visitor.get("/login")
        await visitor.post("/logout", {"_xsrf": visitor.xsrf}, follow=False)
        assert visitor.location == "/login?next=/logout"


@pytest.mark.gen_test(timeout=60)
async def test_without_a_database_people_are_told_to_come_back(start, mongod: PrivateMongod, claim_log) -> None:
    claim_log("tornadogw", "away|lost|late", needed=False)
    async with start(timeout_ms=4000) as gateway, Visitor(gateway) as visitor:
        await gateway.accounts.create(ANN.email, password=PASSWORD)
        await visitor.log_in(ANN.email)
        assert visitor.path == "/console"
        assert mongod.pid
        freeze(mongod.pid)
        try:
            for path in ("/console", "/login"):
                await visitor.get(path)
                assert visitor.status == (503 if path == "/console" else 200)
                assert visitor.text.startswith("<!DOCTYPE html>")
            await visitor.post("/login", {"_xsrf": visitor.xsrf, "email": ANN.email, "password": PASSWORD})
            assert (visitor.status, visitor.headers["Retry-After"]) == (503, "1")
        finally:
            thaw(mongod.pid)
