"""`GET models` and `GET models/{id}`: the models that this key may use."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import unquote

from typing_extensions import override

from tornadogw.errors import ModelMismatch, UnknownPath
from tornadogw.handlers.api import ApiHandler
from tornadogw.router import AUTO

__all__ = ["ModelHandler", "ModelsHandler", "UnknownHandler"]

CREATED = 1714166400
"""The seed document's own moment: models of a catalogue have no birthday of theirs."""


class ModelsHandler(ApiHandler):
    @override
    def get(self) -> None:
        self.answer({"object": "list", "data": self.visible()})

    def visible(self) -> list[dict[str, Any]]:
        names = [model.name for model in self.parts.catalogue.visible(self.caller)]
        return [_model(name) for name in ([AUTO, *names] if names else [])]


class ModelHandler(ModelsHandler):
    @override
    def get(self, name: str = "") -> None:
        wanted = unquote(name)
        found = next((model for model in self.visible() if model["id"] == wanted), None)
        if found is None:
            raise ModelMismatch(zh=f"模型 {wanted[:100]} 不存在", en=f"unknown model {wanted[:100]}", param="model")
        self.answer(found)


class UnknownHandler(ApiHandler):
    """Any other path under an API prefix: the key is checked before the path."""

    verbs: ClassVar[tuple[str, ...]] = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")

    @override
    async def check(self) -> None:
        await super().check()
        if self.request.method != "OPTIONS":
            path = self.request.path[:200]
            raise UnknownPath(zh=path, en=path)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "tornadogw"}
