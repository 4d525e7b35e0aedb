"""A stream that breaks off after the client has begun to read: somebody else goes on with it, or it ends in an error.

Never a word twice, never one too few, never `[DONE]` after a failure; the second start is not the client's to pay.
"""

from __future__ import annotations

import pytest

from tests.journeys.wire import (
    DONE,
    check_books,
    check_in_band,
    chunk,
    event,
    events_of,
    finishes,
    joined,
    last_event,
    model,
    problem,
    role,
    said,
    serving,
    text,
    usage,
)
from tests.running import CHAT
from tornadogw.testing import Answer, FakeUpstream

ASK = {"model": "m", "stream": True, **CHAT}
CUT = Answer(body=role() + text("Once ") + text("upon "))
OTHER = {"id": "up-2", "created": 1800000000, "model": "m-other"}
VENDORS = ["openai", "lmstudio"]
"""Raw and translated, neither of which goes on with an answer by itself."""


async def stream(gateway, body=ASK):
    async with gateway.post(body=body) as response:
        raw = await response.read()
        assert response.status == 200, raw
        assert response.headers["X-Gateway-Attempts"] == "1"
    return events_of(raw)


def check_whole(events, wanted):
    assert joined(events) == wanted
    assert (finishes(events), events[-1]) == (["stop"], "[DONE]")
    heads = {(each["id"], each["model"], each["created"]) for each in events[:-1]}
    assert heads == {("up-1", "m-real", 1700000000)}, "one answer has one head"


async def tries(gateway):
    """Upstream, outcome and reason of each attempt of the request made last."""
    return [(each[0], *each[2:4]) for each in (await last_event(gateway))["at"]]


@pytest.mark.parametrize("ending", ["clean", "eof", "reset", "hang", "error"])
@pytest.mark.parametrize("vendor", VENDORS)
async def test_another_route_goes_on_where_the_first_was_cut(start, vendor, ending):
    cut = Answer(body=[CUT.body], ending="clean" if ending == "error" else ending)
    if ending == "error":
        cut = Answer(body=[CUT.body, event({"error": {"message": "boom"}})])
    silence = "timeouts = { idle = 0.5 }\n" if ending == "hang" else ""
    async with (
        FakeUpstream(cut) as bad,
        FakeUpstream(Answer(body=said("Once u", "pon a ", "time", **OTHER))) as good,
        start(serving(bad.url, good.url, vendor=vendor, first=silence)) as gateway,
    ):
        check_whole(await stream(gateway), "Once upon a time")
        assert (len(bad.requests), len(good.requests)) == (1, 1)
        assert good.requests[0].json()["messages"] == CHAT["messages"]
        record = await last_event(gateway)
        assert (record["st"], record["up"], record["src"], record["o"]) == ("whole", "u0", "estimated", 4)
        assert record["c"] == record["i"] + record["o"]
        await check_books(gateway)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_another_answer_is_seen_at_once_and_not_shown(start, vendor):
    async with (
        FakeUpstream(CUT) as bad,
        FakeUpstream(Answer(body=[role(), text("Once more"), text("never"), DONE], ending="hang")) as other,
        start(serving(bad.url, other.url, vendor=vendor)) as gateway,
    ):
        events = await stream(gateway)
        assert joined(events) == "Once upon "
        check_in_band(events[-1], 4001)
        assert "[DONE]" not in events
        await other.requests[0].gone.wait()
        record = await last_event(gateway)
        assert (record["st"], record["o"], record["c"]) == ("cut", 3, record["i"] + 3)
        await check_books(gateway)


async def test_the_only_route_is_asked_once_more(start):
    async with (
        FakeUpstream(CUT, Answer(body=said("Once upon ", "a time", **OTHER))) as only,
        start(serving(only.url, vendor="openai")) as gateway,
    ):
        check_whole(await stream(gateway), "Once upon a time")
        assert len(only.requests) == 2


async def test_another_model_may_go_on(start):
    fallback = model("other", "u1")
    async with (
        FakeUpstream(CUT, CUT) as bad,
        FakeUpstream(Answer(body=said("Once upon ", "a time", **OTHER))) as good,
        start(
            f'[[upstreams]]\nname = "u0"\nvendor = "openai"\nbase_url = "{bad.url}"\nkeys = ["sk-up0"]\n'
            f'[[upstreams]]\nname = "u1"\nvendor = "openai"\nbase_url = "{good.url}"\nkeys = ["sk-up1"]\n'
            + model("m", "u0", fallbacks='["other"]')
            + fallback
        ) as gateway,
    ):
        check_whole(await stream(gateway), "Once upon a time")
        record = await last_event(gateway)
        assert (record["m"], record["up"]) == ("m", "u0")


async def test_one_that_breaks_off_as_well_is_gone_on_with(start):
    async with (
        FakeUpstream(CUT) as first,
        FakeUpstream(Answer(body=role() + text("Once upon a ti"))) as second,
        FakeUpstream(Answer(body=said("Once upon a time", "."))) as third,
        start(serving(first.url, second.url, third.url, vendor="openai")) as gateway,
    ):
        check_whole(await stream(gateway), "Once upon a time.")


async def test_a_model_that_can_goes_on_after_what_was_sent(start):
    """Only the rest comes; it is told that the last message is the answer's beginning, and how much of it is left."""
    async with (
        FakeUpstream(CUT) as bad,
        FakeUpstream(Answer(body=said(" a ", "time", **OTHER))) as good,
        start(serving(bad.url, good.url, vendor="vllm")) as gateway,
    ):
        check_whole(await stream(gateway, {**ASK, "max_tokens": 50}), "Once upon a time")
        asked = good.requests[0].json()
        assert asked["messages"] == [*CHAT["messages"], {"role": "assistant", "content": "Once upon"}]
        assert (asked["continue_final_message"], asked["add_generation_prompt"]) == (True, False)
        assert asked["max_tokens"] == 47
        assert "continue_final_message" not in bad.requests[0].json()
        record = await last_event(gateway)
        assert (record["st"], record["src"], record["o"]) == ("whole", "estimated", 4)
        await check_books(gateway)


async def test_a_model_that_says_the_beginning_again_says_it_to_us_alone(start):
    async with (
        FakeUpstream(CUT) as bad,
        FakeUpstream(Answer(body=said("Once upon", " a time", **OTHER))) as good,
        start(serving(bad.url, good.url, vendor="mistral")) as gateway,
    ):
        check_whole(await stream(gateway), "Once upon a time")
        assert good.requests[0].json()["messages"][-1] == {"role": "assistant", "content": "Once upon", "prefix": True}


async def test_one_that_refuses_to_go_on_is_asked_for_the_whole(start):
    refusal = Answer(status=400, body=problem("the last message must be from the user"))
    async with (
        FakeUpstream(CUT) as bad,
        FakeUpstream(refusal, Answer(body=said("Once upon a ", "time", **OTHER))) as good,
        start(serving(bad.url, good.url, vendor="vllm")) as gateway,
    ):
        check_whole(await stream(gateway), "Once upon a time")
        assert [len(each.json()["messages"]) for each in good.requests] == [2, 1]


async def test_a_prompt_is_gone_on_with_by_its_own_end(start):
    def piece(said, finish=None):
        return event(
            {
                "id": "up-1",
                "object": "text_completion",
                "created": 1700000000,
                "model": "m-real",
                "choices": [{"index": 0, "text": said, "finish_reason": finish, "logprobs": None}],
            }
        )

    async with (
        FakeUpstream(Answer(body=piece(" one, two,"))) as bad,
        FakeUpstream(Answer(body=piece(" three") + piece("", "stop") + usage() + DONE)) as good,
        start(serving(bad.url, good.url, vendor="vllm")) as gateway,
    ):
        events = await stream(gateway, {"model": "m", "stream": True, "prompt": "Count:"})
        assert joined(events, "text") == " one, two, three"
        assert events[-1] == "[DONE]"
        assert good.requests[0].json()["prompt"] == "Count: one, two,"


async def test_a_tool_call_goes_on_in_the_middle_of_its_arguments(start):
    def call(arguments, **first):
        function = {"arguments": arguments, **({"name": first.pop("name")} if first else {})}
        return chunk({"tool_calls": [{"index": 0, **first, "function": function}]})

    begun = role() + call("", id="c1", type="function", name="f") + call('{"city": "Pa')
    again = role() + call('{"city"', id="c9", type="function", name="f") + call(': "Paris"}')
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    async with (
        FakeUpstream(Answer(body=begun)) as bad,
        FakeUpstream(Answer(body=again + chunk(finish="tool_calls") + usage() + DONE)) as good,
        start(serving(bad.url, good.url, vendor="vllm")) as gateway,
    ):
        events = await stream(gateway, {**ASK, "tools": tools})
        assert (finishes(events), events[-1]) == (["tool_calls"], "[DONE]")
        pieces = [each for event in events[:-1] for each in event["choices"][0]["delta"].get("tool_calls", ())]
        assert [each["id"] for each in pieces if "id" in each] == ["c1"]
        assert "".join(each["function"]["arguments"] for each in pieces) == '{"city": "Paris"}'
        assert "continue_final_message" not in good.requests[0].json()


async def test_what_is_the_requests_fault_ends_it(start):
    filtered = Answer(body=[CUT.body, event({"error": {"message": "bad words", "code": "content_filter"}})])
    async with (
        FakeUpstream(filtered) as bad,
        FakeUpstream(Answer(body=said("Once upon a time"))) as good,
        start(serving(bad.url, good.url, vendor="openai")) as gateway,
    ):
        events = await stream(gateway)
        assert joined(events) == "Once upon "
        check_in_band(events[-1], 1002)
        assert good.requests == []


async def test_an_answer_of_several_choices_ends_with_an_error(start):
    async with (
        FakeUpstream(Answer(body=role() + text("a") + chunk({"content": "b"}, index=1))) as bad,
        FakeUpstream(Answer(body=said("a"))) as good,
        start(serving(bad.url, good.url, vendor="vllm")) as gateway,
    ):
        events = await stream(gateway, {**ASK, "n": 2})
        check_in_band(events[-1], 4001)
        assert good.requests == []


async def test_why_it_took_two_is_in_the_record(start):
    async with (
        FakeUpstream(CUT) as bad,
        FakeUpstream(Answer(body=said("Once upon a time"))) as good,
        start(serving(bad.url, good.url, vendor="openai")) as gateway,
    ):
        await stream(gateway)
        assert await tries(gateway) == [("u0", "elsewhere", "truncated"), ("u1", "ok", "resumed")]
