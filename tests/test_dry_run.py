"""What would become of a request: the router's own words, without a call. Against a gateway that runs."""

from __future__ import annotations

from tests.journeys.wire import model, serving
from tests.running import Running
from tornadogw.dry_run import Dry, ask_for, caller_of, dry_run
from tornadogw.store.ports import ApiKey
from tornadogw.types import Caller, Failure

ANYBODY = Caller("", "")


def told(dry: Dry) -> list[tuple[int | None, str, str, str]]:
    return [(each.order, each.upstream, each.model, each.reason) for each in dry.places]


async def test_where_a_request_would_go_and_why(start, claim_log):
    claim_log("tornadogw.health", "is disabled")
    other = model("n", "u0", context="50", capabilities='["tools"]') + model("words", "u1", modes='["completion"]')
    urls = ("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
    text = serving(*urls, model='fallbacks = ["n"]\n' + other)
    async with start(text) as gateway:
        gate = gateway.gateway.parts.gate

        def run(name: str, caller: Caller = ANYBODY, **more: object) -> Dry:
            return dry_run(gate, caller, ask_for(name, **more))

        well = run("m", prompt_tokens=10, max_tokens=5)
        assert told(well) == [(1, "u0", "m", ""), (2, "u1", "m", ""), (3, "u2", "m", ""), (4, "u0", "n", "")]
        assert (well.first.upstream, well.first.priority, well.first.upstream_model) == ("u0", 0, "m-up")
        assert well.first.bound > 0
        assert [each[3] for each in told(run("m", needs=["images"]))] == ["", "", "", "cannot: images"]
        assert [each[3] for each in told(run("m", prompt_tokens=100_000))] == ["", "", "", "context"]
        health = gate.health
        health.enter(upstream="u0", credential="u0#1", model="m-up").failed(Failure("disable", "key", code="x"))
        health.enter(upstream="u1", credential="u1#1", model="m-up").failed(
            Failure("cool", "upstream+model", seconds=60.0)
        )
        ill = run("m")
        assert told(ill) == [
            (1, "u0", "m", "disabled"),
            (2, "u1", "m", "cooling down"),
            (3, "u2", "m", ""),
            (4, "u0", "n", "disabled"),
        ]
        assert ill.first.upstream == "u2"
        narrow = caller_of(ApiKey("k", "a", models=("words",)))
        assert caller_of(ApiKey("k", "a")) == Caller("a", "k")
        assert (run("m", narrow).error.code, run("m", narrow).first) == (1003, None)
        assert run("nobody").error.code == 1003
        assert run("words").error is not None
        assert told(run("words", mode="completion")) == [(1, "u1", "words", "")]
        assert {each[2] for each in told(run("auto", narrow, mode="completion")) if each[0]} == {"words"}
        assert _untouched(gateway)


def _untouched(gateway: Running) -> bool:
    """Nobody was asked, and nothing stands in the books."""
    return not gateway.gateway.parts.gate.standing.figures(("u0", "m-up")).in_flight
