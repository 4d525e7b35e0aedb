"""The conformance suite on the rows that have no recordings, with an answer as their documentation shows it."""

from __future__ import annotations

import json
from typing import Any

from tests.vendors import oracle
from tornadogw.testing import Golden, VendorSuite
from tornadogw.vendors.rows import load

RECORDED = {each.vendor for each in oracle.recordings()}
PROFILES = {row.name: row.profile_for("m") for row in load()}
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
NO_LOOP = {"extras": "nothing opaque in its answers"}


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "a1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [choice], **more}


def sse(*chunks: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in chunks) + b"data: [DONE]\n\n"


def whole(message: dict[str, Any]) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "tool_calls"}
    told = {"id": "a1", "object": "chat.completion", "created": 7, "model": "m", "choices": [choice], "usage": USAGE}
    return json.dumps(told).encode()


APART = sse(
    chunk({"role": "assistant", "content": "", "reasoning_content": "Hm"}),
    chunk({"reasoning_content": "."}),
    chunk({"content": "你好"}),
    chunk({"tool_calls": [CALL]}),
    chunk({}, "tool_calls", usage=USAGE),
)
TAGGED = sse(
    chunk({"role": "assistant", "content": "<thi"}),
    chunk({"content": "nk>Hm.</th"}),
    chunk({"content": "ink>\n\n你好"}),
    chunk({"tool_calls": [CALL]}),
    chunk({}, "tool_calls", usage=USAGE),
)


class Row(VendorSuite):
    """What they share."""

    __test__ = False
    chat_dialect = True


def suite_of(name: str) -> type[Row]:
    """A class of tests for one row."""
    samples, bodies = {"apart": APART}, {"apart": {"content": "你好", "reasoning_content": "Hm."}}
    if PROFILES[name].think:
        samples["tagged"], bodies["tagged"] = TAGGED, {"content": "<think>Hm.</think>\n\n你好"}
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 7, "stream": True}
    own = {
        "vendor": oracle.ENGINES[name],
        "samples": samples,
        "whole": {each: whole({**body, "tool_calls": [CALL]}) for each, body in bodies.items()},
        "goldens": (Golden(name="plain", asked=asked, body={**asked, "stream_options": {"include_usage": True}}),),
        "exempt": NO_LOOP,
    }
    return type(f"Test{name.title().replace('-', '')}", (Row,), {"__test__": True, "__module__": __name__, **own})


globals().update(
    {kind.__name__: kind for kind in (suite_of(name) for name in sorted(oracle.ENGINES.keys() - RECORDED))}
)


def test_every_row_is_in_one_suite_or_the_other():
    here = {kind.vendor.name for kind in Row.__subclasses__()}
    assert here | RECORDED >= oracle.ENGINES.keys()
