"""The OpenAPI document of the admin API, made of its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from tornadogw.handlers.admin.operation import BASE, Operation
from tornadogw.handlers.admin.table import OPERATIONS
from tornadogw.handlers.base import Access, BaseHandler

__all__ = ["ERROR", "REF", "OpenApiHandler", "answer", "document"]

REF = "#/components/schemas/{name}"
ERROR: Mapping[str, Any] = {
    "type": "object",
    "required": ["code", "message", "data", "error"],
    "properties": {
        "code": {"type": "integer", "description": "As in docs/errors.md."},
        "message": {"type": "string"},
        "data": {"type": "null"},
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
        },
    },
}
"""The contract's envelope with an error."""
_ALWAYS = (400, 401, 403, 429, 500, 503)


def answer(status: int, kind: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A response with a JSON body; None: an error."""
    schema = {"$ref": REF.format(name="Error")} if kind is None else kind
    return {"description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": schema}}}


@cache
def document() -> bytes:
    """As JSON."""
    bodies = [each.body for each in OPERATIONS if each.body is not None]
    queries = [each.query for each in OPERATIONS if each.query is not None]
    schemas, components = msgspec.json.schema_components(
        [*bodies, *queries, *(each.gives for each in OPERATIONS)], ref_template=REF
    )
    shapes = dict(zip(map(_key, [*bodies, *queries, *(each.gives for each in OPERATIONS)]), schemas, strict=False))
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(f"/{each.path}", {})[each.method.lower()] = _operation(each, shapes, components)
    asked = {shapes[_key(kind)]["$ref"].rpartition("/")[2] for kind in queries}
    known = {name: shape for name, shape in components.items() if name not in asked}
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "tornadogw admin API",
            "version": "1",
            "description": "Amounts are integers in micro-units of the currency, moments Unix seconds.",
        },
        "servers": [{"url": BASE.rstrip("/")}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {**known, "Error": ERROR},
        },
    }
    return msgspec.json.encode(whole)


def _key(kind: Any) -> str:
    return repr(kind)


def _operation(each: Operation, shapes: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    names: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in each.names
    ]
    data = shapes[_key(each.gives)]
    found = {
        "type": "object",
        "required": ["code", "message", "data"],
        "properties": {"code": {"const": 0}, "message": {"type": "string"}, "data": data},
    }
    described: dict[str, Any] = {
        "operationId": each.id,
        "summary": each.summary,
        "description": f"Scope `{each.scope}`.",
        "tags": [each.path.partition("/")[0]],
        "parameters": [*names, *_arguments(each, shapes, components)],
        "responses": {"200": answer(200, found), **{str(status): answer(status) for status in statuses(each)}},
    }
    if each.body is not None:
        content = {"application/json": {"schema": shapes[_key(each.body)]}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def statuses(each: Operation) -> Sequence[int]:
    """Of errors."""
    found = {*_ALWAYS}
    if each.names:
        found |= {404}
    if each.query is not None:
        found |= {422}
    if each.method != "GET":
        found |= {404, 409, 422}
    if each.body is not None:
        found |= {408, 413, 415}
    return sorted(found)


def _arguments(each: Operation, shapes: Mapping[str, Any], components: Mapping[str, Any]) -> list[dict[str, Any]]:
    if each.query is None:
        return []
    shape = components[shapes[_key(each.query)]["$ref"].rpartition("/")[2]]
    needed = shape.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": _without_null(schema)}
        for name, schema in shape["properties"].items()
    ]


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is not given is not there: an address has no null."""
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if kinds:
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if None in schema.get("enum", ()):
        return {"enum": [each for each in schema["enum"] if each is not None]}
    return {name: value for name, value in schema.items() if name != "default" or value is not None}


class OpenApiHandler(BaseHandler):
    """Anybody may read it: it holds nothing secret."""

    access: ClassVar[Access] = "public"

    @override
    def get(self) -> None:
        _ = self.finish(document())
