"""A vendor's failure in the contract's words. An upstream's own 401, 402, 403 or 404 never shows as ours."""

from __future__ import annotations

from collections.abc import Sequence

from tornadogw.errors import ContentRefused, ContextTooLong, GatewayError, InvalidRequest, ModelMismatch, NoUpstream
from tornadogw.observe import mask
from tornadogw.types import Failure

__all__ = ["after_start", "to_client"]

_PARAM = 100
"""Characters of a parameter's name that a client reads back."""


def to_client(failure: Failure, names: Sequence[str]) -> GatewayError:
    """What a client reads when the request itself was at fault. `names` of upstreams are masked in the message."""
    said = mask(failure.message, names)
    param = None if failure.param is None else mask(failure.param, names)[:_PARAM]
    if failure.code == "unsupported" and failure.param == "model":
        return ModelMismatch(zh=said, en=said, param="model")
    if failure.code == "content_filter":
        return ContentRefused(zh=said, en=said, param=param)
    if failure.code == "context_length_exceeded":
        return ContextTooLong(zh=said, en=said, param=param)
    return InvalidRequest(zh=said, en=said, param=param)


def after_start(failure: Failure, names: Sequence[str]) -> GatewayError:
    """What a client reads inside a stream that has begun."""
    if failure.code in ("content_filter", "context_length_exceeded"):
        return to_client(failure, names)
    return NoUpstream(zh="上游在回答途中中断", en="the upstream failed in the middle of its answer")
