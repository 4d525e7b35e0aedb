"""The document says what the table says; `tox -e openapi` asks whether the gateway does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tornadogw.accounts.admin_tokens import SCOPES
from tornadogw.handlers.admin.openapi import document
from tornadogw.handlers.admin.operation import BASE
from tornadogw.handlers.admin.table import OPERATIONS

DOCS = Path(__file__).parents[3] / "docs" / "admin-api.md"


async def test_anybody_reads_it_and_it_has_every_operation(start) -> None:
    async with start() as gateway, gateway.session.get(f"{gateway.url}{BASE}openapi.json") as got:
        assert (got.status, got.content_type) == (200, "application/json")
        found = await got.json()
    assert found == json.loads(document())
    assert found["openapi"] == "3.1.0"
    for each in OPERATIONS:
        told = found["paths"][f"/{each.path}"][each.method.lower()]
        assert each.scope in told["description"]
        assert {"200", "401", "403", "429", "500", "503"} <= told["responses"].keys()
        assert [name["name"] for name in told["parameters"] if name["in"] == "path"] == each.names
        assert ("requestBody" in told) == (each.body is not None)


def test_every_reference_leads_somewhere() -> None:
    text = document().decode()
    known = json.loads(text)["components"]["schemas"]
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert used <= known.keys()
    assert known["NewAccount"]["additionalProperties"] is False
    assert known.keys() - used == set(), "nothing is left over"


def test_the_documentation_has_every_operation_and_scope() -> None:
    text = DOCS.read_text(encoding="utf-8")
    rows = [f"| `{each.method} {each.path}` | `{each.scope}` | {each.summary} |" for each in OPERATIONS]
    assert re.findall(r"^\| `(?:GET|POST|PATCH|DELETE) .*\|$", text, re.MULTILINE) == rows
    scopes = [f"| `{scope}` | {role} |" for scope, role in SCOPES.items()]
    assert re.findall(r"^\| `[a-z]+:(?:read|write)` \| [a-z]+ \|$", text, re.MULTILINE) == scopes
