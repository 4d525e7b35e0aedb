from __future__ import annotations

from tests.handlers.admin.program import made

PRICE = {"input": "1", "output": "2"}
SECRET = "sk-quite-a-long-secret-1234"


async def test_upstreams_and_models_of_the_database(start) -> None:
    async with start() as gateway:
        program, operator = await made(gateway), await made(gateway, "upstreams:read", "upstreams:write")
        fields = {"vendor": "vllm", "base_url": "http://127.0.0.1:9/v1"}
        given = {"name": "up", "fields": fields, "keys": [SECRET]}
        await operator.refused(403, "forbidden", "POST", "upstreams", given)  # an address is an owner's to give
        large = {"name": "large", "fields": {"vendor": "vllm", "options": {"a": [2**63]}}}
        await program.refused(422, "unprocessable", "POST", "upstreams", large)
        new = await program.do("POST", "upstreams", given)
        assert (new["name"], new["origin"], new["fields"]["vendor"]) == ("up", "database", "vllm")
        assert SECRET not in str(new)
        await program.refused(409, "conflict", "POST", "upstreams", given)
        changed = await operator.do("PATCH", "upstreams/up", {"revision": new["revision"], "fields": {"weight": 3}})
        assert changed["fields"]["weight"] == 3
        stale = {"revision": new["revision"], "fields": {"weight": 4}}
        await operator.refused(409, "conflict", "PATCH", "upstreams/up", stale)
        added = await operator.do("POST", "upstreams/up/keys", {"revision": changed["revision"], "key": f"{SECRET}5"})
        assert [each["number"] for each in added["keys"]] == [1, 2]
        fewer = await operator.do("POST", "upstreams/up/keys/remove", {"revision": added["revision"], "number": 2})
        other = await operator.do(
            "POST", "upstreams/up/keys/replace", {"revision": fewer["revision"], "number": 1, "key": f"{SECRET}6"}
        )
        assert [each["name"] for each in other["keys"]] == ["up#3"]

        routes = [{"upstream": "up", "model": "m"}]
        model = await operator.do("POST", "models", {"name": "m", "fields": {"price": PRICE, "routes": routes}})
        assert (await operator.do("GET", "models/m"))["fields"]["price"]["output"] == "2"
        tried = await operator.do("POST", "upstreams/up/test", {})
        assert [each["wrong"]["problem"] for each in tried] == ["unreachable"]
        assert SECRET not in str(tried)
        model = await operator.do("PATCH", "models/m", {"revision": model["revision"], "fields": {"aliases": ["n"]}})
        assert model["fields"]["aliases"] == ["n"]
        removal = {"revision": other["revision"]}
        assert "has need of it" in await operator.refused(422, "unprocessable", "DELETE", "upstreams/up", removal)
        await operator.do("DELETE", "models/m", {"revision": model["revision"]})
        await operator.do("DELETE", "upstreams/up", removal)
        assert "up" not in {each["name"] for each in await operator.do("GET", "upstreams")}
        assert "m" not in {each["name"] for each in await operator.do("GET", "models")}
        for path in ("upstreams/up", "models/m"):
            await operator.refused(404, "not_found", "GET", path)
        assert (await program.acts()) == ["upstream.add"]
        assert [act for act in await operator.acts() if act.startswith("upstream.key")] == [
            "upstream.key.add",
            "upstream.key.remove",
            "upstream.key.replace",
        ]
