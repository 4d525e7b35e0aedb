"""The built-in vendor `echo`: says the last user message again, needs no network, and fails on demand. docs/echo.md.

It writes its whole answer into the request (`loop://`, see transport.loop) in the bytes of the chat dialect, and reads
it as any vendor of that dialect is read, so that both relays, the meter and the deadlines run as they do in earnest.
Everything is deterministic: the same request gives the same answer, but for its id and second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from typing_extensions import override

from tornadogw.errors import Cannot
from tornadogw.types import Call, Credential, Failure, UpstreamRequest
from tornadogw.vendors.chat_engine import ChatEngine
from tornadogw.vendors.chat_failure import Problem, problem_in
from tornadogw.vendors.echo_plan import plan
from tornadogw.vendors.echo_wire import answer
from tornadogw.vendors.rows import load

__all__ = ["Echo"]

_ROW = {
    "base_url": "loop://echo",
    "relay": "raw",
    "completion": "native",
    "token_prompts": True,
    "think": False,
}
_CLIENT_FAULTS = frozenset({400, 413, 422})
_TOO_MANY = 429
_COOL_SECONDS, _COOL_MOST = 1.0, 60.0


class Echo(ChatEngine):
    """A vendor that is its own upstream."""

    def __init__(self) -> None:
        super().__init__(next(row for row in load({"echo": _ROW}) if row.name == "echo"))

    @override
    def request(self, call: Call, credential: Credential, now: float) -> UpstreamRequest:
        if "audio" in call.draft.params.get("modalities", ()):
            raise Cannot("modalities", "the echo has no voice")
        return answer(call, plan(call), now)

    @override
    def failure(self, status: int, headers: Mapping[str, str], body: bytes, now: float) -> Failure:
        """Milder than a real upstream's: any user can ask for any status, and must not take the echo from others."""
        problem = problem_in(_loads(body)) or Problem()
        code = next(iter(problem.codes), "")
        if status in _CLIENT_FAULTS:
            return Failure("client", code=code, message=problem.message, status=status)
        if status == _TOO_MANY:
            wait = headers.get("retry-after", "")
            seconds = min(float(wait), _COOL_MOST) if wait.isdecimal() else _COOL_SECONDS
            return Failure("cool", "key+model", seconds, code=code, message=problem.message, status=status)
        return Failure("elsewhere", code=code, message=problem.message, status=status)


def _loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
