"""Which route answers: priority, weight, rank in `auto`, fallbacks; what is skipped, and when nobody is left."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from tests.journeys.wire import (
    check_envelope,
    events_of,
    forgive,
    hold_clock,
    joined,
    last_event,
    model,
    problem,
    said,
    serving,
)
from tests.running import CHAT
from tornadogw.standing import Figures
from tornadogw.testing import Answer, FakeUpstream

MANY = "[limits]\nkey_per_minute = 10000\nip_per_minute = 10000\n"
DOWN = Answer(status=500, headers={"Content-Type": "application/json"}, body=problem())
BUSY = Answer(status=429, headers={"Retry-After": "30"})


async def upstreams(stack: AsyncExitStack, count: int) -> list[FakeUpstream]:
    return [await stack.enter_async_context(FakeUpstream(Answer(body=said(f"by u{at}")))) for at in range(count)]


def settings(ups: list[FakeUpstream], *models: str, top: str = MANY) -> str:
    whole = serving(*(up.url for up in ups), top=top)
    return whole[: whole.index("[[models]]")] + "\n".join(models)


async def who(gateway: Any, asked: str, **more: Any) -> str:
    """The text of the answer, or the code of the refusal."""
    status, body = await gateway.ask({**CHAT, "model": asked, **more})
    return body["choices"][0]["message"]["content"] if status == 200 else str(body["code"])


async def test_lower_priorities_first_and_the_next_when_one_fails(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 3)
        routes = ("u2 priority=7", "u1 priority=-1", "u0 priority=3")
        async with start(settings(ups, model("m", *routes))) as gateway:
            assert [await who(gateway, "m") for _ in range(5)] == ["by u1"] * 5
            ups[1].play(DOWN)
            async with gateway.post(body={**CHAT, "model": "m", "stream": True}) as response:
                assert response.headers["X-Gateway-Attempts"] == "2"
                assert joined(events_of(await response.read())) == "by u0"
            ups[0].play(DOWN)
            async with gateway.post(body={**CHAT, "model": "m"}) as response:
                assert response.headers["X-Gateway-Attempts"] == "3"
            record = await last_event(gateway)
            assert [each[0] for each in record["at"]] == ["u1", "u0", "u2"]
            ups[2].play(DOWN)
            status, body = await gateway.ask({**CHAT, "model": "m"})
            assert status == 503
            assert check_envelope(body, 4001).count("m: failed") == 1


async def test_weights_share_inside_one_priority(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 3)
        async with start(settings(ups, model("m", "u0 weight=3", "u1", "u2 priority=1"))) as gateway:
            gateway.gateway.parts.gate.router._rng = random.Random(7)
            found = Counter([await who(gateway, "m") for _ in range(90)])
            assert set(found) == {"by u0", "by u1"}
            assert 50 < found["by u0"] < 85, found


async def test_auto_takes_the_best_that_can(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 3)
        models = [
            model("never", "u2"),
            model("second", "u1", auto="2"),
            model("best", "u0", auto="1", capabilities="[]", modes='["chat"]'),
        ]
        async with start(settings(ups, *models)) as gateway:
            assert await who(gateway, "auto") == "by u0"
            tools = [{"type": "function", "function": {"name": "f"}}]
            assert await who(gateway, "auto", tools=tools) == "by u1", "the best cannot use tools"
            status, body = await gateway.ask({"prompt": "x", "stream": False})
            assert (status, ups[1].requests[-1].path) == (200, "/completions"), "the best does not complete"
            status, body = await gateway.ask({**CHAT, "model": "best", "tools": tools})
            assert status == 400
            assert "tools" in check_envelope(body, 1003)
            forgive(gateway)
            ups[0].play(DOWN)
            assert await who(gateway, "auto") == "by u1"
            ups[1].play(DOWN)
            assert await who(gateway, "auto") == "4001", "a model without a rank is not in auto"
            assert await who(gateway, "never") == "by u2"


async def test_without_any_rank_all_models_are_in_auto_in_their_order(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 2)
        async with start(settings(ups, model("a", "u1"), model("b", "u0"))) as gateway:
            assert await who(gateway, "auto") == "by u1"
            ups[1].play(DOWN)
            assert await who(gateway, "auto") == "by u0"


async def test_latency_takes_the_upstream_that_answers_first(start):
    async with AsyncExitStack() as stack:
        slow, fast = await upstreams(stack, 2)
        late = asyncio.Event()
        slow.play(Answer(body=[late, said("by u0")]))
        async with start(settings([slow, fast], model("m", "u0", "u1", strategy='"latency"'))) as gateway:
            moment, standing = 1000.0, gateway.gateway.parts.gate.standing
            standing._clock = lambda: moment  # what is compared passes only here
            first = asyncio.create_task(who(gateway, "m"))
            asked = asyncio.create_task(slow.received())
            await asyncio.wait([first, asked], return_when=asyncio.FIRST_COMPLETED)
            second = asyncio.create_task(who(gateway, "m"))  # both were unknown: one call each
            await asyncio.wait_for(asyncio.gather(asked, fast.received()), 10)
            await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
            assert [await who(gateway, "m") for _ in range(3)] == ["by u1"] * 3, "one call is enough to find out"
            moment += 1
            late.set()
            assert {await first, await second} == {"by u0", "by u1"}
            slow.play(Answer(body=said("by u0")))
            assert [await who(gateway, "m") for _ in range(8)] == ["by u1"] * 8
            assert len(slow.requests) == 1
            figures = standing.figures
            assert figures(("u0", "m-at-u0")).first_event > figures(("u1", "m-at-u1")).first_event
            assert figures(("u0", "m-at-u0")).in_flight == figures(("u1", "m-at-u1")).in_flight == 0
            fast.play(DOWN)
            for _ in range(2):
                assert await who(gateway, "m") == "by u0"
            assert figures(("u1", "m-at-u1")).errors > 0, "failing fast is not being fast"
            tools = [{"type": "function", "function": {"name": "f"}}]
            fast.play(Answer(body=said("by u1")))
            assert await who(gateway, "m", tools=tools) == "by u0"


async def test_a_client_that_leaves_is_in_flight_no_more_and_tells_nothing(start):
    async with AsyncExitStack() as stack:
        [up] = await upstreams(stack, 1)
        up.play(Answer(body=[asyncio.Event()]))
        async with start(settings([up], model("m", "u0"))) as gateway:
            standing, place = gateway.gateway.parts.gate.standing, ("u0", "m-at-u0")
            asked = asyncio.create_task(who(gateway, "m"))
            received = await asyncio.wait_for(up.received(), 10)
            assert standing.figures(place).in_flight == 1
            asked.cancel()
            await asyncio.wait_for(received.gone.wait(), 10)
            await last_event(gateway)
            assert standing.figures(place) == Figures()


async def test_sticky_keeps_a_conversation_at_its_upstream(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 2)
        async with start(settings(ups, model("m", "u0", "u1", strategy='"sticky"'))) as gateway:

            async def turn(talk: int, *more: dict[str, str]) -> str:
                start = [{"role": "system", "content": "s"}, {"role": "user", "content": f"talk {talk}"}]
                return await who(gateway, "m", messages=[*start, *more])

            first = [await turn(talk) for talk in range(16)]
            assert set(first) == {"by u0", "by u1"}
            again = [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
            assert [await turn(talk, *again) for talk in range(16)] == first
            ups[0].play(BUSY)
            assert {await turn(talk) for talk in range(16)} == {"by u1"}
            assert len(ups[1].requests) == 2 * first.count("by u1") + 16


async def test_a_prompt_goes_where_it_fits(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 3)
        models = [
            model("m", "u0 context=1000", "u1 priority=1 context=3000", fallbacks='["large"]'),
            model("large", "u2", context="5000"),
        ]
        async with start(settings(ups, *models)) as gateway:

            async def ask(length: int) -> str:
                return await who(gateway, "m", messages=[{"role": "user", "content": "x" * length}])

            assert [await ask(length) for length in (100, 9000, 30000)] == ["by u0", "by u1", "by u2"]
            record = await last_event(gateway)
            assert [each[:4] for each in record["at"][:2]] == [
                ["u0", "m", "skipped", "context"],
                ["u1", "m", "skipped", "context"],
            ]
            messages = [{"role": "user", "content": "x" * 50000}]
            status, body = await gateway.ask({**CHAT, "model": "m", "messages": messages})
            assert status == 400
            check_envelope(body, 1002, "context_length_exceeded")
            assert [len(up.requests) for up in ups] == [1, 1, 1]


async def test_the_default_model_is_a_setting(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 2)
        top = '[defaults]\nmodel = "b"\n'
        async with start(settings(ups, model("a", "u0"), model("b", "u1"), top=top)) as gateway:
            status, body = await gateway.ask(CHAT)
            assert (status, body["choices"][0]["message"]["content"]) == (200, "by u1")


async def test_fallbacks_come_after_all_routes_of_the_model_and_never_for_its_content_policy(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 3)
        models = [model("m", "u0", "u1 priority=1", fallbacks='["other"]'), model("other", "u2")]
        async with start(settings(ups, *models)) as gateway:
            ups[0].play(DOWN)
            assert await who(gateway, "m") == "by u1"
            ups[1].play(BUSY)
            status, body = await gateway.ask({**CHAT, "model": "m"})
            assert (status, body["choices"][0]["message"]["content"]) == (200, "by u2")
            record = await last_event(gateway)
            assert (record["q"], record["m"], record["up"]) == ("m", "other", "u2")
            forgive(gateway)
            filtered = Answer(
                status=400, headers={"Content-Type": "application/json"}, body=problem("no", "content_filter")
            )
            ups[0].play(filtered)
            before = len(ups[2].requests)
            status, body = await gateway.ask({**CHAT, "model": "m"})
            assert (status, len(ups[2].requests)) == (400, before)
            check_envelope(body, 1002, "content_filter")


async def test_when_all_cool_down_the_soonest_is_told(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 2)
        async with start(settings(ups, model("m", "u0", "u1 priority=1"))) as gateway:
            ups[0].play(BUSY)
            ups[1].play(Answer(status=429, headers={"Retry-After": "12"}))
            hold_clock(gateway)
            for _ in range(2):
                async with gateway.post(body={**CHAT, "model": "m"}) as response:
                    assert (response.status, response.headers["Retry-After"]) == (503, "12")
                    check_envelope(await response.json(), 4001)
            assert [len(up.requests) for up in ups] == [1, 1], "the second request asked nobody"


async def test_one_request_does_not_ask_for_ever(start):
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 1)
        ups[0].play(DOWN)
        models = [model(f"m{at}", "u0") for at in range(20)]
        asked = model("m", "u0", fallbacks=str([f"m{at}" for at in range(20)]))
        async with start(settings(ups, asked, *models)) as gateway:
            assert await who(gateway, "m") == "4001"
            assert len(ups[0].requests) == 6


async def test_a_vendor_that_cannot_is_passed_over(start):
    refusing = '[plugin.rows.vendors.strict]\nlike = "vllm"\nrefuse = ["seed"]\n'
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 2)
        whole = settings(ups, model("m", "u0", "u1 priority=1"), top=refusing + MANY)
        whole = whole.replace('vendor = "vllm"', 'vendor = "strict"', 1)
        async with start(whole) as gateway:
            assert await who(gateway, "m") == "by u0"
            assert await who(gateway, "m", seed=5) == "by u1"
            record = await last_event(gateway)
            assert record["at"][0][:4] == ["u0", "m", "cannot", "unsupported"]
        only = settings(ups[:1], model("m", "u0"), top=refusing).replace('vendor = "vllm"', 'vendor = "strict"')
        async with start(only) as gateway:
            status, body = await gateway.ask({**CHAT, "model": "m", "seed": 5})
            assert (status, body["error"]["param"]) == (400, "seed")
            check_envelope(body, 1002)


async def test_a_bug_of_a_vendor_plugin_is_a_failed_upstream(start, tmp_path, claim_log):
    claim_log("tornadogw", "buggy")
    plugins = tmp_path / "plugins.d"
    plugins.mkdir(mode=0o700)
    path = plugins / "buggy.py"
    path.write_text(PLUGIN, encoding="utf-8")
    path.chmod(0o600)
    async with AsyncExitStack() as stack:
        ups = await upstreams(stack, 2)
        whole = settings(ups, model("m", "u0", "u1 priority=1")).replace('vendor = "vllm"', 'vendor = "buggy"', 1)
        async with start(whole) as gateway:
            for where in ("request", "failure", "read", "end"):
                ups[0].play(
                    DOWN if where == "failure" else Answer(body=b": only a comment" if where == "end" else said("x"))
                )
                assert await who(gateway, "m", user=where) == "by u1", where
                record = await last_event(gateway)
                assert record["at"][0][2:4] == ["elsewhere", "vendor_bug"], (where, record)


PLUGIN = """
from tornadogw import Failure, UpstreamRequest, Vendor, hookimpl


class Buggy(Vendor):
    name = "buggy"
    base_url = "http://127.0.0.1:9"

    def request(self, call, credential, now):
        self.where = call.draft.params.get("user")
        if self.where == "request":
            raise KeyError("internal detail")
        return UpstreamRequest(url=call.base_url + "/x", headers={}, body=b"{}")

    def failure(self, status, headers, body, now):
        raise KeyError("internal detail")

    def read(self, frame, memo):
        raise KeyError("internal detail")

    def end(self, memo):
        raise KeyError("internal detail")


@hookimpl
def gw_register_vendors(register):
    register(Buggy())
"""


async def test_a_refusal_by_content_policy_goes_to_nobody_else_unless_the_operator_says_so(start):
    refused = Answer(status=400, headers={"Content-Type": "application/json"}, body=problem("bad", "content_filter"))
    async with (
        FakeUpstream(refused) as strict,
        FakeUpstream(Answer(body=said("fine"))) as other,
        start(serving(strict.url, other.url)) as gateway,
    ):
        status, body = await gateway.ask({"model": "m", **CHAT})
        assert (status, body["error"]["code"], other.requests) == (400, "content_filter", [])
    async with (
        FakeUpstream(refused) as strict,
        FakeUpstream(Answer(body=said("fine")), refused) as other,
        start(serving(strict.url, other.url, model='content_filter = "reroute"')) as gateway,
    ):
        status, body = await gateway.ask({"model": "m", **CHAT})
        assert (status, body["choices"][0]["message"]["content"]) == (200, "fine")
        status, body = await gateway.ask({"model": "m", **CHAT})
        assert (status, body["error"]["code"], len(other.requests)) == (400, "content_filter", 2)
        assert len(strict.requests) == 2, "it was nobody's fault"
