"""The suite's rules about requests. Each check gives its complaints, a sentence each; none: the rule holds."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tornadogw.dialects.chat_fold import Fold
from tornadogw.dialects.chat_render import Identity
from tornadogw.errors import Cannot
from tornadogw.jsontext import dumps
from tornadogw.testing.material import Golden, Sample, draft_of, nodes, strings
from tornadogw.testing.reading import frames_of, read_all
from tornadogw.types import Call, Draft, Event, ToolCall, UpstreamRequest, Usage
from tornadogw.vendor import Vendor

__all__ = ["HELLO", "PROBES", "asking", "call_unchanged", "extras", "never_silent", "requests"]

Make = Callable[[Draft], Call]
Write = Callable[[Call], UpstreamRequest]

LIMITS = ("max_tokens", "max_completion_tokens")
ADDED = (*LIMITS, "stream", "stream_options", "stream_options.include_usage")
"""What the gateway always says, whether or not the client did."""

TOOL = {"type": "function", "function": {"name": "probe", "parameters": {"type": "object", "properties": {}}}}
PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAA"
    "AfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SCHEMA = {"name": "probe", "schema": {"type": "object", "properties": {"probe": {"type": "string"}}}}
HELLO = {"role": "user", "content": "Hello"}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "call_probe1", "type": "function", "function": {"name": "probe", "arguments": '{"a": 1}'}}],
}

KNOWN = frozenset({"role", "content", "tool_calls", "id", "type", "function", "name", "arguments", "refusal"})
"""What every client's SDK knows of an assistant message."""

PROBES: Mapping[str, Mapping[str, Any]] = {
    "temperature": {"temperature": 0.25},
    "top_p": {"top_p": 0.25},
    "stop": {"stop": ["probe"]},
    "seed": {"seed": 7},
    "n": {"n": 2},
    "user": {"user": "probe-1"},
    "presence_penalty": {"presence_penalty": 0.5},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "logit_bias": {"logit_bias": {"1": 1}},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "tools": {"tools": [TOOL]},
    "tool_choice": {"tools": [TOOL], "tool_choice": "required"},
    "tool_choice, named": {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "probe"}}},
    "parallel_tool_calls": {"tools": [TOOL], "parallel_tool_calls": False},
    "response_format, json_object": {"response_format": {"type": "json_object"}},
    "response_format, json_schema": {"response_format": {"type": "json_schema", "json_schema": SCHEMA}},
    "reasoning_effort": {"reasoning_effort": "high"},
    "unheard_of": {"unheard_of": "probe"},
    "messages, system": {"messages": [{"role": "system", "content": "Be a probe"}, HELLO]},
    "messages, image": {
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}]
    },
    "messages, image address": {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://pictures.example/1.png"}}]}
        ]
    },
    "messages, unheard_of part": {"messages": [{"role": "user", "content": [{"type": "unheard_of", "x": "probe"}]}]},
    "messages, tool loop": {
        "tools": [TOOL],
        "messages": [HELLO, CALLED, {"role": "tool", "tool_call_id": "call_probe1", "content": "probe"}],
    },
}
"""What a client may add to the plainest request."""
NEEDED = {"tool_choice": "tools", "tool_choice, named": "tools", "parallel_tool_calls": "tools"}
"""Probes that mean nothing alone are compared with another probe."""


def asking(probe: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A client's body."""
    return {"model": model, "messages": [HELLO], **probe}


# --- goldens ---------------------------------------------------------------------------------------------------------


def requests(
    write: Write, goldens: Sequence[tuple[Golden, Call]], differs: Mapping[str, str], refuses: Mapping[str, str]
) -> Iterator[str]:
    """`differs`: paths that may differ, with the reason; `refuses`: goldens that are refused, and the parameter."""
    used: set[str] = set()
    for golden, call in goldens:
        refused = refuses.get(golden.name)
        try:
            request = write(call)
        except Cannot as error:
            if error.param != refused:
                yield f"{golden.name}: refused: {error}"
            continue
        if refused is not None:
            yield f"{golden.name}: {refused} is not refused"
            continue
        try:
            sent = json.loads(request.body)
        except ValueError:
            yield f"{golden.name}: the body is no JSON"
            continue
        found = list(differences(_without_nulls(golden.body), _without_nulls(sent)))
        found += list(_elsewhere(golden.path, request.url))
        for path, what in found:
            allowed = [pattern for pattern in differs if fnmatchcase(path, pattern)]
            used |= set(allowed)
            told = path.split(".")[0] in request.dropped or path in request.dropped
            if not allowed and not told and not _the_gateways(path, golden.body, sent, call):
                yield f"{golden.name}: {path} {what}"
    yield from (f"`{pattern}` may differ, and nothing does" for pattern in differs if pattern not in used)


def _the_gateways(path: str, recorded: Mapping[str, Any], sent: Mapping[str, Any], call: Call) -> bool:
    """The output limit, by either name, and what the gateway adds to every request."""
    if path in LIMITS:
        return call.max_tokens in [sent.get(name) for name in LIMITS]
    return path in ADDED and path.split(".", maxsplit=1)[0] not in recorded


def _elsewhere(path: str, url: str) -> Iterator[tuple[str, str]]:
    if not path:
        return
    right, told = urlsplit(path), urlsplit(url)
    if unquote(right.path) != unquote(told.path):
        yield "path", f"is {told.path}, not {right.path}"
    if sorted(parse_qsl(right.query, keep_blank_values=True)) != sorted(parse_qsl(told.query, keep_blank_values=True)):
        yield "query", f"is {told.query!r}, not {right.query!r}"


def differences(right: Any, told: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Where two JSON values differ: (path with dots, what is there instead)."""
    if isinstance(right, dict) and isinstance(told, dict):
        for key in [*right, *(key for key in told if key not in right)]:
            inner = f"{path}.{key}" if path else str(key)
            if key not in told:
                yield inner, f"is missing (it was {right[key]!r:.80})"
            elif key not in right:
                yield inner, f"was not sent ({told[key]!r:.80})"
            else:
                yield from differences(right[key], told[key], inner)
    elif isinstance(right, list) and isinstance(told, list) and len(right) == len(told):
        for place, (one, other) in enumerate(zip(right, told, strict=True)):
            yield from differences(one, other, f"{path}.{place}")
    elif right != told or isinstance(right, bool) != isinstance(told, bool):
        yield path, f"is {told!r:.80}, not {right!r:.80}"


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list | tuple) else value


# --- never silent, never changed -------------------------------------------------------------------------------------


def never_silent(write: Write, make: Make, model: str) -> Iterator[str]:
    for name, probe in PROBES.items():
        without = PROBES.get(NEEDED.get(name, ""), {})
        drafts = [draft for body in (without, probe) if (draft := draft_of(asking(body, model))) is not None]
        try:
            plain, request = (write(make(draft)) for draft in drafts)
        except Cannot as error:
            if not _names(error.param, probe):
                yield f"{name}: refused by the name `{error.param}`"
            continue
        named = any(_names(dropped, probe) for dropped in request.dropped)
        if (plain.url, plain.body) == (request.url, request.body) and not named:
            yield f"{name}: left out without a word"


def _names(param: str, probe: Mapping[str, Any]) -> bool:
    """Whether a name, perhaps with a path inside, is one of the probe's."""
    return any(param == key or param.startswith((f"{key}.", f"{key}[")) for key in (*probe, "top_logprobs"))


def call_unchanged(write: Write, make: Make, model: str, drafts: Sequence[Draft]) -> Iterator[str]:
    probes = [draft_of(asking(probe, model)) for probe in PROBES.values()]
    for draft in [*drafts, *(draft for draft in probes if draft is not None)]:
        call = make(draft)
        before = copy.deepcopy(call)
        results: list[UpstreamRequest | str] = []
        for _ in range(2):
            try:
                results.append(write(call))
            except Cannot as error:
                results.append(str(error))
        if call != before:
            yield f"the call of {list(draft.params) or 'the plainest draft'} was changed"
        if results[0] != results[1]:
            yield f"the call of {list(draft.params) or 'the plainest draft'} gives another request the second time"


# --- what must come back ---------------------------------------------------------------------------------------------


def extras(
    vendor: Vendor, write: Write, make: Make, samples: Sequence[Sample], opaque: Sequence[str], *, plain: bool = False
) -> Iterator[str]:
    """Texts of the fields `opaque` in answers that call tools are in the request that brings the tools' results.

    `plain`: also if the client sends back only what its SDK knows of a message.
    """
    looked = 0
    for sample in samples:
        frames = frames_of(vendor, sample.call, [sample.body])
        owed = {text for frame in frames for name, text in strings(frame.data) if name in opaque and text}
        events = read_all(vendor, sample.call, [sample.body])
        if not owed or not any(isinstance(event, ToolCall) for event in events):
            continue
        looked += 1
        for kept, how in ((None, ""), (KNOWN, " with a client that keeps only what it knows"))[: 1 + plain]:
            draft = continued(events, sample, kept)
            if draft is None:
                yield f"{sample.name}: the gateway refuses the answer as a message"
                continue
            sent = json.loads(write(make(draft)).body)
            there = [text for _, text in nodes(sent) if isinstance(text, str)]
            lost = sorted(text for text in owed if not any(text in other for other in there))
            if lost:
                yield f"{sample.name}: lost {lost[0]!r:.60}{how}"
    if not looked:
        yield f"no answer calls a tool and holds one of {', '.join(opaque) or 'nothing: name the fields in `opaque`'}"


def _pruned(value: Any, kept: frozenset[str]) -> Any:
    """Without the members that a client does not know, at any depth."""
    if isinstance(value, dict):
        return {key: _pruned(inner, kept) for key, inner in value.items() if key in kept}
    return [_pruned(inner, kept) for inner in value] if isinstance(value, list) else value


def continued(events: Sequence[Any], sample: Sample, kept: frozenset[str] | None = None) -> Draft | None:
    """The draft of a client that sends an answer back, with a result for each of its calls."""
    fold = Fold("chat")
    fold.take([event for event in events if isinstance(event, Event)])
    message = json.loads(fold.body(Identity("1", 1, sample.call.model), Usage()))["choices"][0]["message"]
    if kept is not None:
        message = _pruned(message, kept)
    calls = message.get("tool_calls", [])
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in calls]
    names = dict.fromkeys(call["function"]["name"] for call in calls)
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in names]
    body = {"model": sample.call.model, "messages": [HELLO, message, *results], "tools": tools}
    return draft_of(json.loads(dumps(body)))
