"""AWS Signature Version 4, as the vendor's own clients sign (its page "Create a signed AWS API request"). Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit

__all__ = ["Keys", "keys_in", "sign"]

SERVICE = "bedrock"
_KEYS = re.compile(r"(?P<access>[A-Z0-9]{16,128}):(?P<secret>[A-Za-z0-9+/=]{16,128})(?::(?P<session>\S+))?")


class Keys(NamedTuple):
    """A pair of keys, with the token of a session if they belong to one."""

    access: str
    secret: str
    session: str


def keys_in(credential: str) -> Keys | None:
    """The keys in `ACCESS:SECRET[:SESSION]`; None: the credential is a bearer token."""
    found = _KEYS.fullmatch(credential)
    return Keys(found["access"], found["secret"], found["session"] or "") if found else None


def sign(keys: Keys, url: str, headers: Mapping[str, str], body: bytes, region: str, now: float) -> dict[str, str]:
    """`headers` (lower-case names) of a POST with those that sign it. `now` is in Unix seconds."""
    parts = urlsplit(url)
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    told = {**headers, "x-amz-date": moment}
    if keys.session:
        told["x-amz-security-token"] = keys.session
    signed = {"host": parts.netloc, **{name: value for name, value in told.items() if _counts(name)}}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
    path = quote(parts.path or "/", safe="/~")  # what is encoded already is encoded once more
    canonical = "\n".join(["POST", path, parts.query, lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{moment[:8]}/{region}/{SERVICE}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys.secret}".encode()
    for part in (moment[:8], region, SERVICE, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    told["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return told


def _counts(name: str) -> bool:
    """Whether a header is part of what is signed: proxies may change the others."""
    return name == "content-type" or name.startswith("x-amz-")
