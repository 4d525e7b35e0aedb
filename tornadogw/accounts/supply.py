"""Upstreams and models: those of the settings file, which are only read, and those of the database, which are edited.

An edit is one transaction with its line in the audit log. It is checked as a start checks the settings, beside all
that is there, and takes effect in every process as soon as that hears of it (`live`).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tornadogw.accounts.desk import Actor
from tornadogw.accounts.supply_forms import (
    check_role,
    checked_fields,
    checked_key,
    checked_name,
    opened,
    with_fields,
    with_keys,
)
from tornadogw.accounts.supply_shown import Shown, audited, shown
from tornadogw.entries import Entries, Found, Offer
from tornadogw.errors import Conflict, NotThere, UsageError
from tornadogw.probe import Prober
from tornadogw.store.ports import Entry
from tornadogw.store.ports_supply import Edit, Kind, Stored, Supplied, SupplyStore
from tornadogw.trial import Outcome, Trial, questions
from tornadogw.types import Price, Value

__all__ = ["Supply"]

MOST_ENTRIES = 1000
"""Upstreams or models that the database keeps."""
TEST_SECONDS = 60.0
"""For which somebody waits who tests an upstream."""

_Make = Callable[[Stored], Stored | None]


class _Act(Value, frozen=True):
    """Who does what, and what they have seen of it; `revision` None: it is new."""

    act: str
    kind: Kind
    name: str
    actor: Actor
    revision: int | None = None


class Supply:
    """What can be done with upstreams and models. Every method raises `UsageError` for what cannot be.

    `actor` is who edits, by which right. `revision` is that of what they have read: an edit of what somebody else has
    changed meanwhile is refused.
    """

    def __init__(
        self, store: SupplyStore, entries: Entries, prober: Prober | None, *, now: Callable[[], float] = time.time
    ) -> None:
        """`prober`: who asks upstreams; None: nobody can."""
        self._store, self._entries, self._prober, self._now = store, entries, prober, now

    # --- reading -----------------------------------------------------------------------------------------------------

    async def offer(self) -> Offer:
        """All that there is, as this process would use it. May hold secrets."""
        return self._entries.of(await self._store.read())

    async def upstreams(self) -> Sequence[Shown]:
        """The file's, then the database's in the order in which they came."""
        return await self._all("upstream")

    async def models(self) -> Sequence[Shown]:
        return await self._all("model")

    async def upstream(self, name: str) -> Shown:
        return await self._one("upstream", name)

    async def model(self, name: str) -> Shown:
        return await self._one("model", name)

    # --- upstreams ---------------------------------------------------------------------------------------------------

    async def add_upstream(self, actor: Actor, name: str, fields: Mapping[str, Any], keys: Sequence[str] = ()) -> Shown:
        """`fields` are those of `[[upstreams]]` but its name and keys."""
        texts, seal = [checked_key(text, actor.role) for text in keys], self._entries.seal

        def make(new: Stored) -> Stored:
            return with_keys(with_fields(new, checked_fields(fields), seal, actor.role), texts, seal)

        return await self._edit(_Act("upstream.add", "upstream", checked_name(name), actor), make)

    async def change_upstream(self, actor: Actor, name: str, fields: Mapping[str, Any], *, revision: int) -> Shown:
        """Change the given fields; None takes one away."""
        return await self._edit(_Act("upstream.change", "upstream", name, actor, revision), self._with(fields, actor))

    async def remove_upstream(self, actor: Actor, name: str, *, revision: int) -> None:
        """Calls that run there end as they would; refused while a model has a route to it."""
        _ = await self._put(_Act("upstream.remove", "upstream", name, actor, revision), lambda _: None)

    async def add_key(self, actor: Actor, name: str, text: str, *, revision: int) -> Shown:
        """`env:NAME`, `file:/path` or the key itself, which nobody is shown again."""
        text = checked_key(text, actor.role)

        def make(old: Stored) -> Stored:
            return with_keys(old, [*old.keys, text], self._entries.seal)

        return await self._edit(_Act("upstream.key.add", "upstream", name, actor, revision), make)

    async def replace_key(self, actor: Actor, name: str, number: int, text: str, *, revision: int) -> Shown:
        """Another key in the place of the one with this number; it has a number of its own."""
        text = checked_key(text, actor.role)

        def make(old: Stored) -> Stored:
            _check_key(old, number)
            return with_keys(old, [text if key.number == number else key for key in old.keys], self._entries.seal)

        return await self._edit(_Act("upstream.key.replace", "upstream", name, actor, revision), make)

    async def remove_key(self, actor: Actor, name: str, number: int, *, revision: int) -> Shown:
        """Calls that run with it end as they would."""

        def make(old: Stored) -> Stored:
            _check_key(old, number)
            return with_keys(old, [key for key in old.keys if key.number != number], self._entries.seal)

        return await self._edit(_Act("upstream.key.remove", "upstream", name, actor, revision), make)

    async def test(self, name: str, model: str = "") -> Sequence[Outcome]:
        """Ask the upstream for one token with each key and for each model, which costs a little.

        `model`: the vendor's name of one that is asked for beside those that it serves here.
        """
        if self._prober is None:
            raise UsageError("upstreams are tested by a running gateway", zh="只有运行中的网关可以测试上游")
        supplied = await self._store.read()
        if model:
            route = {"upstream": name, "model": model}
            price = {"input": "0", "output": "0"}
            trial = Stored("model", f"test-{secrets.token_hex(8)}", {"price": price, "routes": [route]})
            supplied = msgspec.structs.replace(supplied, entries=(*supplied.entries, trial))
        offer = self._entries.of(supplied)
        found = _found(offer, "upstream", name)
        if not found.counts:
            raise UsageError(found.faults[0].text, zh=f"上游 {name} 有误：{found.faults[0].text}")
        asked = questions(offer.catalogue).get(name)
        if not asked:
            raise UsageError(
                f"no model has a route to {name}: say which of its models is to be asked for",
                zh=f"没有模型使用上游 {name}：请填写要测试的模型",
                field="model",
            )
        try:
            async with asyncio.timeout(TEST_SECONDS):
                return await Trial(self._prober).upstream(asked)
        except TimeoutError:
            raise UsageError(
                f"{name} did not answer all questions within {TEST_SECONDS:g} s",
                zh=f"上游 {name} 未在 {TEST_SECONDS:g} 秒内回答全部请求",
            ) from None

    # --- models ------------------------------------------------------------------------------------------------------

    async def add_model(self, actor: Actor, name: str, fields: Mapping[str, Any]) -> Shown:
        """`fields` are those of `[[models]]` but its name, `price` and `routes` at least."""
        return await self._edit(_Act("model.add", "model", checked_name(name), actor), self._with(fields, actor))

    async def change_model(self, actor: Actor, name: str, fields: Mapping[str, Any], *, revision: int) -> Shown:
        """Change the given fields; None takes one away. A list such as `routes` is given whole."""
        return await self._edit(_Act("model.change", "model", name, actor, revision), self._with(fields, actor))

    async def remove_model(self, actor: Actor, name: str, *, revision: int) -> None:
        """Refused while it is a fallback of another one."""
        _ = await self._put(_Act("model.remove", "model", name, actor, revision), lambda _: None)

    # --- both --------------------------------------------------------------------------------------------------------

    async def _all(self, kind: Kind) -> Sequence[Shown]:
        return [shown(each) for each in (await self.offer()).found if each.kind == kind]

    async def _one(self, kind: Kind, name: str) -> Shown:
        return shown(_found(await self.offer(), kind, name))

    def _with(self, fields: Mapping[str, Any], actor: Actor) -> _Make:
        return lambda old: with_fields(old, checked_fields(fields), self._entries.seal, actor.role)

    async def _edit(self, act: _Act, make: _Make) -> Shown:
        """As it is after the edit, which may be another one soon."""
        revision, after = await self._put(act, make)
        found = next(
            each for each in after.found if each.stored is not None and each.name == act.name and each.kind == act.kind
        )
        return msgspec.structs.replace(shown(found), revision=revision)

    async def _put(self, act: _Act, make: _Make) -> tuple[int, Offer]:
        """The revision after it, and what there is then."""
        check_role(act.actor.role)
        decided: list[tuple[Edit, Offer]] = []

        def decide(supplied: Supplied) -> Sequence[Edit]:
            decided.append(self._decided(supplied, act, make))
            return [decided[-1][0]]

        return await self._store.edit(decide), decided[-1][1]

    def _decided(self, supplied: Supplied, act: _Act, make: _Make) -> tuple[Edit, Offer]:
        """The edit, and what there is after it, if all of that is as whole as it was."""
        before, old = self._entries.of(supplied), supplied.find(act.kind, act.name)
        if act.revision is None:
            _check_free(before, supplied, act)
        else:
            old = _current(before, act, old)
        now = make(old or Stored(act.kind, act.name, {}))
        if now is not None:
            now = msgspec.structs.replace(now, changed=self._now(), by=act.actor.by)
        placed = [now if each is old else each for each in supplied.entries] if old else [*supplied.entries, now]
        entries = tuple(each for each in placed if each is not None)
        after = self._entries.of(Supplied(supplied.revision or 1, entries))
        _check(before, after, act)
        return Edit(act.kind, act.name, now, self._line(act, old, now), _repriced(before, after)), after

    def _line(self, act: _Act, old: Stored | None, now: Stored | None) -> Entry:
        """What was, and what is instead."""
        before, after = (audited(each, opened(each, self._entries.seal)) for each in (old, now))
        for each, line in ((old, before), (now, after)):
            if each is not None and each.keys:
                line["keys"] = [f"{each.name}#{key.number}" for key in each.keys]
        return Entry(
            by=act.actor.by,
            act=act.act,
            at=self._now(),
            subject=act.name,
            before={name: value for name, value in before.items() if after.get(name) != value},
            after={name: value for name, value in after.items() if before.get(name) != value},
        )


def _found(offer: Offer, kind: Kind, name: str) -> Found:
    found = offer.find(kind, name)
    if found is None:
        what = {"upstream": "上游", "model": "模型"}[kind]
        raise NotThere(f"there is no {kind} {name[:100]}", zh=f"没有{what} {name[:100]}", field="name")
    return found


def _check_key(stored: Stored, number: int) -> None:
    if not any(key.number == number for key in stored.keys):
        raise NotThere(f"{stored.name} has no key {number}", zh=f"上游 {stored.name} 没有密钥 {number}", field="keys")


def _current(offer: Offer, act: _Act, stored: Stored | None) -> Stored:
    """What is to be edited, if it is still what the editor has seen."""
    if stored is None:
        found = _found(offer, act.kind, act.name)
        raise UsageError(
            f"{act.kind} {act.name} is written in {found.origin}: it is changed there",
            zh=f"{act.name} 写在 {found.origin}：请在那里更改",
        )
    if stored.revision != act.revision:
        raise Conflict(
            f"{act.kind} {act.name} has been changed meanwhile by {stored.by or 'somebody'}: look at it again",
            zh=f"{act.name} 已被 {stored.by or '他人'} 更改：请重新查看后再改",
        )
    return stored


def _check_free(offer: Offer, supplied: Supplied, act: _Act) -> None:
    if (taken := offer.find(act.kind, act.name)) is not None:
        raise Conflict(
            f"there is {act.kind} {act.name} already, in {taken.origin}",
            zh=f"{act.name} 已经存在，写在 {taken.origin}",
            field="name",
        )
    if sum(each.kind == act.kind for each in supplied.entries) >= MOST_ENTRIES:
        raise UsageError(f"the database keeps {MOST_ENTRIES} at most", zh=f"数据库中最多保存 {MOST_ENTRIES} 个")


def _check(before: Offer, after: Offer, act: _Act) -> None:
    """Neither what is edited nor anything else may be wrong because of it. What was wrong is mended step by step."""
    known = {(each.kind, each.name, fault) for each in before.found for fault in each.faults}
    for each in after.found:
        mine = (each.kind, each.name) == (act.kind, act.name)
        for fault in each.faults:
            if (each.kind, each.name, fault) in known:
                continue
            if mine:
                raise UsageError(fault.text, zh=f"{fault.field} 有误：{fault.text}", field=fault.field)
            raise UsageError(
                f"{each.kind} {each.name} has need of it: {fault.text}", zh=f"{each.name} 需要它：{fault.text}"
            )


def _repriced(before: Offer, after: Offer) -> Mapping[str, Price | None]:
    """Models whose price is another one then."""
    old, new = before.prices, after.prices
    return {name: new.get(name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
