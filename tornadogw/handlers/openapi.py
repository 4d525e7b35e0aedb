"""The OpenAPI document of the public API, at `/openapi.json`: paths, shapes and statuses as the contract has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from tornadogw.handlers.admin.openapi import ERROR, REF, answer
from tornadogw.handlers.base import Access, BaseHandler

__all__ = ["PublicOpenApiHandler", "public_document"]

_ALWAYS = (401, 429, 500, 503)
_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_HEADERS: Mapping[str, Any] = {
    "X-Request-Id": {"schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}, "required": True},
}
_REQUEST: Mapping[str, Any] = {
    "type": "object",
    "description": "`messages` makes it a chat, only `prompt` a completion. Other parameters are passed on.",
    "anyOf": [{"required": ["messages"]}, {"required": ["prompt"]}],
    "properties": {
        "model": {"type": ["string", "null"], "default": "auto"},
        "messages": {
            "type": ["array", "null"],
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["role"],
                "properties": {
                    "role": {"enum": ["system", "developer", "user", "assistant", "tool", "function"]},
                    "content": {"anyOf": [_TEXT, {"type": "null"}, {"type": "array", "items": {"type": "object"}}]},
                },
            },
        },
        "prompt": {"anyOf": [_TEXT, {"type": "null"}, {"type": "array", "items": _TEXT}]},
        "stream": {"type": ["boolean", "null"]},
        "max_tokens": {"type": ["integer", "null"], "minimum": 1, "default": 1000},
        "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1},
        "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2, "default": 0.7},
    },
}
_USAGE = {
    "type": "object",
    "required": ["prompt_tokens", "completion_tokens", "total_tokens"],
    "properties": {"prompt_tokens": _NUMBER, "completion_tokens": _NUMBER, "total_tokens": _NUMBER},
}


def _completion(kind: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
    """A whole answer; `said`: what each choice has beside its index and its end."""
    choice = {
        "type": "object",
        "required": ["index", "finish_reason", *said],
        "properties": {"index": _NUMBER, "finish_reason": _TEXT, **said},
    }
    return {
        "type": "object",
        "required": ["id", "object", "created", "model", "choices", "usage"],
        "properties": {
            "id": _TEXT,
            "object": {"const": kind},
            "created": _NUMBER,
            "model": _TEXT,
            "choices": {"type": "array", "items": choice},
            "usage": {"$ref": REF.format(name="Usage")},
        },
    }


_MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {"role": {"const": "assistant"}, "content": {"type": ["string", "null"]}},
}
_MODEL = {
    "type": "object",
    "required": ["id", "object", "created", "owned_by"],
    "properties": {"id": _TEXT, "object": {"const": "model"}, "created": _NUMBER, "owned_by": _TEXT},
}
_SCHEMAS: Mapping[str, Any] = {
    "Error": ERROR,
    "Request": _REQUEST,
    "Usage": _USAGE,
    "Chat": _completion("chat.completion", {"message": _MESSAGE}),
    "Completion": _completion("text_completion", {"text": _TEXT}),
    "Model": _MODEL,
}


def _ref(name: str) -> Mapping[str, Any]:
    return {"$ref": REF.format(name=name)}


def _responses(found: Mapping[str, Any], errors: Sequence[int]) -> Mapping[str, Any]:
    told = {"200": found, **{str(status): answer(status) for status in sorted({*_ALWAYS, *errors})}}
    return {status: {**each, "headers": _HEADERS} for status, each in told.items()}


def _post(door: str) -> Mapping[str, Any]:
    whole = answer(200, {"oneOf": [_ref("Chat"), _ref("Completion")]})
    event = {"type": "object", "required": ["data"], "properties": {"data": _TEXT}}
    whole["content"]["text/event-stream"] = {"schema": {**event, "description": "Of each event."}}
    return {
        "operationId": door,
        "summary": "Ask a model; both doors take both kinds of body",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Request")}}},
        "responses": _responses(whole, (400, 402, 408, 413, 415)),
    }


def _get(name: str, summary: str, found: Mapping[str, Any], errors: Sequence[int] = ()) -> Mapping[str, Any]:
    return {"operationId": name, "summary": summary, "responses": _responses(answer(200, found), errors)}


def _by(name: str) -> Sequence[Mapping[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]


def public_document(prefix: str) -> bytes:
    """As JSON, for a deployment with its API under `prefix`, too."""
    models = {
        "type": "object",
        "required": ["object", "data"],
        "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": _ref("Model")}},
    }
    decision = {
        "type": "object",
        "required": ["code", "message", "data"],
        "properties": {"code": {"const": 0}, "message": _TEXT, "data": {"type": "object"}},
    }
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "tornadogw", "version": "1"},
            "servers": [{"url": "/v1"}, {"url": prefix, "description": "Streams unless `stream` is false."}],
            "security": [{"key": []}, {"bearer": []}],
            "paths": {
                "/chat/completions": {"post": _post("chat_completions")},
                "/completions": {"post": _post("completions")},
                "/models": {"get": _get("models", "The models that this key may use", models)},
                "/models/{model}": {
                    "parameters": _by("model"),
                    "get": _get("model", "One of them", _ref("Model"), (400,)),
                },
                "/requests/{request_id}": {
                    "parameters": _by("request_id"),
                    "get": _get("request", "Why a request of one's own went as it did", decision, (404,)),
                },
            },
            "components": {
                "securitySchemes": {
                    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                    "bearer": {"type": "http", "scheme": "bearer"},
                },
                "schemas": _SCHEMAS,
            },
        }
    )


class PublicOpenApiHandler(BaseHandler):
    """Anybody may read it."""

    access: ClassVar[Access] = "public"

    @override
    def get(self) -> None:
        _ = self.finish(public_document(self.parts.settings.server.prefix))
