"""Recorded answers of every chat-dialect vendor through the engine: right, however cut, and truncation is seen."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.vendors import oracle
from tests.vendors.recorded_errors import ERRORS
from tornadogw.errors import Cannot
from tornadogw.testing import read_all
from tornadogw.testing.recordings import Recording
from tornadogw.types import Call, Credential, Draft, Failure

RECORDINGS = oracle.recordings()
IN_STREAM_ERRORS = {"groq/01-stream-reasoning-instreamerror": ("elsewhere", "tool_use_failed", 400)}
GOOD = [r for r in RECORDINGS if r.status == 200 and str(r) not in IN_STREAM_ERRORS]
STREAMS = [r for r in GOOD if oracle.is_stream(r)]
ASKED = [r for r in RECORDINGS if r.status == 200 and isinstance(r.request, dict)]


def every(recordings: list[Recording]) -> Any:
    return pytest.mark.parametrize("recording", recordings, ids=str)


def read(recording: Recording, parts: list[bytes]) -> list[Any]:
    return read_all(oracle.engine(recording), oracle.call(recording), parts)


@every(GOOD)
def test_an_answer_is_read_right_and_stops_once_a_choice(recording):
    choices, usage, failures = oracle.folded(read(recording, [recording.body]))
    expected, tokens = oracle.expected(recording)
    assert failures == []
    assert usage == tokens
    assert choices.keys() == expected.keys()
    for index, told in choices.items():
        right = expected[index]
        assert (told.text, told.reasoning, told.refusal) == (right.text, right.reasoning, right.refusal)
        assert oracle.same_calls(right.tools, told.tools)
        assert told.finish == right.finish


@every([r for r in RECORDINGS if r.status == 200])
def test_the_events_are_the_same_however_the_bytes_are_cut(recording):
    whole = read(recording, [recording.body])
    assert read(recording, oracle.pieces(recording.body)) == whole
    if len(recording.body) < 6000:
        assert read(recording, oracle.pieces(recording.body, [1])) == whole


@every([r for r in RECORDINGS if str(r) in IN_STREAM_ERRORS])
def test_an_error_inside_a_stream_is_a_failure_after_what_came_before(recording):
    events = read(recording, [recording.body])
    kind, code, status = IN_STREAM_ERRORS[str(recording)]
    assert isinstance(events[-1], Failure)
    assert (events[-1].kind, events[-1].code, events[-1].status) == (kind, code, status)
    choices, _, failures = oracle.folded(events)
    assert len(failures) == 1
    assert choices[0].finish is None
    assert len(choices[0].reasoning) > 100


@every([r for r in RECORDINGS if r.status != 200])
def test_an_error_is_classified_as_the_table_says(recording):
    failure = oracle.engine(recording).failure(recording.status, recording.headers, recording.body, 1_790_000_000.0)
    if str(recording) in ERRORS:
        assert (failure.kind, failure.scope, failure.seconds) == ERRORS[str(recording)]
    assert failure.status == recording.status
    assert failure.message
    assert failure.code


# --- truncation ------------------------------------------------------------------------------------------------------


def end_of_answer(recording: Recording) -> int:
    """The byte after the JSON with which every choice seen has its finish reason."""
    seen: set[int] = set()
    finished: set[int] = set()
    at = 0
    for line in recording.body.splitlines(keepends=True):
        at += len(line)
        if not line.startswith(b"data:") or b"[DONE]" in line:
            continue
        for choice in json.loads(line[5:]).get("choices", []):
            seen.add(choice["index"])
            if choice.get("finish_reason"):
                finished.add(choice["index"])
        if seen and seen == finished:
            return at - (len(line) - len(line.rstrip()))
    raise AssertionError("the recording has no end")


@every(STREAMS)
def test_a_stream_that_ends_too_early_is_a_failure(recording):
    end = end_of_answer(recording)
    body = recording.body
    places = {*range(0, end, max(1, end // 60)), *range(max(0, end - 40), end)}
    for place in sorted(places):
        events = read(recording, [body[:place]])
        failures = [event for event in events if isinstance(event, Failure)]
        assert [failure.kind for failure in failures] == ["elsewhere"], f"cut at byte {place} of {end}"
        assert failures[0].code in {"truncated", "empty"}
    for place in {end, end + 1, (end + len(body)) // 2, len(body) - 1}:
        assert not [event for event in read(recording, [body[:place]]) if isinstance(event, Failure)], place


# --- raw rows --------------------------------------------------------------------------------------------------------


def why_not_raw(recording: Recording) -> str:
    """Why events of this stream could not pass unparsed; empty: they can."""
    if b"\r" in recording.body:
        return "line ends"
    chunks = [chunk for chunk in oracle.data_of(recording.body) if "error" not in chunk]  # the relay reads errors
    for chunk in chunks:
        if not all(chunk.get(name) for name in ("id", "object", "model")) or not isinstance(chunk.get("created"), int):
            return "a chunk without id, object, model or created"
    names = {(chunk["id"], chunk["model"]) for chunk in chunks}
    if len(names) != 1 or next(iter(names))[1].count("/") > 1:
        return "changing ids or models, or a path for a model"
    finished: set[int] = set()
    reasons = [why_no_choice(choice, finished) for chunk in chunks for choice in chunk["choices"]]
    return next((reason for reason in reasons if reason), "")


def why_no_choice(choice: dict[str, Any], finished: set[int]) -> str:
    if "index" not in choice or "finish_reason" not in choice or "message" in choice:
        return "a choice without index or finish_reason, or with the whole message"
    if choice["index"] in finished:
        return "something after the finish reason"
    finished |= {choice["index"]} if choice["finish_reason"] else set()
    delta = choice.get("delta") or {}
    if any("index" not in call or call.get("id") == "" for call in delta.get("tool_calls") or ()):
        return "a tool call without index, or with an empty id"
    content = delta.get("content") or ""
    return "reasoning in the text" if isinstance(content, list) or content.lstrip().startswith("<think") else ""


def test_raw_rows_are_proved_by_their_recordings():
    raw = [
        recording
        for recording in RECORDINGS
        if recording.status == 200
        and oracle.is_stream(recording)
        and oracle.engine(recording).traits(recording.model).relay == "raw"
    ]
    assert {str(recording): reason for recording in raw if (reason := why_not_raw(recording))} == {}
    by_row = {oracle.engine(recording).name for recording in raw}
    claimed = {name for name, engine in oracle.ENGINES.items() if engine.traits("any").relay == "raw"}
    assert claimed <= by_row, "a row is raw without a stream to prove it"
    assert by_row == {"openai", "deepseek", "groq"}
    proof = {str(recording): why_not_raw(recording) for recording in STREAMS}
    assert proof["perplexity/04-stream"], "the proof must be able to fail"
    assert proof["groq/09-stream-reasoning"] == "changing ids or models, or a path for a model"
    assert proof["azure/06-stream"] == "a chunk without id, object, model or created"


# --- requests --------------------------------------------------------------------------------------------------------

LIMITS = ("max_tokens", "max_completion_tokens")
BASES = {"azure": "https://res.openai.azure.com", "huggingface": "https://router.huggingface.co/together/v1"}


def recorded_body(recording: Recording) -> dict[str, Any]:
    """As it was sent, without nulls; where the deployment is in the address, the model may be missing."""
    body = {key: value for key, value in copy.deepcopy(recording.request).items() if value is not None}
    return {"model": recording.model} | body


def asked(recording: Recording) -> Call:
    """The call that would make this request."""
    body = recorded_body(recording)
    mode = "completion" if "prompt" in body else "chat"
    limit = next((body[name] for name in LIMITS if name in body), None)
    special = {*LIMITS, "model", "messages", "prompt", "stream", "stream_options", "temperature"}
    draft = Draft(
        mode,
        body["model"],
        messages=body.get("messages", ()),
        prompts=(body["prompt"],) if mode == "completion" else (),
        params={key: value for key, value in body.items() if key not in special},
        max_tokens=limit,
        temperature=body.get("temperature"),
    )
    options = {}
    base = BASES.get(recording.vendor, "")
    if recording.vendor == "azure":
        options["api_version"] = recording.path.split("api-version=")[1]
        base = "https://res.services.ai.azure.com" if recording.path.startswith("/models/") else base
    stream = body.get("stream", False)
    return Call(
        "request-1", draft, body["model"], base, options, stream, limit or 1000, temperature=body.get("temperature")
    )


@every(ASKED)
def test_a_request_is_written_as_the_vendors_own_client_wrote_it(recording):
    call = asked(recording)
    if any(":" in tool.get("type", "") for tool in call.draft.params.get("tools", ())):
        with pytest.raises(Cannot):  # a paid tool of the vendor's own
            oracle.engine(recording).request(call, Credential("k", "sk-1"), 0.0)
        return
    request = oracle.engine(recording).request(call, Credential("k", "sk-1"), 0.0)
    written = json.loads(request.body)
    recorded = recorded_body(recording)
    address = urlsplit(request.url)
    assert recording.path == address.path + (f"?{address.query}" if address.query else "")
    limits = [name for name in LIMITS if name in written]
    assert len(limits) == 1
    assert written[limits[0]] == call.max_tokens
    assert (written.pop("stream_options", None) is not None) <= call.stream
    assert written["stream"] is call.stream
    for message in recorded.get("messages", ()):
        if message["role"] == "developer" and recording.vendor not in {"openai", "openrouter"}:
            message["role"] = "system"
        if "reasoning_content" in message:
            message.pop("reasoning", None)  # some clients send the same text twice
    left_out = {*LIMITS, "stream", "stream_options", *request.dropped}
    left_out |= {"n"} if recorded.get("n") == 1 else set()
    right = {key: value for key, value in recorded.items() if key not in left_out}
    assert {key: value for key, value in written.items() if key not in left_out} == right
