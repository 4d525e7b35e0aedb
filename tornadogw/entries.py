"""What the settings file says and what the database adds: which upstreams and models count, and why others do not.

The file wins over the database for a name. What is wrong in the file stops a start; what is wrong in the database is
left out, as far as it is wrong, and says why. No I/O but what `env:` and `file:` lead to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tornadogw.catalogue import ECHO, Builder, Catalogue, credentials, echo_settings
from tornadogw.errors import SettingsError
from tornadogw.seals import Broken, Seal
from tornadogw.settings import Model, Settings, Upstream
from tornadogw.settings.layers import grow
from tornadogw.settings.rules import entry_problems
from tornadogw.settings.shape import build
from tornadogw.store.ports_supply import Kind, Stored, Supplied
from tornadogw.types import Credential, Price, Value
from tornadogw.vendor import Vendor

__all__ = ["DATABASE", "Entries", "Fault", "Found", "Offer", "hidden_place", "key_place"]

DATABASE = "database"
"""The origin of what is no setting."""
_KEY = re.compile(r"(upstreams|models)\[(\d+)\]\.(.+)")
_ROUTE = re.compile(r"routes\[(\d+)\]\.upstream")


def key_place(upstream: str, number: int) -> str:
    """What a key of an upstream is sealed for."""
    return f"upstream/{upstream}/key/{number}"


def hidden_place(upstream: str) -> str:
    """The same of its fields that may hold secrets."""
    return f"upstream/{upstream}/hidden"


class Fault(Value, frozen=True):
    """One thing that is wrong with an entry."""

    field: str
    """Its key inside the entry, such as `routes[0].upstream`."""
    text: str


class Found(Value, frozen=True):
    """One upstream or model, wherever it is written."""

    kind: Kind
    name: str
    origin: str
    """`FILE:LINE`, `env NAME`, `flag --NAME` or `database`."""
    table: Upstream | Model | None
    """As it is written; None: nobody can read it as one. May hold secrets."""
    counts: bool = True
    """Whether it is used at all."""
    faults: tuple[Fault, ...] = ()
    """Why it is not, or which of its routes and fallbacks are not."""
    stored: Stored | None = None
    """Of the database's."""


class Offer(Value, frozen=True):
    """All that there is at one moment."""

    revision: int
    """Of the database's last change."""
    settings: Settings
    """With the upstreams and models that count."""
    catalogue: Catalogue
    found: tuple[Found, ...]
    """The file's, then the database's."""

    def find(self, kind: Kind, name: str) -> Found | None:
        """The one that counts, if there are two of that name."""
        return next((each for each in self.found if each.kind == kind and each.name == name), None)

    @property
    def prices(self) -> Mapping[str, Price]:
        return {model.name: model.price for model in self.catalogue.models}


class Entries:
    """Lays what the database has under the settings of this process."""

    def __init__(
        self,
        settings: Settings,
        origins: Mapping[str, str],
        vendors: Mapping[str, Vendor],
        environ: Mapping[str, str],
        seal: Seal,
    ) -> None:
        """`settings` are checked; `origins` tell where each full key was set.

        Raises `SettingsError` for a vendor that nobody registered, an upstream without address, a missing secret.
        """
        self._settings, self._vendors, self._environ = settings, vendors, environ
        self.seal = seal
        used = {route.upstream for model in settings.models for route in model.routes}
        self._keys: dict[str, tuple[Credential, ...]] = {}
        self._useless: dict[str, str] = {}
        for upstream in settings.upstreams:
            try:
                self._keys[upstream.name] = credentials(upstream, environ)
            except SettingsError as error:
                if upstream.name in used:
                    raise
                self._useless[upstream.name] = str(error)
        self._builder = Builder(settings, vendors, self._keys)
        self._builder.check()
        self._read: dict[tuple[Kind, str], _Draft] = {}
        """What was made of each entry when it was read last: most are as they were."""
        self._own = tuple(_own("upstream", settings.upstreams, origins) + _own("model", settings.models, origins))

    def of(self, supplied: Supplied) -> Offer:
        """Raises `SettingsError` only if nothing at all is there."""
        drafts = [self._draft(each) for each in supplied.entries]
        self._read = {(each.stored.kind, each.stored.name): each.copy() for each in drafts}
        for draft in drafts:
            self._check_vendor(draft)
        while not self._is_clean(drafts):
            pass
        own = self._settings
        settings = self._merged(drafts)
        if not own.upstreams and not any(each.stored.kind == "model" for each in drafts):
            if ECHO not in self._vendors and not supplied.revision:
                raise SettingsError("no [[upstreams]] are configured, and the built-in echo is blocked: configure one")
            settings = echo_settings(own) if ECHO in self._vendors else own
        catalogue = self._catalogue(settings, drafts)
        found = (*self._own, *(draft.found() for draft in drafts))
        return Offer(supplied.revision, settings, catalogue, found)

    def _catalogue(self, settings: Settings, drafts: Sequence[_Draft]) -> Catalogue:
        keys = {**self._keys, ECHO: (Credential(ECHO),)} if ECHO not in self._keys else dict(self._keys)
        used = {route.upstream for model in settings.models for route in model.routes}
        for draft in drafts:
            if draft.counts and isinstance(draft.table, Upstream) and draft.table.name in used:
                numbers = [key.number for key in draft.stored.keys]
                keys[draft.stored.name] = credentials(draft.table, self._environ, numbers)
        builder, models = Builder(settings, self._vendors, keys), []
        edited = {draft.stored.name: draft for draft in drafts if draft.counts and draft.stored.kind == "model"}
        for model in settings.models:
            try:
                models.append(builder.model(model))
            except Exception as error:
                if model.name not in edited:
                    raise
                edited[model.name].ends("routes", f"the vendor plugin raised {type(error).__name__}")
        return Catalogue(models)

    def _merged(self, drafts: Iterable[_Draft]) -> Settings:
        tables = [draft.table for draft in drafts if draft.counts]
        own = self._settings
        upstreams = [*own.upstreams, *(each for each in tables if isinstance(each, Upstream))]
        models = [*own.models, *(each for each in tables if isinstance(each, Model))]
        return msgspec.structs.replace(own, upstreams=upstreams, models=models)

    def _draft(self, stored: Stored) -> _Draft:
        known = self._read.get((stored.kind, stored.name))
        if known is not None and known.stored == stored:
            return known.copy()
        draft = _Draft(stored)
        more = self._opened(draft) if stored.kind == "upstream" else {}
        if draft.counts:
            table: type[Upstream | Model] = Upstream if stored.kind == "upstream" else Model
            try:
                draft.written = draft.table = build(
                    table, grow({**stored.fields, **more, "name": stored.name}, lambda _: "")
                )
            except SettingsError as error:
                draft.ends(error.field or "name", "; ".join(line.strip() for line in str(error).splitlines()))
        own = next((each for each in self._own if each.kind == stored.kind and each.name == stored.name), None)
        if own is not None:
            draft.ends("name", f"{own.origin} has one of that name, and it wins")
        return draft

    def _opened(self, draft: _Draft) -> Mapping[str, Any]:
        """The fields of an upstream that were sealed."""
        stored, fields = draft.stored, {}
        try:
            text = self.seal.open(stored.hidden, hidden_place(stored.name)) if stored.hidden else "{}"
            fields = msgspec.json.decode(text, type=dict[str, Any])
        except (Broken, msgspec.DecodeError) as error:
            draft.ends("options", f"options and proxy: {error}")
        try:
            keys = [
                key.reference or self.seal.open(key.sealed, key_place(stored.name, key.number)) for key in stored.keys
            ]
        except Broken as error:
            draft.ends("keys", f"keys: {error}")
            return fields
        return {**fields, "keys": keys}

    def _check_vendor(self, draft: _Draft) -> None:
        if draft.counts and isinstance(draft.table, Upstream):
            try:
                _ = self._builder.vendor(draft.table)
            except SettingsError as error:
                draft.ends("base_url" if draft.table.vendor in self._vendors else "vendor", str(error))

    def _is_clean(self, drafts: Sequence[_Draft]) -> bool:
        """Whether no draft breaks a rule; what does is left out, and the others have to be looked at once more."""
        counting = [draft for draft in drafts if draft.counts]
        upstreams = [draft for draft in counting if draft.stored.kind == "upstream"]
        models = [draft for draft in counting if draft.stored.kind == "model"]
        own = self._settings
        told: dict[int, list[Fault]] = {}
        for key, sentence in entry_problems(self._merged(drafts), self._environ):
            if (parts := _KEY.fullmatch(key)) is None:
                continue
            of, first = (upstreams, len(own.upstreams)) if parts[1] == "upstreams" else (models, len(own.models))
            if (at := int(parts[2]) - first) >= 0:
                told.setdefault(drafts.index(of[at]), []).append(Fault(parts[3], f"{parts[3]} {sentence}"))
        for draft in models:
            if isinstance(draft.table, Model):
                for at, route in enumerate(draft.table.routes):
                    if why := self._useless.get(route.upstream):
                        told.setdefault(drafts.index(draft), []).append(Fault(f"routes[{at}].upstream", why))
        names = {name for model in self._merged(drafts).models for name in (model.name, *model.aliases)}
        for at, faults in told.items():
            drafts[at].lose(faults, names)
        return not told


class _Draft:
    """An entry of the database while it is looked at."""

    def __init__(self, stored: Stored) -> None:
        self.stored, self.counts = stored, True
        self.table: Upstream | Model | None = None
        """As it counts."""
        self.written: Upstream | Model | None = None
        self.faults: list[Fault] = []

    def copy(self) -> _Draft:
        new = _Draft(self.stored)
        new.counts, new.table, new.written, new.faults = self.counts, self.table, self.written, list(self.faults)
        return new

    def ends(self, field: str, text: str) -> None:
        """It does not count, for this reason."""
        self.counts = False
        self.faults.append(Fault(field, text))

    def lose(self, faults: Sequence[Fault], names: set[str]) -> None:
        """Routes that lead nowhere and unknown fallbacks go; for anything else all of it does."""
        self.faults += faults
        routes = {int(parts[1]) for fault in faults if (parts := _ROUTE.fullmatch(fault.field))}
        others = [fault for fault in faults if not _ROUTE.fullmatch(fault.field) and fault.field != "fallbacks"]
        if others or not isinstance(self.table, Model):
            self.counts = False
            return
        kept = [route for at, route in enumerate(self.table.routes) if at not in routes]
        own = {self.table.name, *self.table.aliases}
        fallbacks = [name for name in self.table.fallbacks if name in names and name not in own]
        if not kept:
            self.counts = False
            return
        self.table = msgspec.structs.replace(self.table, routes=kept, fallbacks=fallbacks)

    def found(self) -> Found:
        stored = self.stored
        return Found(stored.kind, stored.name, DATABASE, self.written, self.counts, tuple(self.faults), stored)


def _own(kind: Kind, tables: Iterable[Upstream | Model], origins: Mapping[str, str]) -> list[Found]:
    return [
        Found(kind, table.name, origins.get(f"{kind}s[{at}]", "settings"), table) for at, table in enumerate(tables)
    ]
