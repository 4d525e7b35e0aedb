"""One operation of the admin API: where it is, what it takes and gives, and who may. Types stand at its function."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any, get_type_hints
from urllib.parse import unquote

from tornadogw.accounts.admin_tokens import Bearer
from tornadogw.accounts.desk import Actor
from tornadogw.accounts.office import Office
from tornadogw.handlers.base import Parts
from tornadogw.types import Value

__all__ = ["BASE", "Ask", "Operation", "Operations"]

BASE = "/admin/api/v1/"
_OTHERS: Mapping[str, Sequence[str]] = {
    "amount": ("daily",),
    "budget": ("budget_total",),
    "daily_budget": ("budget_daily",),
    "day": ("since",),
    "id": ("token_id",),
    "keys": ("key",),
    "plan": ("name",),
    "start": ("since",),
    "tpm": ("tokens_per_minute",),
    "zone": ("time_zone",),
}
"""Words of forms and commands, by which services name fields, and those of this API."""
_NAME = re.compile(r"\{([a-z_]+)\}")


class Ask(Value, frozen=True):
    """Who asks, and what the answer is made of."""

    parts: Parts
    bearer: Bearer

    @property
    def office(self) -> Office:
        return self.parts.office

    @property
    def actor(self) -> Actor:
        return self.bearer.actor

    @property
    def by(self) -> str:
        """For the audit log."""
        return self.actor.by


class Operation(Value, frozen=True):
    """`path` is below `BASE`; the names in it are arguments of `run`, as are `query` and `body` if it has them."""

    method: str
    path: str
    scope: str
    """What the token must have."""
    run: Callable[..., Awaitable[Any]]
    """Raises UsageError, StoreUnavailable."""
    summary: str

    @property
    def id(self) -> str:
        return f"{self.run.__module__.rpartition('.')[2]}_{self.run.__name__}"

    @property
    def names(self) -> Sequence[str]:
        """The arguments in its path."""
        return _NAME.findall(self.path)

    @property
    def query(self) -> Any:
        """The type of the arguments after the question mark; None: there are none."""
        return _hints(self.run).get("query")

    @property
    def body(self) -> Any:
        """The type of the body; None: there is none."""
        return _hints(self.run).get("body")

    @property
    def gives(self) -> Any:
        """The type of `data` in the answer."""
        return _hints(self.run)["return"]

    def theirs(self, field: str) -> str:
        """What a client calls the field that a service names: one of its own, as far as it has one."""
        known = {*self.names, *(name for given in (self.query, self.body) if given for name in given.__struct_fields__)}
        return field if field in known else next((name for name in _OTHERS.get(field, ()) if name in known), field)


@cache
def _hints(run: Callable[..., Awaitable[Any]]) -> Mapping[str, Any]:
    return get_type_hints(run, include_extras=True)


class Operations:
    """Finds the one that is meant."""

    def __init__(self, table: Sequence[Operation]) -> None:
        self._paths: dict[int, dict[tuple[str, ...], dict[str, Operation]]] = {}
        for each in table:
            parts = tuple(each.path.split("/"))
            self._paths.setdefault(len(parts), {}).setdefault(parts, {})[each.method] = each

    def find(self, path: str) -> tuple[Mapping[str, Operation], Mapping[str, str]]:
        """Those of a path by their verb, and the arguments in it; none if there is no such path."""
        given = path.split("/")
        for template, methods in self._paths.get(len(given), {}).items():
            if all(part == word or part.startswith("{") for part, word in zip(template, given, strict=True)):
                found = {
                    part[1:-1]: unquote(word)
                    for part, word in zip(template, given, strict=True)
                    if part.startswith("{")
                }
                return methods, found
        return {}, {}
