"""Both documents are put to the test: whatever they allow and forbid is sent to a running gateway. There is no 500, no
status and no shape that they do not name, and what they forbid is refused.

Seeded, and bounded by number, so that a busy machine sends as many: `OPENAPI_SECONDS=600 OPENAPI_SEED=7` for more.
A failure tells its request as a curl line.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.running import OWNER, Running
from tornadogw.accounts.admin_tokens import SCOPES

SECONDS = os.environ.get("OPENAPI_SECONDS")
"""For each document; it is gone through until they are over. None: once."""
EXAMPLES = "10"
"""Of each operation, beside those at the borders of its types."""
SEED = os.environ.get("OPENAPI_SEED", "1")
LIMITS = "[limits]\nip_per_minute = 1000000\nkey_per_minute = 1000000\n"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "unsupported_method",
)


async def asked(gateway: Running, path: str, header: str, folder: Path, *checks: str) -> None:
    """Send what the document at `path` allows and forbids; what was found wrong is the failure."""
    url = f"{gateway.url}{path}"
    words = ["run", url, "--origin", gateway.url, "--header", header, "--checks", ",".join((*CHECKS, *checks))]
    words += ["--phases", "examples,coverage,fuzzing", "--workers", "1", "--seed", SEED]
    words += ["--max-time", SECONDS] if SECONDS else []
    words += ["--max-examples", EXAMPLES, "--no-shrink", "--continue-on-failure", "--request-timeout", "30"]
    words += ["--warnings", "off", "--suppress-health-check", "all"]
    where = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    schemathesis = shutil.which("schemathesis", path=where)
    assert schemathesis is not None, "install the extra `openapi`"
    process = await asyncio.create_subprocess_exec(
        schemathesis,
        *words,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160"},
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    print(out.decode())  # shown where it fails
    assert process.returncode == 0
    assert " generated, " in out.decode(), "nothing was sent"


@pytest.mark.gen_test(timeout=900)
async def test_the_admin_api_is_as_its_document(start, tmp_path: Path) -> None:
    async with start(LIMITS) as gateway:
        office = gateway.gateway.parts.office
        new = await office.admin_tokens.create(OWNER, [*SCOPES])
        await office.plans.create("basic", daily="1")
        ann = await office.accounts.create("ann@example.com")
        key = (await office.keys.create(ann.email)).key
        batch = (await office.codes.create(count=1, amount="1")).batch
        there = {"account_id": ann.id, "key_id": key.id, "name": "basic", "batch_id": batch.id}
        lines = [f"{name} = {json.dumps(value)}" for name, value in there.items()]
        # too large a body is refused before anybody looks what is in it
        refused = '"400", "401", "403", "404", "405", "406", "409", "413", "415", "422"'
        lines += ["[checks.negative_data_rejection]", f"expected-statuses = [{refused}]"]
        (tmp_path / "schemathesis.toml").write_text("\n".join(["[parameters]", *lines]), encoding="utf-8")
        path = "/admin/api/v1/openapi.json"
        with patch.dict("tornadogw.accounts.tries.MOST", {"token": (10**6, 10**6, 10**6)}):
            await asked(gateway, path, f"Authorization: Bearer {new.text}", tmp_path, "negative_data_rejection")


@pytest.mark.gen_test(timeout=900)
async def test_the_public_api_is_as_its_document(start, tmp_path: Path) -> None:
    async with start(LIMITS) as gateway:
        await asked(gateway, "/openapi.json", f"X-API-Key: {gateway.key}", tmp_path)
