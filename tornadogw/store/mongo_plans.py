"""Plans in MongoDB.

plans  `_id` name, `daily`, `models`, `rpm`, `f` price factor in millionths, `days`, `pa` prepaid after, `po` prepaid
       outside, `status`, `t` made
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from tornadogw.store.mongo import Mongo, Session
from tornadogw.store.mongo_audit import note
from tornadogw.store.mongo_errors import driver_errors
from tornadogw.store.mongo_values import moment, money, seconds
from tornadogw.store.ports import Duplicate, Entry
from tornadogw.store.trade import Plan

__all__ = ["INDEXES", "MongoPlans", "plan_of"]

INDEXES: Mapping[str, Sequence[IndexModel]] = {}
"""They are few, and looked up by name."""


def plan_of(document: Mapping[str, Any]) -> Plan:
    models = document["models"]
    return Plan(
        name=document["_id"],
        daily=int(document["daily"]),
        models=None if models is None else tuple(models),
        rpm=document["rpm"],
        factor=int(document["f"]),
        days=document["days"],
        prepaid_after=document["pa"],
        prepaid_outside=document["po"],
        active=document["status"] == "active",
        created=seconds(document["t"]),
    )


def _document(plan: Plan) -> dict[str, Any]:
    return {
        "_id": plan.name,
        "daily": money(plan.daily),
        "models": None if plan.models is None else list(plan.models),
        "rpm": plan.rpm,
        "f": money(plan.factor),
        "days": plan.days,
        "pa": plan.prepaid_after,
        "po": plan.prepaid_outside,
        "status": "active" if plan.active else "archived",
        "t": moment(plan.created),
    }


class MongoPlans:
    """A `PlanStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo, self._plans = mongo, mongo.database["plans"]

    async def add(self, plan: Plan, entry: Entry) -> None:
        async def make(session: Session) -> None:
            await self._plans.insert_one(_document(plan), session=session)
            await note(self._mongo, session, entry, after=msgspec.to_builtins(plan))

        try:
            await self._mongo.transaction(make)
        except DuplicateKeyError:
            raise Duplicate(plan.name) from None

    async def change(self, name: str, edit: Callable[[Plan], Plan], entry: Entry) -> Plan | None:
        async def put(session: Session) -> Plan | None:
            found = await self._plans.find_one({"_id": name}, session=session)
            if found is None:
                return None
            old = plan_of(found)
            new = edit(old)
            if new != old:
                await self._plans.replace_one({"_id": name}, _document(new), session=session)
                await note(self._mongo, session, entry, msgspec.to_builtins(old), msgspec.to_builtins(new))
            return new

        return await self._mongo.transaction(put)

    async def get(self, name: str) -> Plan | None:
        with driver_errors():
            found = await self._plans.find_one({"_id": name})
        return None if found is None else plan_of(found)

    async def all(self) -> Sequence[Plan]:
        with driver_errors():
            return [plan_of(each) for each in await self._plans.find().sort("_id").to_list(None)]
