"""A value that fits a plain JSON schema: what the echo fills forms and tool arguments with. Pure."""

from __future__ import annotations

from typing import Any

__all__ = ["sample"]

_DEPTH = 32
_NODES = 1000
"""A schema that refers to itself would grow for ever; what is beyond is left empty."""
_TEXT = 200
"""Characters of the text in each string."""
_SMALLEST = {"integer": 1, "number": 1, "boolean": True, "null": None}


def sample(schema: Any, text: str) -> Any:
    """Strings are the text, cut; everything else is as small as it may be. Every property is there."""
    return _Sampler(schema, text[:_TEXT]).value(schema, _DEPTH)


class _Sampler:
    def __init__(self, root: Any, text: str) -> None:
        self._root, self._text, self._left = root, text, _NODES

    def value(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        if not isinstance(schema, dict) or depth == 0 or self._left < 0:
            return {}
        if isinstance(reference := schema.get("$ref"), str):
            return self.value(self._resolved(reference), depth - 1)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        for key in ("enum", "examples"):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][0]
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(schema.get(key), list) and schema[key]:
                return self.value(schema[key][0], depth - 1)
        return self._typed(schema, depth)

    def _typed(self, schema: dict[str, Any], depth: int) -> Any:
        kind = schema.get("type", "object")
        kind = kind[0] if isinstance(kind, list) and kind else kind
        if kind == "string":
            return self._text
        if kind == "array":
            return [self.value(schema.get("items"), depth - 1)] if schema.get("minItems") else []
        if kind == "object":
            properties = schema.get("properties")
            items = properties.items() if isinstance(properties, dict) else ()
            return {name: self.value(inner, depth - 1) for name, inner in items}
        return _SMALLEST.get(kind) if isinstance(kind, str) else {}

    def _resolved(self, reference: str) -> Any:
        found = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(step) if isinstance(found, dict) else None
        return found
