"""The front door: everything that a plugin imports, and nothing else. Inside the gateway, import the rooms.

Each name is fetched from its room when it is first used, so that importing a room never imports the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tornadogw.errors import Cannot, Refused, Unreadable, UsageError
    from tornadogw.hookspecs import hookimpl
    from tornadogw.shapes import count_of, json_object, list_of, object_of, text_of, wait_of
    from tornadogw.types import (
        Attempt,
        Call,
        Caller,
        Credential,
        Draft,
        Event,
        Extra,
        Failure,
        Fetched,
        Frame,
        Framing,
        Meta,
        Mode,
        Price,
        Reasoning,
        Record,
        Refreshed,
        Refusal,
        Spent,
        Stop,
        Terms,
        Text,
        ToolCall,
        Traits,
        UpstreamRequest,
        Usage,
    )
    from tornadogw.vendor import Fetch, Memo, Register, Vendor

__version__ = "0.1.0"

__all__ = [
    "Attempt",
    "Call",
    "Caller",
    "Cannot",
    "Credential",
    "Draft",
    "Event",
    "Extra",
    "Failure",
    "Fetch",
    "Fetched",
    "Frame",
    "Framing",
    "Memo",
    "Meta",
    "Mode",
    "Price",
    "Reasoning",
    "Record",
    "Refreshed",
    "Refusal",
    "Refused",
    "Register",
    "Spent",
    "Stop",
    "Terms",
    "Text",
    "ToolCall",
    "Traits",
    "Unreadable",
    "UpstreamRequest",
    "Usage",
    "UsageError",
    "Vendor",
    "__version__",
    "count_of",
    "hookimpl",
    "json_object",
    "list_of",
    "object_of",
    "text_of",
    "wait_of",
]

if not TYPE_CHECKING:  # hidden from type checkers: for them an unknown name must stay an error

    def __getattr__(name: str) -> Any:
        for room in ("types", "errors", "vendor", "hookspecs", "shapes") if name in __all__ else ():
            value = getattr(import_module(f"{__name__}.{room}"), name, None)
            if value is not None:
                globals()[name] = value
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
