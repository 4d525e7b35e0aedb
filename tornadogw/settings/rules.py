"""What a type cannot say: names that must exist, names that must differ, and texts that must have a form."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Collection, Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from tornadogw.errors import SettingsError
from tornadogw.settings.schema import did_you_mean
from tornadogw.settings.secrecy import resolve_secret
from tornadogw.settings.tables import CostRow, Model, PriceRow, Server, Settings, Upstream

__all__ = ["AUTO", "Problem", "broken_rules", "entry_problems", "is_secure"]

AUTO = "auto"
"""The model name under which the gateway chooses."""

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_PAGES = {"healthz", "readyz", "metrics", "docs", "models", "status", "login", "register", "console", "admin"}
_PAGES |= {"confirm", "forgot", "reset"}
_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/\s]+")
_DATABASE = re.compile(r"[A-Za-z0-9_-]{1,38}")
_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_TOKEN = re.compile(r"[\x21-\x7e]{16,}")
_SENDER = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,253}")
_DOMAIN = re.compile(r"[^\s@.]{1,63}(\.[^\s@.]{1,63})*")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_NAME = re.compile(r"[^\s#\x00-\x20\x7f]+")

_LAST_PORT = 65535

Problem = tuple[str, str]
"""A full key and a sentence about it."""


def broken_rules(settings: Settings, origins: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """One line for each rule that the settings break; `origins` tells where a full key was set."""
    problems = [
        *_server(settings.server),
        *_sections(settings, environ),
        *entry_problems(settings, environ),
    ]
    return [f"{origins.get(key, 'default')}: {key} {sentence}" for key, sentence in problems]


def entry_problems(settings: Settings, environ: Mapping[str, str]) -> list[Problem]:
    """The rules that upstreams and models break; of two that want one name it is the later one that does."""
    return [*_upstreams(settings, environ), *_names(settings.models), *_models(settings)]


def _server(server: Server) -> Iterator[Problem]:
    if not _PREFIX.fullmatch(server.prefix) or server.prefix == "/v1" or server.prefix.split("/")[1] in _PAGES:
        yield "server.prefix", 'must be a path such as "/xlei/v1": no slash at its end, not "/v1", not that of a page'
    if server.public_url and not _is_url(server.public_url, "http", "https"):
        yield "server.public_url", 'must be an address such as "https://gateway.example"'
    for text in server.trusted_proxies:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            yield "server.trusted_proxies", f'must hold addresses or networks such as "10.0.0.0/8", not "{text}"'
    for text in server.cors_origins:
        if not _ORIGIN.fullmatch(text):
            yield "server.cors_origins", f'must hold "*" or origins such as "https://app.example", not "{text}"'
    try:
        re.compile(server.json_clients)
    except re.error as error:
        yield "server.json_clients", f"is no regular expression: {error}"


def _sections(settings: Settings, environ: Mapping[str, str]) -> Iterator[Problem]:
    yield from _secret("server.secret", settings.server.secret, environ)
    unresolved = list(_secret("mongo.url", settings.mongo.url, environ))
    yield from unresolved
    if settings.mongo.url and not unresolved:
        url = resolve_secret(settings.mongo.url, environ)
        if not url.startswith(("mongodb://", "mongodb+srv://")):
            yield "mongo.url", "must begin with mongodb:// or mongodb+srv://"
    if not _DATABASE.fullmatch(settings.mongo.database):
        yield "mongo.database", "must be 1 to 38 letters, digits, `_` or `-`"
    if not re.fullmatch("[A-Z]{3}", settings.money.currency):
        yield "money.currency", 'must be a three-letter code such as "CNY"'
    yield from _time_zone(settings.money.time_zone)
    yield from _metrics(settings, environ)
    yield from _mail(settings, environ)
    yield from _oidc(settings, environ)
    yield from _secret("tracing.authorization", settings.tracing.authorization, environ)
    endpoint = settings.tracing.endpoint
    if endpoint and not endpoint.startswith(("http://", "https://")):
        yield "tracing.endpoint", "must begin with http:// or https://"


def _mail(settings: Settings, environ: Mapping[str, str]) -> Iterator[Problem]:
    mail = settings.mail
    yield from _secret("mail.password", mail.password, environ)
    if not mail.host:
        return
    if not settings.server.public_url:
        yield "mail.host", "needs `server.public_url`: mails have links to it"
    if not _SENDER.fullmatch(mail.sender):
        yield "mail.sender", 'must be an e-mail address such as "gateway@example.com"'


def _oidc(settings: Settings, environ: Mapping[str, str]) -> Iterator[Problem]:
    oidc = settings.oidc
    yield from _secret("oidc.client_secret", oidc.client_secret, environ)
    if not oidc.issuer:
        return
    if not is_secure(oidc.issuer) or "?" in oidc.issuer:
        yield "oidc.issuer", 'must be an address such as "https://login.example"; plain http only on this machine'
    if not settings.server.public_url:
        yield "oidc.issuer", "needs `server.public_url`: the provider sends people back to it"
    if not oidc.client_id:
        yield "oidc.client_id", "is empty: the provider gives it to whoever registers this deployment there"
    if "openid" not in oidc.scopes.split():
        yield "oidc.scopes", 'must have "openid" in it'
    for domain in oidc.allow:
        if not _DOMAIN.fullmatch(domain):
            yield "oidc.allow", f'must hold domains such as "example.com", not "{domain}"'


def _metrics(settings: Settings, environ: Mapping[str, str]) -> Iterator[Problem]:
    metrics, last = settings.metrics, settings.metrics.port + settings.server.workers - 1
    if metrics.port and last > _LAST_PORT:
        yield "metrics.port", f"must leave a port for each worker up to {_LAST_PORT}, not up to {last}"
    unresolved = list(_secret("metrics.token", metrics.token, environ))
    yield from unresolved
    if metrics.token and not unresolved and not _TOKEN.fullmatch(resolve_secret(metrics.token, environ)):
        yield "metrics.token", "must be 16 characters at least, ASCII and without blanks"


def _time_zone(name: str) -> Iterator[Problem]:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        if known:
            yield "money.time_zone", f'"{name}" is no time zone; {did_you_mean(name, known)}'
        else:
            yield "money.time_zone", f'"{name}" cannot be looked up: this system has no time zones, install tzdata'


def _secret(key: str, text: str, environ: Mapping[str, str]) -> Iterator[Problem]:
    if text:
        yield from _key(key, text, environ)


def _key(key: str, text: str, environ: Mapping[str, str]) -> Iterator[Problem]:
    try:
        resolve_secret(text, environ)
    except SettingsError as error:
        yield key, f"cannot be used: {error}"


def _upstreams(settings: Settings, environ: Mapping[str, str]) -> Iterator[Problem]:
    used = {route.upstream for model in settings.models for route in model.routes}
    seen: set[str] = set()
    for index, upstream in enumerate(settings.upstreams):
        key = f"upstreams[{index}]"
        if not _NAME.fullmatch(upstream.name):
            yield f"{key}.name", "must be a name without spaces and `#`"
        if upstream.name in seen:
            yield f"{key}.name", f'"{upstream.name}" is taken by another upstream'
        seen.add(upstream.name)
        yield from _addresses(key, upstream)
        if upstream.name in used:
            for text in upstream.keys:
                yield from _key(f"{key}.keys", text, environ)


def _addresses(key: str, upstream: Upstream) -> Iterator[Problem]:
    if upstream.base_url and not _is_url(upstream.base_url, "http", "https"):
        yield f"{key}.base_url", 'must be an address such as "https://api.example/v1"'
    if upstream.proxy and not _is_url(upstream.proxy, "http", "https"):
        yield f"{key}.proxy", 'must be an HTTP proxy such as "http://proxy.example:3128"'


def _names(models: Iterable[Model]) -> Iterator[Problem]:
    """Names and aliases share one space, in which `auto` is taken."""
    owners = {AUTO: "the gateway's own choice"}
    for index, model in enumerate(models):
        for field, names in (("name", [model.name]), ("aliases", model.aliases)):
            for name in names:
                key = f"models[{index}].{field}"
                if not _NAME.fullmatch(name):
                    yield key, "must be a name without spaces and `#`"
                elif name in owners:
                    yield key, f'"{name}" is taken by {owners[name]}'
                else:
                    owners[name] = f'model "{model.name}"'


def _models(settings: Settings) -> Iterator[Problem]:
    upstreams = {upstream.name for upstream in settings.upstreams}
    names = {name: model.name for model in settings.models for name in (model.name, *model.aliases)}
    for index, model in enumerate(settings.models):
        key = f"models[{index}]"
        yield from _prices(f"{key}.price", model.price)
        yield from _routes(f"{key}.routes", model, upstreams)
        yield from _fallbacks(f"{key}.fallbacks", model, names)
        if not model.modes:
            yield f"{key}.modes", 'must hold "chat", "completion" or both'
    default = settings.defaults.model
    if settings.models and default != AUTO and default not in names:
        yield "defaults.model", f'names no model: "{default}"; {did_you_mean(default, [AUTO, *names])}'


def _routes(key: str, model: Model, upstreams: Collection[str]) -> Iterator[Problem]:
    if not model.routes:
        yield key, "is empty: say which upstream serves the model"
    for index, route in enumerate(model.routes):
        if route.upstream not in upstreams:
            sentence = f'names no upstream: "{route.upstream}"; {did_you_mean(route.upstream, upstreams)}'
            yield f"{key}[{index}].upstream", sentence
        if route.cost is not None:
            yield from _prices(f"{key}[{index}].cost", route.cost)


def _fallbacks(key: str, model: Model, names: Mapping[str, str]) -> Iterator[Problem]:
    for other in model.fallbacks:
        if other not in names:
            yield key, f'names no model: "{other}"; {did_you_mean(other, names)}'
        elif names[other] == model.name:
            yield key, "names the model itself"


def _prices(key: str, row: PriceRow | CostRow) -> Iterator[Problem]:
    for field in row.__struct_fields__:
        text = getattr(row, field)
        if text is not None and not _PRICE.fullmatch(text):
            yield f"{key}.{field}", f'must be a decimal number such as "0.27", with at most six decimals, not "{text}"'


def is_secure(url: str) -> bool:
    """Whether it is an address to which secrets may go: by TLS, or inside this machine."""
    if not _is_url(url, "http", "https") or "#" in url:
        return False
    parts = urlsplit(url)
    return "@" not in parts.netloc and (parts.scheme == "https" or parts.hostname in _LOOPBACK)


def _is_url(text: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and port != 0 and not re.search(r"\s", text)
