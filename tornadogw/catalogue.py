"""What may be asked for: models, their names, routes, prices and deadlines, built once from the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from typing_extensions import override

from tornadogw.errors import SettingsError
from tornadogw.pricing import price_from_row
from tornadogw.settings import (
    STANDARD,
    Model,
    PriceRow,
    Route,
    Settings,
    Timeouts,
    Upstream,
    did_you_mean,
    mask,
    pace_timeouts,
    resolve_secret,
)
from tornadogw.types import Caller, Credential, Mode, Price, Traits
from tornadogw.vendor import Vendor

__all__ = ["ECHO", "Builder", "Catalogue", "Deadlines", "ModelEntry", "RouteEntry", "credentials", "echo_settings"]

ECHO = "echo"
"""Name of the built-in upstream, its vendor and its model, which are there while no upstream is configured."""


class Deadlines(msgspec.Struct, frozen=True):
    """Seconds: to connect, to the first useful event, between two events, for the whole request."""

    connect: float
    first_event: float
    idle: float
    total: float


class Drain(msgspec.Struct, frozen=True):
    """How long the answer of a client that has left is read: seconds, or further tokens."""

    seconds: float
    tokens: int


class RouteEntry(msgspec.Struct, frozen=True):
    """One way to a model: an upstream, its vendor's name of the model, and all that a call over it needs."""

    upstream: str
    vendor: Vendor
    base_url: str
    options: Mapping[str, Any]
    proxy: str
    credentials: tuple[Credential, ...]
    """At least one; an upstream without keys has one with an empty secret."""
    model: str
    """The vendor's name of it."""
    priority: int
    weight: int
    public_name: str
    """What the client reads instead of what the upstream reports; empty: as reported."""
    price: Price
    """What the caller pays: the price of the model."""
    cost: Price | None
    """What the operator pays, if the settings say so."""
    deadlines: Deadlines
    traits: Traits
    model_name: str
    """The catalogue's name of it."""
    context: int | None = None
    """Tokens; None: unknown."""
    drain: Drain | None = None
    """What becomes of an answer whose client has left; None: the upstream is closed at once."""
    probe: float = 0.0
    """Seconds without a call after which it is probed; 0: never."""

    @property
    def place(self) -> tuple[str, str]:
        """What figures and failures of this route are kept under."""
        return self.upstream, self.model

    @override
    def __repr__(self) -> str:
        return f"RouteEntry({self.model_name!r} as {self.model!r} at {self.upstream!r}, {mask('url', self.base_url)!r})"

    @override
    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("model_name", self.model_name), ("upstream", self.upstream), ("model", self.model)]


class ModelEntry(msgspec.Struct, frozen=True):
    """One model that may be asked for."""

    name: str
    aliases: tuple[str, ...]
    auto: int | None
    """Rank in `auto`, lower is better."""
    fallbacks: tuple[str, ...]
    """Names of other models, aliases resolved."""
    modes: frozenset[Mode]
    context: int | None
    """Tokens; None: unknown."""
    capabilities: frozenset[str] | None
    """None: everything."""
    price: Price
    routes: tuple[RouteEntry, ...]
    """In the order of the settings; at least one."""
    timeouts: Timeouts
    strategy: str = "weight"
    """Name of the order of its routes."""
    reroutes_refused: bool = False
    """Whether others are asked when an upstream's content policy refuses a request."""
    resume: bool = True
    """Whether somebody else goes on with an answer that broke off."""
    hedge: bool = False
    """Whether a second route is asked beside one that is slow to begin."""


class Catalogue:
    """All models; names and aliases are looked up in one step."""

    def __init__(self, models: Iterable[ModelEntry]) -> None:
        self.models = tuple(models)
        self._by_name = {name: model for model in self.models for name in (model.name, *model.aliases)}
        ranked = [model for model in self.models if model.auto is not None]
        self._auto = sorted(ranked, key=_rank) if ranked else list(self.models)

    @classmethod
    def build(cls, settings: Settings, vendors: Mapping[str, Vendor], environ: Mapping[str, str]) -> Catalogue:
        """The catalogue of checked settings; keys of upstreams become credentials here.

        Raises `SettingsError` for a vendor that nobody registered, an upstream without address, a missing secret.
        """
        if not settings.upstreams:
            if ECHO not in vendors:
                raise SettingsError("no [[upstreams]] are configured, and the built-in echo is blocked: configure one")
            settings = echo_settings(settings)
        builder = Builder(settings, vendors, {each.name: credentials(each, environ) for each in _used(settings)})
        builder.check()
        return cls([builder.model(model) for model in settings.models])

    def find(self, name: str) -> ModelEntry | None:
        """The model of that name or alias. `auto` is none: see `auto_order`."""
        return self._by_name.get(name)

    def visible(self, caller: Caller) -> list[ModelEntry]:
        """The models that the caller's key may use, in the order of the settings."""
        allowed = caller.models
        if allowed is None:
            return list(self.models)
        return [model for model in self.models if model.name in allowed or not allowed.isdisjoint(model.aliases)]

    def auto_order(self) -> list[ModelEntry]:
        """The models behind `auto`, best first; if no model has a rank, all of them in the order of the settings."""
        return list(self._auto)


def _rank(model: ModelEntry) -> int:
    return model.auto or 0


class Builder:
    """Makes entries out of tables of checked settings. Lives as long as one catalogue is built."""

    def __init__(
        self, settings: Settings, vendors: Mapping[str, Vendor], keys: Mapping[str, tuple[Credential, ...]]
    ) -> None:
        """`keys`: the credentials of each upstream that a model uses."""
        self.global_timeouts = settings.timeouts
        self.paces = pace_timeouts()
        self.vendors = vendors
        self.upstreams = {upstream.name: upstream for upstream in settings.upstreams}
        self.names = {name: model.name for model in settings.models for name in (model.name, *model.aliases)}
        self.credentials = keys

    def check(self) -> None:
        """Raises `SettingsError` for an upstream that cannot be used, though no model may use it."""
        for upstream in self.upstreams.values():
            self.vendor(upstream)

    def vendor(self, upstream: Upstream) -> Vendor:
        vendor = self.vendors.get(upstream.vendor)
        place = f'upstream "{upstream.name}"'
        if vendor is None:
            hint = did_you_mean(upstream.vendor, self.vendors)
            raise SettingsError(f'{place}: vendor "{upstream.vendor}" is unknown; {hint}')
        if not upstream.base_url and not vendor.base_url and upstream.vendor != ECHO:
            raise SettingsError(f'{place}: vendor "{upstream.vendor}" has no address of its own; set base_url')
        return vendor

    def model(self, model: Model) -> ModelEntry:
        return ModelEntry(
            name=model.name,
            aliases=tuple(model.aliases),
            auto=model.auto,
            fallbacks=tuple(self.names[name] for name in model.fallbacks),
            modes=frozenset(model.modes),
            context=model.context,
            capabilities=None if model.capabilities is None else frozenset(model.capabilities),
            price=price_from_row(model.price),
            routes=tuple(self.route(model, route) for route in model.routes),
            timeouts=model.timeouts,
            strategy=model.strategy,
            reroutes_refused=model.content_filter == "reroute",
            resume=model.resume == "auto",
            hedge=model.hedge,
        )

    def route(self, model: Model, route: Route) -> RouteEntry:
        upstream = self.upstreams[route.upstream]
        vendor = self.vendor(upstream)
        traits = vendor.traits(route.model)
        return RouteEntry(
            upstream=upstream.name,
            vendor=vendor,
            base_url=(upstream.base_url or vendor.base_url).rstrip("/"),
            options=upstream.options,
            proxy=upstream.proxy,
            credentials=self.credentials[upstream.name],
            model=route.model,
            priority=upstream.priority if route.priority is None else route.priority,
            weight=upstream.weight if route.weight is None else route.weight,
            public_name=route.public_name,
            price=price_from_row(model.price),
            cost=None if route.cost is None else price_from_row(route.cost),
            deadlines=self.deadlines(traits.pace, model.timeouts, upstream.timeouts),
            traits=traits,
            model_name=model.name,
            context=route.context or model.context,
            drain=Drain(upstream.drain_seconds, upstream.drain_tokens) if upstream.on_disconnect == "drain" else None,
            probe=upstream.probe,
        )

    def deadlines(self, pace: str, model: Timeouts, upstream: Timeouts) -> Deadlines:
        """Key by key: model beats upstream beats `[timeouts]` beats what the pace of the model asks for."""
        default = self.paces.get(pace, self.paces[STANDARD])
        tables = (default, self.global_timeouts, upstream, model)
        seconds = {
            name: value
            for table in tables
            for name, value in msgspec.structs.asdict(table).items()
            if value is not None
        }
        return Deadlines(**seconds)


def credentials(upstream: Upstream, environ: Mapping[str, str], numbers: Sequence[int] = ()) -> tuple[Credential, ...]:
    """At least one. `numbers`: what its keys are called by; none: by their places.

    Raises `SettingsError` for a missing secret.
    """
    if not upstream.keys:
        return (Credential(upstream.name),)
    try:
        secrets = [resolve_secret(key, environ) for key in upstream.keys]
    except SettingsError as error:
        raise SettingsError(f'upstream "{upstream.name}": {error}') from None
    names = numbers or range(1, len(secrets) + 1)
    return tuple(Credential(f"{upstream.name}#{number}", secret) for number, secret in zip(names, secrets, strict=True))


def _used(settings: Settings) -> list[Upstream]:
    """An upstream that nothing uses may lack its secrets."""
    used = {route.upstream for model in settings.models for route in model.routes}
    return [upstream for upstream in settings.upstreams if upstream.name in used]


def echo_settings(settings: Settings) -> Settings:
    """The settings of a start without upstreams: one free model that answers by itself."""
    route = Route(upstream=ECHO, model=ECHO)
    model = Model(name=ECHO, price=PriceRow(input="0", output="0"), routes=[route])
    return msgspec.structs.replace(settings, upstreams=[Upstream(name=ECHO, vendor=ECHO)], models=[model])
