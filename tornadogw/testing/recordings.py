"""Recorded vendor traffic for tests: found, never copied. Real request and response bytes, one file an exchange.

A folder of recordings holds `recorded/<vendor>/<name>.json`. It is where `TORNADOGW_RECORDINGS` says, else the folder
`shared` beside the checkout.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from typing_extensions import override

__all__ = [
    "VARIABLE",
    "MissingRecordings",
    "Recording",
    "find_recordings",
    "load_recordings",
    "needed_recordings",
    "recordings_near",
    "skip_without",
]

VARIABLE = "TORNADOGW_RECORDINGS"


class MissingRecordings(LookupError):
    """There are no recordings here; the message says where they were sought."""


@dataclass(frozen=True)
class Recording:
    """One exchange with a vendor."""

    vendor: str
    name: str
    model: str
    tags: frozenset[str]
    fidelity: str
    """`bytes` as recorded, `sanitised`, `reserialised`, `reconstructed` or `handwritten`."""
    method: str
    path: str
    request_headers: Mapping[str, str]
    request: Any
    """The request's JSON body; None where it was not recorded."""
    status: int
    headers: Mapping[str, str]
    """Of the response, lower-case names."""
    body: bytes
    """Of the response."""

    @override
    def __str__(self) -> str:
        return f"{self.vendor}/{self.name}"


def find_recordings(root: Path, environ: Mapping[str, str]) -> Path:
    """The folder `recorded` for a checkout at `root`.

    :raises MissingRecordings: there is none.
    """
    folder = Path(environ[VARIABLE]) if environ.get(VARIABLE) else root.parent / "shared"
    for candidate in (folder / "recorded", folder):
        if candidate.is_dir() and any(candidate.glob("*/*.json")):
            return candidate
    raise MissingRecordings(f"no recordings in {folder}; set {VARIABLE} to a folder that has recorded/<vendor>/*.json")


def load_recordings(folder: Path, vendors: Iterable[str] = ()) -> list[Recording]:
    """The recordings of these vendors, or of all, in order of their names."""
    wanted = set(vendors)
    found = [file for file in sorted(folder.glob("*/*.json")) if not wanted or file.parent.name in wanted]
    return [_read(file) for file in found]


def recordings_near(file: str | Path, vendors: Iterable[str] = ()) -> list[Recording]:
    """The same, sought as for a checkout at each of the folders above `file`, then where the process runs.

    :raises MissingRecordings: there are none; it names the nearest place.
    """
    missing: MissingRecordings | None = None
    for root in (*Path(file).resolve().parents, Path.cwd()):
        try:
            return load_recordings(find_recordings(root, os.environ), vendors)
        except MissingRecordings as error:
            missing = missing or error
    raise missing or MissingRecordings("no recordings")


def needed_recordings(file: str | Path, vendors: Iterable[str] = ()) -> list[Recording]:
    """The same for the test, or the module of tests, that needs them: skipped without, and a failure with `CI=true`."""
    try:
        return recordings_near(file, vendors)
    except MissingRecordings as missing:
        skip_without(missing)


def skip_without(missing: MissingRecordings) -> NoReturn:
    """End this test, or this module of tests, for want of recordings."""
    if os.environ.get("CI") == "true":
        raise missing
    import pytest  # noqa: PLC0415  # the kit imports without it

    pytest.skip(str(missing), allow_module_level=True)


def _read(file: Path) -> Recording:
    told = json.loads(file.read_bytes())
    request, response = told["request"], told["response"]
    return Recording(
        vendor=told["vendor"],
        name=file.stem,
        model=told.get("model") or "",
        tags=frozenset(told.get("tags", ())),
        fidelity=told.get("fidelity", ""),
        method=request["method"],
        path=request["path"],
        request_headers=request.get("headers") or {},
        request=request.get("body"),
        status=response["status"],
        headers={name.lower(): value for name, value in (response.get("headers") or {}).items()},
        body=_body(response),
    )


def _body(response: Mapping[str, Any]) -> bytes:
    if response.get("body_base64") is not None:
        return base64.b64decode(response["body_base64"])
    body = response.get("body") or ""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
