"""The conformance suite on every row that has recordings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.vendors import oracle
from tests.vendors.recorded_errors import ERRORS
from tornadogw.testing import Fault, VendorSuite
from tornadogw.testing.recordings import Recording

FOLDERS = {name: [name] for name in sorted({each.vendor for each in oracle.recordings()} & oracle.ENGINES.keys())}
FOLDERS["openai"].append("openai-completions")
BASES = {"azure": "https://res.openai.azure.com", "huggingface": "https://router.huggingface.co/together/v1"}


class Row(VendorSuite):
    """What rows share."""

    __test__ = False
    chat_dialect = True

    def options_for(self, recording: Recording) -> Mapping[str, Any]:
        if recording.vendor != "azure":
            return {}
        return {"api_version": recording.path.split("api-version=")[1]}

    def base_url_for(self, recording: Recording) -> str:
        if recording.path.startswith("/models/"):
            return "https://res.services.ai.azure.com"
        return BASES.get(recording.vendor, "") or super().base_url_for(recording)


NO_LOOP = {"extras": "nothing opaque in its answers, or no recorded answer that calls tools has any"}
NO_REQUEST = {"requests": "its recordings do not tell what was asked"}
PATH_HAS_MODEL = {"model": "the deployment is in the address, and some clients leave the model out"}
LOOP = b"".join(
    b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}\n\n' % each
    for each in (
        (b'{"role":"assistant","reasoning_content":"The tool will know. "}', b"null"),
        (b'{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"look","arguments":"{}"}}]}', b"null"),
        (b"{}", b'"tool_calls"'),
    )
)
THOUGHTS: dict[str, Any] = {"opaque": ("reasoning_content",), "samples": {"tool-loop": LOOP}}
"""Vendors that want their reasoning back in a tool loop."""

MORE: dict[str, dict[str, Any]] = {
    "azure": {"differs": PATH_HAS_MODEL, "exempt": NO_LOOP},
    "deepseek": {**THOUGHTS, "differs": {"messages.*.reasoning": "a client sent the same text under two names"}},
    "groq": {"differs": {"n": "one choice is what it gives"}, "exempt": NO_LOOP},
    "moonshot": {**THOUGHTS, "exempt": NO_REQUEST},
    "openrouter": {"refuses": {"03-json-reasoning": "tools[0].type"}, "opaque": ("data", "signature")},
    "xai": {"exempt": NO_LOOP | NO_REQUEST},
    "zhipu": THOUGHTS,
}


def as_json(recording: Recording) -> bytes | None:
    """The JSON body that says what a recorded stream says, put together apart from the engine; None: there is none."""
    if recording.status != 200 or not oracle.is_stream(recording) or "instreamerror" in recording.name:
        return None
    chunks = oracle.data_of(recording.body)
    usage = [said for each in chunks if (said := each.get("usage") or each.get("x_groq", {}).get("usage"))]
    named = next(each for each in chunks if each.get("id"))
    choices = []
    for index, told in oracle.expected(recording)[0].items():
        calls = [
            {"index": place, "id": identifier, "type": "function", "function": {"name": tool, "arguments": arguments}}
            for place, (identifier, tool, arguments) in enumerate(told.tools)
        ]
        message = {"role": "assistant", "content": told.text, "refusal": told.refusal, "tool_calls": calls}
        message["reasoning_content"] = told.reasoning
        said = {"text": told.text} if recording.vendor == "openai-completions" else {"message": message}
        choices.append({"index": index, "finish_reason": told.finish, **said})
    body = {"id": named["id"], "model": named["model"], "choices": choices, "usage": usage[-1] if usage else None}
    return json.dumps(body).encode()


WHOLE = {str(each): body for each in oracle.recordings() if (body := as_json(each)) is not None}


def name_of(recording: str) -> str:
    return recording.split("/")[1]


def suite_of(name: str, folders: list[str]) -> type[Row]:
    """A class of tests for one row."""
    faults = [
        Fault(recording=name_of(each), kind=kind, scope=scope, seconds=seconds)
        for each, (kind, scope, seconds) in ERRORS.items()
        if each.split("/")[0] in folders
    ]
    whole = {name_of(each): body for each, body in WHOLE.items() if each.split("/")[0] in folders}
    own = {
        "vendor": oracle.ENGINES[name],
        "folders": folders,
        "faults": faults,
        "whole": whole,
        **MORE.get(name, {"exempt": NO_LOOP}),
    }
    return type(f"Test{name.title().replace('-', '')}", (Row,), {"__test__": True, "__module__": __name__, **own})


globals().update({kind.__name__: kind for kind in (suite_of(*each) for each in FOLDERS.items())})


def test_rows_with_recordings_are_there():
    assert {"openai", "azure", "deepseek", "qwen", "mistral"} <= FOLDERS.keys()
