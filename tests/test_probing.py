"""Active probes: who is asked, when, by which process, and what its health makes of it."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from tests.journeys.wire import eventually, problem, said, serving
from tests.running import CHAT
from tests.test_router import model, route
from tornadogw import probing as room
from tornadogw.breaker import FAILURES
from tornadogw.catalogue import Catalogue
from tornadogw.errors import Cannot
from tornadogw.health import Health
from tornadogw.probing import Probing, Watched, watched
from tornadogw.standing import Standing
from tornadogw.store.ports import StoreUnavailable
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.transport import TransportError
from tornadogw.types import Failure

WHERE = {"upstream": "a", "credential": "a#1", "model": "m"}


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Asked:
    """Stands in for the socket: answers what it was given, then the last of it for ever."""

    def __init__(self, *outcomes):
        self.outcomes, self.keys = list(outcomes), []

    async def ask(self, model, route, key, secrets):
        self.keys.append(key.name)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if outcome == "silence":
            await asyncio.Event().wait()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome, False


class Look:
    """One watched route, its health, and who claims."""

    def __init__(self, *outcomes, keys=1, claimed=True, silence=5.0):
        self.clock = Clock()
        self.health = Health(self.clock, random.Random(1))
        self.asked = Asked(*outcomes)
        self.claims = []
        entry = route("a", keys=keys)
        limits = msgspec.structs.replace(entry.deadlines, first_event=silence)
        self.route = msgspec.structs.replace(entry, deadlines=limits, probe=30.0)
        self.standing = Standing([self.route.place], self.clock)
        self.claimed = claimed
        self.probing = Probing(self.asked, self.health, self.standing, self.claim, random.Random(1))

    async def claim(self, spot, seconds):
        self.claims.append((spot, seconds))
        if isinstance(self.claimed, Exception):
            raise self.claimed
        return self.claimed

    async def __call__(self):
        await self.probing.look(Watched(model("m", self.route), self.route, 30.0))
        return self.asked.keys

    @property
    def wait(self):
        return self.health.wait(**WHERE)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(room, "AGAIN", 0.0)


def test_each_model_of_an_upstream_that_is_to_be_probed_is_watched_once():
    probed = msgspec.structs.replace(route("a"), probe=30.0)
    found = watched(Catalogue([model("m", probed, route("b")), model("n", probed)]))
    assert [(each.route.upstream, each.every) for each in found] == [("a", 30.0)]


async def test_who_was_not_called_for_a_while_is_asked():
    look = Look(None)
    assert await look() == ["a#1"]
    assert look.claims == [(("a", "", "m"), 24.0)]
    assert look.wait == 0


async def test_who_was_called_lately_is_not():
    look = Look(None)
    stay = look.standing.enter(look.route.place)
    stay.ended(failed=False)
    look.clock.now += 29
    assert await look() == []
    look.clock.now += 2
    assert await look() == ["a#1"]


async def test_one_process_of_all_asks():
    look = Look(None, claimed=False)
    assert await look() == []
    look.claimed = StoreUnavailable("away")
    with pytest.raises(StoreUnavailable):
        await look()


@pytest.mark.parametrize(
    "failure", [Failure("elsewhere", code="reset"), TransportError("connect", "refused"), "silence"], ids=str
)
async def test_who_does_not_answer_is_asked_until_it_is_left_alone(failure):
    look = Look(failure, silence=0.01)
    assert await look() == ["a#1"] * FAILURES
    assert look.wait > 0
    assert await look() == ["a#1"] * FAILURES, "left alone"
    assert len(look.claims) == 1


async def test_one_answer_ends_it():
    look = Look(Failure("elsewhere"), Failure("elsewhere"), None)
    assert await look() == ["a#1"] * 3
    assert look.wait == 0


async def test_who_was_left_alone_is_used_again_once_a_probe_is_answered():
    look = Look(Failure("elsewhere"), *[Failure("elsewhere")] * (FAILURES - 1), None)
    await look()
    look.clock.now += look.wait
    assert await look() == ["a#1"] * (FAILURES + 1)
    assert not look.health._failing


async def test_a_key_that_is_left_alone_leaves_it_to_another(claim_log):
    claim_log("tornadogw.health", "a#1 is disabled")
    look = Look(Failure("disable", scope="key"), None, keys=2)
    assert await look() == ["a#1"]
    assert await look() == ["a#1", "a#2"]


@pytest.mark.parametrize("failure", [Failure("client"), Failure("cool", seconds=9.0), Cannot("max_tokens", "no")])
async def test_what_says_that_it_is_there_is_not_asked_again(failure):
    assert await Look(failure)() == ["a#1"]


async def test_a_vendors_bug_hurts_nobody_and_is_told(claim_log):
    claim_log("tornadogw.probing", "upstream a cannot be probed")
    look = Look(ValueError("bug"), None)
    look.route = msgspec.structs.replace(look.route, probe=0.01)
    async with look.probing.of(Catalogue([model("m", look.route)])):
        await eventually(lambda: len(look.asked.keys) == 2)


async def test_while_the_database_is_away_nobody_is_asked():
    look = Look(None, claimed=StoreUnavailable("away"))
    look.route = msgspec.structs.replace(look.route, probe=0.01)
    async with look.probing.of(Catalogue([model("m", look.route)])):
        await eventually(lambda: len(look.claims) == 2)
        look.claimed = True
        await eventually(lambda: bool(look.asked.keys))


async def test_a_gateway_finds_out_before_its_clients_do(start, monkeypatch):
    monkeypatch.setattr("tornadogw.breaker.FIRST", 100.0)  # it is left alone for as long as this takes
    broken = Answer(status=500, body=problem())
    async with (
        FakeUpstream(broken) as bad,
        FakeUpstream(Answer(body=said("fine"))) as good,
        start(serving(bad.url, good.url, upstream="probe = 0.05\n")) as gateway,
    ):
        health = gateway.gateway.parts.gate.health
        await eventually(lambda: health.wait(upstream="u0", credential="u0#1", model="m-up") > 0)
        assert len(bad.requests) == FAILURES
        assert all(each.json()["max_tokens"] == 1 for each in bad.requests)
        before = len(bad.requests)
        status, body = await gateway.ask({"model": "m", **CHAT})
        assert (status, body["choices"][0]["message"]["content"]) == (200, "fine")
        assert len(bad.requests) == before
        assert len(await gateway.events()) <= 1, "a probe is nobody's to pay"


async def test_what_is_watched_may_change_and_what_stays_the_same_goes_on():
    same, other = (msgspec.structs.replace(route(name), probe=9.0) for name in ("a", "b"))
    probing = Probing(Asked(None), Health(Clock(), random.Random(1)), Standing([], Clock()), None, random.Random(1))
    async with probing.of(Catalogue([model("m", same), model("n", other)])):
        before = {place: task for place, (_, task) in probing._tasks.items()}
        changed = msgspec.structs.replace(other, probe=8.0)
        await probing.change(Catalogue([model("m", same), model("n", changed)]))
        now = {place: task for place, (_, task) in probing._tasks.items()}
        assert before.keys() == now.keys()
        assert now[same.place] is before[same.place]
        assert before[other.place].cancelled()
        await probing.change(Catalogue([]))
        assert before[same.place].cancelled()
        assert probing._tasks == {}
