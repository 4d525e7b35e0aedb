from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.portal.staff import staff
from tests.store.events import entries, stored
from tornadogw.store.mongo_uses import MongoUses


async def test_a_key_is_found_by_what_is_known_of_it_and_stopped(start) -> None:
    async with start() as gateway, staff(gateway, "user", "reader", "operator") as people:
        office, operator, reader = people.office, people.visitors["operator"], people.visitors["reader"]
        key = await office.keys.create("user@example.com", label="build server")
        other = await office.keys.create("owner@example.com", label="other")
        called = stored(datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC), k=key.key.id)
        await MongoUses(gateway.mongo).add(entries(called))
        zone = ZoneInfo(gateway.gateway.parts.settings.money.time_zone)
        when = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC).astimezone(zone)
        page = f"/admin/users/{people.accounts['user'].id}"
        assert f"{when:%Y-%m-%d %H:%M:%S}" in await reader.get(page)
        await reader.send("/admin/keys", "find", sought_key=other.key.id)
        assert ">never</td>" in reader.text
        await reader.send("/admin/keys", "find", sought_key=key.key.id)
        assert f"{when:%Y-%m-%d %H:%M:%S}" in reader.text
        for sought in (key.key.id, "build", key.text, f" {key.text} "):
            for visitor in (operator, reader):
                await visitor.send("/admin/keys", "find", sought_key=sought)
                assert (visitor.status, key.key.id in visitor.text) == (200, True)
                assert "user@example.com" in visitor.text
                assert key.text not in visitor.text
                assert other.key.id not in visitor.text
        await operator.send("/admin/keys", "find", sought_key="sk-nothing")
        assert "No matching keys." in operator.text
        fields = {"account": people.accounts["user"].id, "id": key.key.id}
        await operator.send("/admin/keys", "disable", **fields)
        assert operator.notice == "The key is disabled."
        status, _ = await gateway.ask(headers={"X-API-Key": key.text})
        assert status == 401
        await operator.send("/admin/keys", "enable", **fields)
        assert not (await office.keys.list("user@example.com"))[0].disabled
        assert [act for act, by, _ in await people.acts(fields["account"]) if by == "operator@example.com"] == [
            "key.enable",
            "key.disable",
        ]
        await reader.send("/admin/keys", "disable", **fields)
        assert (reader.status, "Only operators" in reader.wrong) == (422, True)
        owners = {"account": people.accounts["owner"].id, "id": other.key.id}
        await operator.send("/admin/keys", "disable", **owners)
        assert (operator.status, "as many rights" in operator.wrong) == (422, True)
        user = people.visitors["user"]
        await user.get("/console")
        await user.post("/admin/keys", {"_xsrf": user.xsrf, "act": "find", "sought_key": key.text})
        assert user.status == 403
