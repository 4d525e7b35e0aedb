"""A small vendor that keeps every rule of the conformance suite, and its suite: tests break one thing at a time."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from tornadogw.errors import Cannot, Unreadable
from tornadogw.testing import Golden, VendorSuite
from tornadogw.types import Extra, Failure, Meta, Spent, Stop, Text, ToolCall, UpstreamRequest, Usage
from tornadogw.vendor import Memo, Vendor
from tornadogw.vendors.chat_wait import wait_told

KINDS = {400: "client", 422: "client", 401: "disable", 402: "disable", 404: "cannot", 429: "cool"}


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)


HELLO = (
    {"id": "a1", "model": "toy-1", "used": [1, 0]},
    {"word": "Hi"},
    {"word": " y\u00f6u"},
    {"sign": "c2lnbmF0dXJlLTE="},
    {"call": ["look", "{}"]},
    {"used": [3, 2], "done": "stop"},
)


class Toy(Vendor):
    name = "toy"
    base_url = "https://toy.example"

    def request(self, call, credential, now):
        turns = []
        for number, message in enumerate(call.draft.messages):
            if not isinstance(message.get("content") or "", str):
                raise Cannot(f"messages[{number}].content", "text only")
            kept = {name: message[name] for name in ("tool_calls", "tool_call_id", "signs") if name in message}
            turns.append({"by": message["role"], "text": message.get("content"), **kept})
        if not turns:
            raise Cannot("messages", "chat only")
        body = {"model": call.model, "limit": call.max_tokens, "stream": call.stream, "turns": turns}
        if call.temperature is not None:
            body["warmth"] = call.temperature
        if tools := call.draft.params.get("tools"):
            body["tools"] = tools
        dropped = tuple(name for name in call.draft.params if name != "tools")
        headers = {"content-type": "application/json", "toy-key": credential.secret}
        return UpstreamRequest(f"{call.base_url}/talk", headers, json.dumps(body).encode(), dropped=dropped)

    def memo(self, call):
        memo = Memo(call)
        memo.calls = 0
        return memo

    def parse(self, data):
        try:
            said = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Unreadable(str(error)) from error
        return said

    def read(self, frame, memo):
        said = self.parse(frame.data)
        if not isinstance(said, dict):
            raise Unreadable("no object")
        return list(self.events(said, memo))

    def events(self, said, memo):
        if memo.done:
            return
        if isinstance(said.get("id"), str):
            yield Meta(said["id"], str(said.get("model", "")))
        if isinstance(said.get("word"), str):
            yield Text(said["word"])
        if isinstance(said.get("sign"), str):
            yield Extra("signs", [said["sign"]])
        match said.get("call"):
            case [str(name), str(arguments)] if name:
                yield ToolCall(memo.calls, f"call_{memo.calls}", name, arguments)
                memo.calls += 1
        match said.get("used"):
            case [int(prompt), int(completion)]:
                yield Spent(Usage(int(prompt), int(completion)))
        if said.get("done"):
            memo.done = True
            yield Stop("tool_calls" if memo.calls else "stop")

    def end(self, memo):
        return [] if memo.done else [Failure("elsewhere", code="truncated")]

    def read_whole(self, body, memo):
        said = self.parse(body)
        if not isinstance(said, list | dict):
            raise Unreadable("no answer")
        found = []
        for event in said.get("events", ()) if isinstance(said, dict) and isinstance(said.get("events"), list) else ():
            if isinstance(event, dict):
                found += self.events(event, memo)
        return found if memo.done else [*found, Failure("elsewhere", code="truncated")]

    def failure(self, status, headers, body, now):
        seconds = wait_told(headers, "", (), now) or 20.0
        return Failure(KINDS.get(status, "elsewhere"), "key+model", seconds, status=status)


class ToySuite(VendorSuite):
    """Every rule holds."""

    __test__ = False
    vendor = Toy()
    samples: ClassVar = {"hello": sse(*HELLO)}
    whole: ClassVar = {"hello": json.dumps({"events": HELLO}).encode()}
    goldens = (
        Golden(
            name="plain",
            asked={"model": "toy-1", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9},
            body={"model": "toy-1", "limit": 9, "stream": False, "turns": [{"by": "user", "text": "Hello"}]},
            path="/talk",
        ),
    )
    opaque = ("sign",)


def red(only: str = "", **changes: Any) -> dict[str, tuple[str, ...]]:
    """The rules that fail (or `only` this one, if it does), and why, for a suite with these attributes."""
    if isinstance(changes.get("vendor"), type):
        changes["vendor"] = changes["vendor"]()
    kind = type("Broken", (ToySuite,), changes)
    lines = [kind().look(only)] if only else kind().card()
    return {line.rule: line.reasons for line in lines if line.state == "failed"}
