"""Recorded bytes of every chat-dialect vendor through the whole gateway, cut at odd places: a client reads them right.

What is right is read from the recorded body, naively (tests/vendors/oracle.py), apart from the gateway's own reading.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import msgspec
import pytest

from tests.journeys import replay
from tests.journeys.wire import check_books, check_in_band, events_of, forgive
from tests.running import running
from tests.shared import ROOT
from tests.threaded import Threaded, in_thread
from tests.vendors import oracle
from tornadogw.testing.recordings import Recording, find_recordings

RECORDINGS = oracle.recordings()
PER_MESSAGE, PER_IMAGE = 16, 50_000


def fails_inside(recording: Recording) -> bool:
    """The vendor said 200 and told an error."""
    return recording.status == 200 and re.search(rb'"error"\s*:\s*[{"\[]', recording.body) is not None


GOOD = [each for each in RECORDINGS if each.status == 200 and not fails_inside(each)]
STREAMS = [each for each in GOOD if oracle.is_stream(each)]
BROKEN = [each for each in RECORDINGS if fails_inside(each) and oracle.is_stream(each)]
REFUSED = [each for each in RECORDINGS if each not in GOOD and each not in BROKEN]


def every(recordings: list[Recording]) -> Any:
    return pytest.mark.parametrize("recording", recordings, ids=str)


@pytest.fixture(scope="module")
def replayed(mongod, tmp_path_factory) -> Iterator[Threaded]:
    """One gateway with a model for each recording. At the end its books must be right."""
    folder = tmp_path_factory.mktemp("replayed")
    with replay.replaying(find_recordings(ROOT, os.environ)) as address:
        settings = replay.settings(address, RECORDINGS)
        with in_thread(running(mongod.url, folder, settings, credit="1000")) as threaded:
            yield threaded
            threaded.call(check_books(threaded.gateway))


def ask(replayed: Threaded, recording: Recording, *, stream: bool, **more: Any) -> tuple[int, bytes, Any]:
    """Status and body of one request, and its usage event (None: nothing was charged)."""
    gateway, name = replayed.gateway, f"{recording.vendor}-{recording.name}-{'stream' if stream else 'json'}"
    forgive(gateway)

    async def call() -> tuple[int, bytes, Any]:
        body = replay.asked(recording, stream=stream) | more
        async with gateway.post(body=body, headers={"X-Request-Id": name}) as response:
            raw = await response.read()
        events = {each["r"]: each for each in await gateway.events()}
        return response.status, raw, events.get(name)

    return replayed.call(call())


def check_said(recording: Recording, choices: dict[int, oracle.Told]) -> None:
    right, _ = oracle.expected(recording)
    assert choices.keys() == right.keys()
    for index, told in choices.items():
        wanted = right[index]
        assert oracle.same_calls(wanted.tools, told.tools)
        assert (told.text, told.reasoning, told.refusal, told.finish) == (
            wanted.text,
            wanted.reasoning,
            wanted.refusal,
            wanted.finish,
        )


def check_usage(recording: Recording, shown: dict[str, Any], event: Any, sent: int) -> None:
    """What the client reads is what was charged: the vendor's word, unless more than `sent` bytes can be."""
    prompt, completion = shown["prompt_tokens"], shown["completion_tokens"]
    assert shown["total_tokens"] == prompt + completion
    assert (event["i"], event["o"], event["c"]) == (prompt, completion, prompt + completion)
    _, reported = oracle.expected(recording)
    if reported is None:
        assert event["src"] == "estimated"
    elif event["src"] == "reported":
        assert (prompt, completion) == reported
    else:
        assert event["src"] == "disputed"
        assert completion == reported[1]
        assert prompt < reported[0]
        assert reported[0] > sent, "the vendor added to the prompt what nobody sent"


@every(GOOD)
def test_a_stream_says_what_was_recorded(replayed, recording):
    status, raw, event = ask(replayed, recording, stream=True)
    assert status == 200, raw
    assert raw.endswith(b"\n\ndata: [DONE]\n\n")
    choices, head, last = replay.heard_stream(raw)
    check_said(recording, choices)
    assert head["object"] == (
        "text_completion" if recording.vendor == "openai-completions" else "chat.completion.chunk"
    )
    assert head["model"] == replay.shown_model(recording)
    assert last["choices"] == []
    assert head.items() <= last.items()
    check_usage(recording, last["usage"], event, most_tokens(recording, stream=True))


@every(GOOD)
def test_a_json_answer_says_what_was_recorded(replayed, recording):
    status, raw, event = ask(replayed, recording, stream=False)
    assert status == 200, raw
    answer = json.loads(raw)
    check_said(recording, replay.heard_json(answer))
    assert answer["object"] == ("text_completion" if recording.vendor == "openai-completions" else "chat.completion")
    assert answer["model"] == replay.shown_model(recording)
    check_usage(recording, answer["usage"], event, most_tokens(recording, stream=False))


def most_tokens(recording: Recording, *, stream: bool) -> int:
    """No prompt has more tokens than it has bytes, and what images and a chat template add."""
    body = replay.asked(recording, stream=stream)
    sent = msgspec.json.encode(body)
    return len(sent) + PER_MESSAGE * len(body.get("messages", "1")) + PER_IMAGE * sent.count(b'"image_url":{')


@every(STREAMS)
def test_usage_is_a_chunk_only_for_those_who_ask(replayed, recording):
    status, raw, event = ask(replayed, recording, stream=True, stream_options=None)
    assert status == 200
    *chunks, done = events_of(raw)
    assert done == "[DONE]"
    assert all(chunk["choices"] and not chunk.get("usage") for chunk in chunks)
    assert event["i"] > 0


@every([each for each in STREAMS if isinstance(each.request, dict)])
def test_a_row_finds_the_vendors_own_path(replayed, recording):
    status, raw, _ = ask(replayed, recording, stream=True, model=f"own:{recording}")
    assert status == 200, raw
    check_said(recording, replay.heard_stream(raw)[0])


# --- errors ----------------------------------------------------------------------------------------------------------


def told_by_contract(recording: Recording) -> tuple[int, int, str]:
    """Status, code and `error.code` for a recorded refusal, by vendor-wire.md section 4 and contract.md."""
    said = recording.body.decode().lower()
    nobody = (503, 4001, "no_upstream")
    pictures = re.search(r'"url":\s*"http', json.dumps(recording.request)) is not None
    if pictures and not oracle.engine(recording).traits(recording.model).image_urls:
        return 400, 1002, "invalid_request"  # an engine of the operator's own is never sent an address to fetch
    if recording.status not in (200, 400, 413, 422) or re.search(
        "tool_use_failed|invalid.model|incorrect api key", said
    ):
        return nobody
    if re.search("context (length|size)|too long|too_many_prompt_tokens", said):
        return 400, 1002, "context_length_exceeded"
    if re.search("content_filter|content management policy|data_inspection_failed", said):
        return 400, 1002, "content_filter"
    return 400, 1002, "invalid_request"


@every(REFUSED)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
def test_a_refusal_is_told_in_the_contracts_words(replayed, recording, stream, claim_log):
    if recording.status == HTTPStatus.UNAUTHORIZED:
        claim_log("tornadogw.health", "is disabled")
    status, raw, event = ask(replayed, recording, stream=stream)
    wanted = told_by_contract(recording)
    body = json.loads(raw)
    assert (status, body["code"], body["error"]["code"]) == wanted
    assert list(body) == ["code", "message", "data", "error"]
    assert body["message"] == body["error"]["message"]
    assert event is None
    assert b"sk-" not in raw
    assert b"replay" not in raw
    assert b"http" not in raw.replace(recording.name.encode(), b"")


@every(BROKEN)
def test_an_error_inside_a_stream(replayed, recording):
    status, raw, event = ask(replayed, recording, stream=True)
    assert status == 200
    choices, _, last = replay.heard_stream(raw)
    check_in_band(last, 4001)
    assert choices[0].finish is None
    assert len(choices[0].text + choices[0].reasoning) > 0
    assert (event["c"], event["src"]) == (event["i"] + event["o"], "estimated")
    status, raw, event = ask(replayed, recording, stream=False)
    assert (status, json.loads(raw)["code"], event) == (503, 4001, None)
