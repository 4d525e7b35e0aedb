"""The conformance suite on every row that has recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.vendors import oracle
from tornadogw.testing import VendorSuite
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


def suite_of(name: str, folders: list[str]) -> type[Row]:
    """A class of tests for one row."""
    own = {"vendor": oracle.ENGINES[name], "folders": folders, **MORE.get(name, {"exempt": NO_LOOP})}
    return type(f"Test{name.title().replace('-', '')}", (Row,), {"__test__": True, "__module__": __name__, **own})


globals().update({kind.__name__: kind for kind in (suite_of(*each) for each in FOLDERS.items())})


def test_rows_with_recordings_are_there():
    assert {"openai", "azure", "deepseek", "qwen", "mistral"} <= FOLDERS.keys()
