from __future__ import annotations

import pytest

from tornadogw.app import Route, audit, routes
from tornadogw.handlers.base import BaseHandler
from tornadogw.handlers.completions import CompletionsHandler


def test_every_route_says_who_may_call_it():
    audit(routes("/xlei/v1"))


def test_a_route_without_a_word_stops_the_start():
    class Silent(BaseHandler):
        pass

    with pytest.raises(RuntimeError, match="Silent"):
        audit([Route("/x", Silent)])


def test_the_api_has_three_doors_and_only_the_prefix_streams_by_default():
    doors = {route.path: route.under_prefix for route in routes("/p") if route.handler is CompletionsHandler}
    assert doors == {
        "/p/v1/chat/completions": True,
        "/p/v1/completions": True,
        "/p/chat/completions": True,
        "/p/completions": True,
        "/v1/chat/completions": False,
        "/v1/completions": False,
    }


async def test_who_browses_to_nowhere_sees_a_page_and_programs_read_the_contract(start):
    async with start() as gateway:
        for path, accept, status, kind in (
            ("/nowhere", "text/html,application/xhtml+xml,*/*;q=0.8", 404, "text/html"),
            ("/nowhere", "*/*", 404, "application/json"),
            ("/v1/nowhere", "text/html", 401, "application/json"),
        ):
            async with gateway.session.get(gateway.url + path, headers={"Accept": accept}) as got:
                assert (got.status, got.content_type) == (status, kind), (path, accept)
        async with gateway.session.post(gateway.url + "/nowhere", headers={"Accept": "text/html"}) as got:
            assert (got.status, got.content_type) == (404, "application/json")
    async with (
        start("[portal]\nenabled = false\n") as gateway,
        gateway.session.get(gateway.url + "/nowhere", headers={"Accept": "text/html"}) as got,
    ):
        assert (got.status, got.content_type) == (404, "application/json")
