"""Upstreams and models as forms: what is typed as the fields of the settings, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tornadogw.errors import UsageError
from tornadogw.portal.form import Fields

__all__ = ["PRICES", "model_fields", "model_filled", "rows_filled", "upstream_fields", "upstream_filled"]

PRICES = ("input", "output", "cached_input", "cache_write", "reasoning")
_WHOLE = ("priority", "weight", "max_in_flight", "queue")
_SECONDS = ("queue_seconds", "probe")
_OBJECTS = ("timeouts", "options")
_OWNERS = ("vendor", "base_url", "proxy", "options")
"""Fields that only an owner's form has."""
_MOST_ROUTES = 100


def upstream_fields(form: Fields, *, owner: bool) -> dict[str, Any]:
    """What an upstream's form asks for; None takes a field away. Raises UsageError."""
    fields: dict[str, Any] = {name: form.whole(name) for name in _WHOLE}
    fields |= {name: _seconds(form, name) for name in _SECONDS}
    fields["on_disconnect"] = form.maybe("on_disconnect")
    fields["timeouts"] = _object(form, "timeouts")
    if owner:
        fields |= {name: form.maybe(name) for name in _OWNERS if name != "options"}
        fields["options"] = _object(form, "options")
    return fields


def upstream_filled(fields: Mapping[str, Any]) -> dict[str, str]:
    """The form of an upstream as it is."""
    names = ("vendor", "base_url", "proxy", "on_disconnect", *_WHOLE, *_SECONDS)
    filled = {name: _text(fields.get(name)) for name in names}
    return filled | {name: _json(fields.get(name)) for name in _OBJECTS}


def model_fields(form: Fields) -> dict[str, Any]:
    """What a model's form asks for; None takes a field away. Raises UsageError."""
    price = {name: text for name in PRICES if (text := form.maybe(f"price_{name}")) is not None}
    return {
        "price": price,
        "routes": _routes(form),
        "aliases": list(form.list("aliases")) or None,
        "fallbacks": list(form.list("fallbacks")) or None,
        "modes": list(form.all("modes")) or None,
        "capabilities": None if form.flag("every_capability") else list(form.all("capabilities")),
        "auto": form.whole("auto"),
        "context": form.whole("context"),
        "strategy": form.maybe("strategy"),
        "content_filter": form.maybe("content_filter"),
        "resume": form.maybe("resume"),
        "hedge": form.flag("hedge") or None,
        "timeouts": _object(form, "timeouts"),
    }


def model_filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The form of a model as it is; boxes as lists."""
    price = fields.get("price") or {}
    filled: dict[str, Any] = {f"price_{name}": _text(price.get(name)) for name in PRICES}
    filled |= {name: _text(fields.get(name)) for name in ("auto", "context", "strategy", "content_filter", "resume")}
    filled |= {name: ", ".join(fields.get(name) or ()) for name in ("aliases", "fallbacks")}
    capabilities = fields.get("capabilities")
    return filled | {
        "modes": fields.get("modes") or ["chat", "completion"],
        "capabilities": capabilities or [],
        "every_capability": "yes" if capabilities is None else "",
        "hedge": "yes" if fields.get("hedge") else "",
        "timeouts": _json(fields.get("timeouts")),
    }


def rows_filled(routes: Sequence[Mapping[str, Any]], blank: int) -> Sequence[Mapping[str, str]]:
    """A model's routes as rows of its form, and some that are blank."""
    rows = [
        {
            **{name: _text(each.get(name)) for name in ("upstream", "model", "priority", "weight", "public_name")},
            **{f"cost_{name}": _text((each.get("cost") or {}).get(name)) for name in ("input", "output")},
            "rest": _json(_rest(each)),
        }
        for each in routes
    ]
    return [*rows, *({} for _ in range(blank))]


def _rest(route: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a row has no box for: it goes through the form as it is."""
    cost = {name: value for name, value in (route.get("cost") or {}).items() if name not in ("input", "output")}
    rest = {"context": route.get("context"), "cost": {name: value for name, value in cost.items() if value} or None}
    return {name: value for name, value in rest.items() if value}


def _routes(form: Fields) -> list[dict[str, Any]]:
    """Those rows that name an upstream."""
    routes = []
    for at in range(_MOST_ROUTES):
        if not form.text(f"route{at}_upstream"):
            continue
        rest = _object(form, f"route{at}_rest") or {}
        cost = {name: text for name in ("input", "output") if (text := form.maybe(f"route{at}_cost_{name}"))}
        route: dict[str, Any] = {
            **rest,
            **{name: form.maybe(f"route{at}_{name}") for name in ("upstream", "model", "public_name")},
            **{name: form.whole(f"route{at}_{name}") for name in ("priority", "weight")},
            "cost": {**(rest.get("cost") or {}), **cost} or None,
        }
        routes.append({name: value for name, value in route.items() if value is not None})
    return routes


def _seconds(form: Fields, name: str) -> float | None:
    text = form.text(name)
    try:
        return float(text) if text else None
    except ValueError:
        raise UsageError(f"{text[:40]!r} is no number", zh=f"{text[:40]!r} 不是数字", field=name) from None


def _object(form: Fields, name: str) -> dict[str, Any] | None:
    text = form.text(name)
    if not text:
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"{name} is no JSON object", zh=f"{name} 不是 JSON 对象", field=name)
    return found or None


def _text(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _json(value: Any) -> str:
    plain = {name: each for name, each in (value or {}).items() if each is not None}
    return msgspec.json.format(msgspec.json.encode(plain), indent=1).decode() if plain else ""
