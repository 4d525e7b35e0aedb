"""Pages for everybody: what this is, how it is used, which models there are, and how they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from typing_extensions import override

from tornadogw.accounts.accounts import format_amount
from tornadogw.catalogue import ModelEntry
from tornadogw.errors import GatewayError, UnknownPath
from tornadogw.exchange import Gate
from tornadogw.portal.page import PageHandler
from tornadogw.router import AUTO, EVERYTHING
from tornadogw.types import Value

__all__ = ["DocsPage", "LandingPage", "ModelsPage", "NowherePage", "StatusPage", "health_of"]

State = Literal["up", "busy", "down"]


class Shown(Value, frozen=True):
    """A model as everybody may see it: nothing of who serves it."""

    name: str
    aliases: Sequence[str]
    modes: Sequence[str]
    capabilities: Sequence[str]
    context: int | None
    input: str
    output: str
    cached: str
    in_auto: bool


class Health(Value, frozen=True):
    """How a model is. `first_event`: seconds, as seen lately."""

    name: str
    state: State
    first_event: float | None


class LandingPage(PageHandler):
    template: ClassVar[str] = "landing.html"

    @override
    async def values(self) -> dict[str, Any]:
        return {"models": len(self.parts.catalogue.models)}


class DocsPage(PageHandler):
    template: ClassVar[str] = "docs.html"

    @override
    async def values(self) -> dict[str, Any]:
        settings = self.parts.settings
        names = [model.name for model in self.parts.catalogue.models]
        return {
            "limits": settings.limits,
            "defaults": settings.defaults,
            "prefix": settings.server.prefix,
            "example": names[0] if names else AUTO,
            "errors": [(each.code, each.status, each(zh="", en="").message(self.language)) for each in _errors()],
        }


class ModelsPage(PageHandler):
    template: ClassVar[str] = "models.html"

    @override
    async def values(self) -> dict[str, Any]:
        catalogue = self.parts.catalogue
        ranked = {model.name for model in catalogue.auto_order()}
        shown = [_shown(model, in_auto=model.name in ranked) for model in catalogue.models]
        return {"models": shown, "currency": self.parts.settings.money.currency}


class StatusPage(PageHandler):
    template: ClassVar[str] = "status.html"

    @override
    async def values(self) -> dict[str, Any]:
        found = [health_of(model, self.parts.gate) for model in self.parts.catalogue.models]
        states = {each.state for each in found}
        return {"models": found, "all_up": states <= {"up"}, "none_up": "up" not in states and "busy" not in states}


class NowherePage(PageHandler):
    """What a browser is shown where nothing is."""

    @override
    async def check(self) -> None:
        path = self.request.path[:200]
        raise UnknownPath(zh=path, en=path)


def health_of(model: ModelEntry, gate: Gate) -> Health:
    """As this process has seen it."""
    waits = [
        gate.health.wait(upstream=route.upstream, credential=key.name, model=route.model)
        for route in model.routes
        for key in route.credentials
    ]
    seen = [gate.standing.figures(route.place).first_event for route in model.routes]
    known = [each for each in seen if each is not None]
    state: State = "up" if all(wait == 0 for wait in waits) else "busy" if 0 in waits else "down"
    return Health(model.name, state, min(known, default=None))


def _shown(model: ModelEntry, *, in_auto: bool) -> Shown:
    price = model.price
    return Shown(
        name=model.name,
        aliases=model.aliases,
        modes=sorted(model.modes),
        capabilities=sorted(EVERYTHING if model.capabilities is None else model.capabilities),
        context=model.context,
        input=format_amount(price.input),
        output=format_amount(price.output),
        cached="" if price.cached_input is None else format_amount(price.cached_input),
        in_auto=in_auto,
    )


def _errors() -> Iterator[type[GatewayError]]:
    """The class that names each code, in the order of the codes."""
    named: dict[int, type[GatewayError]] = {}
    for each in GatewayError.__subclasses__():
        if each.__module__ == GatewayError.__module__:
            named.setdefault(each.code, each)
    return iter(sorted(named.values(), key=lambda each: each.code))
