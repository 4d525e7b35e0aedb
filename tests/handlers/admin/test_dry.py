from __future__ import annotations

from tests.handlers.admin.program import made
from tests.journeys.wire import model, serving
from tests.running import OWNER


async def test_where_a_request_would_go_and_why(start) -> None:
    other = model("n", "u0", context="50", capabilities='["tools"]')
    text = serving("http://127.0.0.1:1", "http://127.0.0.1:2", model='fallbacks = ["n"]\n' + other)
    async with start(text) as gateway:
        program, office = await made(gateway, "upstreams:read"), gateway.gateway.parts.office
        dry = await program.do("GET", "dry-run?model=m&prompt_tokens=10&max_tokens=5&stream=true")
        told = [(each["order"], each["upstream"], each["model"], each["reason"]) for each in dry["places"]]
        assert told == [(1, "u0", "m", ""), (2, "u1", "m", ""), (3, "u0", "n", "")]
        assert (dry["first"], dry["error"]) == (dry["places"][0], None)
        assert (dry["first"]["upstream_model"], dry["first"]["bound"] > 0) == ("m-up", True)
        needing = await program.do("GET", "dry-run?model=m&images=1")
        assert [each["reason"] for each in needing["places"]] == ["", "", "cannot: images"]

        narrow = (await office.keys.create(OWNER, models=["n"])).key
        refused = await program.do("GET", f"dry-run?model=m&key={narrow.id}")
        assert (refused["first"], refused["error"]["status"], refused["error"]["code"]) == (None, 400, 1003)
        assert refused["error"]["slug"] == "model_mismatch"
        assert refused["error"]["message"]
        assert (await program.do("GET", f"dry-run?model=n&key={narrow.id}"))["first"]["upstream"] == "u0"
        assert (await program.do("GET", "dry-run?model=none-such"))["error"]["code"] == 1003
        for wrong in (
            "",
            "model=",
            "model=m&key=gone",
            "model=m&prompt_tokens=1000001",
            "model=m&mode=both",
            "model=m&x=1",
        ):
            await program.refused(422, "unprocessable", "GET", f"dry-run?{wrong}")
        await (await made(gateway, "usage:read")).refused(403, "forbidden", "GET", "dry-run?model=m")
        assert await program.acts() == []
