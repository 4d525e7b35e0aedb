"""Vendors as data: the profile of a chat-dialect vendor, from `data/vendors.toml` and from the operator's settings.

A row inherits from `[default]`, or from the row that it is `like`; its `models` do the same for the models they match.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from tornadogw.errors import SettingsError

__all__ = ["Auth", "Class", "Counts", "Form", "Prefill", "Profile", "Row", "builtin_rows", "load"]

Class = Literal[
    "key",
    "billing",
    "quota",
    "barred",
    "rate",
    "overloaded",
    "missing",
    "unable",
    "context",
    "filter",
    "client",
    "retry",
]
"""What an error says about the upstream; `chat_failure` turns it into a `Failure`."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every table of a row."""


class Auth(Table, frozen=True):
    """How the key is sent. Without a key nothing is sent."""

    header: str = "authorization"
    prefix: str = "Bearer "


class Form(Table, frozen=True):
    """Another surface of the same vendor, chosen by the upstream's `options.form` or by its host."""

    hosts: list[str] = []
    """Patterns of hosts that imply this form."""
    url: str | UnsetType = UNSET
    completion_url: str | UnsetType = UNSET
    options: dict[str, str] = {}


class Counts(Table, frozen=True):
    """Where a usage object holds its counts: dotted paths, the first that is there counts."""

    prompt: list[str] = []
    completion: list[str] = []
    cached: list[str] = []
    cache_write: list[str] = []
    reasoning: list[str] = []
    total: list[str] = []


class Prefill(Table, frozen=True):
    """How a chat goes on with an answer whose beginning is the last message."""

    answers: Literal["", "rest", "whole"] = ""
    """With the rest, or with the whole answer, the beginning included; empty: it does not."""
    message: dict[str, Any] = {}
    """Further members of that message."""
    body: dict[str, Any] = {}
    """Sent as well."""
    url: str = ""
    """Where it is done; empty: where chats are."""


class Profile(Table, frozen=True):
    """What a vendor, or one of its models, does differently."""

    # Where it is. `{base}`, `{model}` and the names of options are filled in; `{root}` is the base without its version.
    base_url: str = ""
    url: str = "{base}/chat/completions"
    completion_url: str = "{base}/completions"
    options: dict[str, str] = {}
    """Defaults of the upstream's options that addresses and headers name."""
    forms: dict[str, Form] = {}
    auth: Auth = Auth()
    auths: dict[str, Auth] = {}
    """Other ways, chosen by the upstream's `options.auth`."""
    headers: dict[str, str] = {}
    """Sent if every option they name is there."""

    # What the core must know before it calls (see Traits).
    relay: Literal["raw", "translated"] = "translated"
    json: Literal["stream", "whole"] = "stream"
    whole_params: list[str] = []
    completion: Literal["chat", "native", "only"] = "chat"
    """How legacy completion is served; `native`: at an endpoint of its own, `only`: the model does nothing else."""
    token_prompts: bool = False
    pace: Literal["", "reasoning", "self-hosted"] = ""
    image_tokens: int = 1600
    template_tokens: int = 0
    """Prompt tokens of the vendor's own that it counts in every call: instructions, pages that it reads."""
    default_temperature: bool = True
    """Takes a temperature that the client did not ask for."""

    # What goes into the request.
    max_tokens: str = "max_tokens"
    """The name of the output limit in chat."""
    stream_usage: bool = True
    """Takes `stream_options.include_usage`."""
    rename: dict[str, str] = {}
    drop: list[str] = []
    """Parameters left out, and told to the client."""
    refuse: list[str] = []
    """Parameters that another vendor must serve, unless their value changes nothing."""
    allow: list[str] = []
    """Parameters that go upstream after all, although a row it inherits from drops or refuses them."""
    tool_types: list[str] = []
    """Types of tools that go upstream; others run at the vendor, at a price of their own. Empty: all do."""
    tool_nulls: bool = True
    """Takes null for a member of a function that may as well be missing."""
    refuse_values: dict[str, list[str]] = {}
    """Values, or the `type` of objects, that another vendor must serve."""
    omit_values: dict[str, list[str]] = {}
    """Values, or the `type` of objects, with which a parameter is left out."""
    values: dict[str, dict[str, Any]] = {}
    """Values that have another name here."""
    ranges: dict[str, tuple[float, float]] = {}
    """Numbers are moved into the range."""
    ranges_several: dict[str, tuple[float, float]] = {}
    """The same where more than one choice is asked for."""
    refuse_beside: dict[str, list[str]] = {}
    """Parameters that another vendor must serve if one of these is there as well."""
    body: dict[str, Any] = {}
    """Sent unless the client says otherwise."""
    whole_body: dict[str, Any] = {}
    """The same where JSON is asked for, no stream."""
    effort: dict[str, dict[str, Any]] = {}
    """What stands for each `reasoning_effort`; `*`: for any other. Without it the parameter is sent as it is."""
    roles: dict[str, str] = {}
    refuse_roles: list[str] = []
    """Roles whose messages another vendor must serve."""
    alternate: bool = False
    """Turns of user and assistant must take turns: neighbours of one role are joined."""
    single_system: bool = False
    """Takes one system message: they are joined into the first."""
    image_urls: bool = True
    """Fetches images by their address. Engines on the operator's own machines must not: they see his network."""
    flat_text: bool = False
    """Takes text as a string only, not as a list of parts."""
    history: str = ""
    """The field in which an earlier answer's reasoning goes back; `tags`: inside the text; empty: it is left out."""
    history_blank: bool = False
    """Refuses an earlier answer with tool calls without its reasoning: where the client lost it, a blank stands in."""
    prefill: Prefill = Prefill()
    history_details: bool = False
    """`reasoning_details` go back unchanged."""
    tool_id_length: int = 0
    """Ids of tool calls must be that many letters and digits; 0: any id will do."""

    # Where things are in the answer.
    reasoning: list[str] = []
    """Fields of a delta or message that hold reasoning; if several do, the first in the answer counts."""
    reasoning_details: bool = False
    """Reasoning may be in `reasoning_details[].text` alone."""
    think: bool = False
    """Reasoning may stand in `<think>` tags at the beginning of the text."""
    usage: list[str] = []
    """Paths in a chunk or body; the last that is not null counts."""
    counts: Counts = Counts()
    reasoning_apart: bool = False
    """Completion tokens may exclude reasoning tokens; the total tells."""
    finish: dict[str, str] = {}
    finish_tools: bool = False
    """Says `stop` after tool calls."""
    ignore: list[str] = []
    """Top-level fields that are the vendor's padding and bookkeeping."""

    # What errors mean.
    codes: dict[str, Class] = {}
    """Codes and types, lower case; `*` matches anything."""
    words: dict[str, Class] = {}
    """Parts of messages, lower case, in order. What stands in quotes does not count; the quotes themselves are ``."""
    openings: dict[str, Class] = {}
    """Beginnings of messages, lower case, that only the vendor itself writes: believed whatever the status."""
    reset_headers: list[str] = []
    """Headers that tell when a limit that was hit is free again."""


class Row(msgspec.Struct, frozen=True):
    """One vendor: its name, its profile, and what its models do differently."""

    name: str
    profile: Profile
    _raw: Mapping[str, Any]
    _models: tuple[Mapping[str, Any], ...]

    def profile_for(self, model: str) -> Profile:
        """The profile of one model, by the vendor's name of it."""
        matching = [rule for rule in self._models if _matches(rule, model.lower())]
        if not matching:
            return self.profile
        raw = self._raw
        for rule in matching:
            raw = _merge(raw, _without(rule, _RULE_KEYS))
        return _converted(raw)


_ROW_KEYS = frozenset({"like", "models"})
_RULE_KEYS = frozenset({"match", "unless"})


@cache
def builtin_rows() -> Mapping[str, Any]:
    """The rows of `data/vendors.toml` as they stand there. Read once; nobody may change them."""
    return tomllib.loads((files("tornadogw") / "data" / "vendors.toml").read_text(encoding="utf-8"))


def load(extra: Mapping[str, Mapping[str, Any]] | None = None) -> list[Row]:
    """The built-in rows and the operator's. A row of an existing name changes that row.

    :raises SettingsError: a key or value is wrong; names the row and the nearest match.
    """
    if not extra:
        return list(_plain())
    rows: dict[str, Any] = dict(builtin_rows())
    for name, row in extra.items():
        if not isinstance(row, Mapping):
            raise SettingsError(f"vendors.{name} must be a table")
        known = rows.get(name)
        rows[name] = _merge(known, row) if isinstance(known, Mapping) else row
    return [_row(name, rows) for name in rows if name != "default"]


@cache
def _plain() -> tuple[Row, ...]:
    """The built-in rows as they come; checking them takes longer than most of a start."""
    rows = builtin_rows()
    return tuple(_row(name, rows) for name in rows if name != "default")


def _row(name: str, rows: Mapping[str, Any]) -> Row:
    raw = _resolved(name, rows, ())
    models = tuple(raw.get("models", ()))
    raw = _without(raw, _ROW_KEYS)
    row = Row(name, _profile(f"vendors.{name}", raw), raw, models)
    for position, rule in enumerate(models):
        where = f"vendors.{name}.models[{position}]"
        if not isinstance(rule, Mapping) or not _patterns(rule.get("match")) or not _patterns(rule.get("unless", [])):
            raise SettingsError(f"{where} needs `match`, and may have `unless`: lists of patterns of model names")
        _profile(where, _merge(raw, _without(rule, _RULE_KEYS)))
    return row


def _resolved(name: str, rows: Mapping[str, Any], above: tuple[str, ...]) -> Mapping[str, Any]:
    """A row with everything that it inherits."""
    row = rows[name]
    parent = row.get("like", "default")
    if name == "default":
        return row  # type: ignore[no-any-return]  # rows come from TOML or from tables already checked
    if parent in above or parent == name:
        raise SettingsError(f"vendors.{name}.like: `{parent}` leads back to `{name}`")
    if parent not in rows:
        raise SettingsError(f"vendors.{name}.like: there is no vendor `{parent}`{_nearest(parent, rows)}")
    return _merge(_resolved(parent, rows, (*above, name)), row)


def _profile(where: str, raw: Mapping[str, Any]) -> Profile:
    known = Profile.__struct_fields__
    for key in raw:
        if key not in known:
            raise SettingsError(f"{where}.{key}: unknown key{_nearest(key, known)}")
    try:
        return _converted(raw)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}") from error


def _converted(raw: Mapping[str, Any]) -> Profile:
    profile = msgspec.convert(raw, Profile)
    if not profile.allow:
        return profile
    drop, refuse = ([name for name in names if name not in profile.allow] for names in (profile.drop, profile.refuse))
    return msgspec.structs.replace(profile, drop=drop, refuse=refuse)


def _merge(base: Any, over: Mapping[str, Any]) -> Mapping[str, Any]:
    """`over` on `base`: tables merge, lists add up, everything else replaces."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            merged[key] = _merge(old, value)
        elif isinstance(value, list) and isinstance(old, list) and not _is_range(value):
            merged[key] = [*old, *(item for item in value if item not in old)]
        else:
            merged[key] = value
    return merged


def _is_range(value: list[Any]) -> bool:
    return len(value) == 2 and all(isinstance(item, int | float) for item in value)  # noqa: PLR2004  # [least, most]


def _matches(rule: Mapping[str, Any], model: str) -> bool:
    return _any_match(rule["match"], model) and not _any_match(rule.get("unless", ()), model)


def _any_match(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern.lower()) for pattern in patterns)


def _patterns(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _without(raw: Mapping[str, Any], keys: frozenset[str]) -> Mapping[str, Any]:
    return {key: value for key, value in raw.items() if key not in keys}


def _nearest(key: str, known: Iterable[str]) -> str:
    close = get_close_matches(key, list(known), n=1)
    return f", did you mean `{close[0]}`?" if close else ""
