from __future__ import annotations

import json
import re

from tornadogw.app import routes
from tornadogw.handlers.openapi import public_document


async def test_anybody_reads_it(start) -> None:
    async with start('[server]\nprefix = "/api"') as gateway:
        async with gateway.session.get(f"{gateway.url}/openapi.json") as got:
            assert (got.status, got.content_type) == (200, "application/json")
            found = await got.json()
        assert found == json.loads(public_document("/api"))
        assert [each["url"] for each in found["servers"]] == ["/v1", "/api"]
        async with gateway.session.post(f"{gateway.url}/openapi.json") as got:
            assert got.status == 405


def test_it_has_every_path_of_the_api_and_every_reference_leads_somewhere() -> None:
    text = public_document("/xlei/v1").decode()
    found = json.loads(text)
    served = {
        f"{route.path.removeprefix('/v1')}{'{}' if route.rest else ''}"
        for route in routes("/xlei/v1")
        if route.path.startswith("/v1/")
    }
    assert {re.sub(r"\{\w+\}", "{}", path) for path in found["paths"]} == served
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert used == found["components"]["schemas"].keys()
