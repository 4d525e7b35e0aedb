"""The typed tables of the settings: names, types, defaults. Each attribute's `_help` is its line in docs/settings.md.

Prices stay decimal strings here (`pricing` turns them into integers), secrets stay references until they are used.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from typing_extensions import override

from tornadogw.settings.secrecy import mask

Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0, le=86400)]


def _help(text: str) -> Meta:
    return Meta(description=text)


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every table. Neither repr shows a secret."""

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    @override
    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, mask(name, getattr(self, name))) for name in self.__struct_fields__]


class Server(Table, frozen=True):
    host: Annotated[str, _help("Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, _help("Port to listen on; 0 takes a free one.")] = 8080
    prefix: Annotated[str, _help("Path of the API beside `/v1`.")] = "/xlei/v1"
    workers: Annotated[Positive, _help("Processes that answer requests; at most one for each core helps.")] = 1
    public_url: Annotated[str, _help("Address under which users reach the gateway; empty: http://host:port.")] = ""
    secret: Annotated[
        str, _help("Keys are hashed with it; may be `env:NAME` or `file:/path`. Empty: made once in the data folder.")
    ] = ""
    trusted_proxies: Annotated[list[str], _help("Networks whose `X-Forwarded-For` is believed.")] = []
    language: Annotated[Literal["zh", "en"], _help("Language of messages when the client prefers none.")] = "zh"
    cors_origins: Annotated[list[str], _help("Origins that browsers may call the API from; `*`: all.")] = msgspec.field(
        default_factory=lambda: ["*"]
    )
    max_body_bytes: Annotated[Positive, _help("Largest request body in bytes.")] = 33554432
    body_timeout: Annotated[Seconds, _help("Seconds in which a request body must arrive.")] = 30.0
    drain: Annotated[Seconds, _help("Seconds that running answers get to finish on a stop.")] = 30.0
    buffer_bytes: Annotated[
        NotNegative,
        _help("Bytes of a stream that `X-Gateway-Buffer: full` holds back until it is whole; 0: it is not done."),
    ] = 1048576
    json_clients: Annotated[
        str, _help("Pattern of `User-Agent` whose requests without `stream` want JSON; empty: the built-in one.")
    ] = ""


class Portal(Table, frozen=True):
    enabled: Annotated[bool, _help("Whether the pages for people are served; the API is in any case.")] = True
    title: Annotated[str, _help("What the pages call this deployment.")] = "tornadogw"
    registration: Annotated[
        Literal["open", "invitation", "closed"],
        _help("Who may make an account: anybody, who has an invitation, or nobody; operators always can."),
    ] = "open"
    login_days: Annotated[Annotated[int, Meta(ge=1, le=365)], _help("Days for which a login lasts.")] = 14


class Mail(Table, frozen=True):
    host: Annotated[
        str,
        _help("Mail server (SMTP) through which people get links; needs `server.public_url`. Empty: no mail is sent."),
    ] = ""
    port: Annotated[Annotated[int, Meta(ge=1, le=65535)], _help("Its port.")] = 587
    tls: Annotated[
        Literal["starttls", "tls", "none"],
        _help("How it is encrypted: after a greeting, from the first byte (port 465), or not, inside one machine."),
    ] = "starttls"
    user: Annotated[str, _help("Name to log in with; empty: without.")] = ""
    password: Annotated[str, _help("Password to log in with; may be `env:NAME` or `file:/path`.")] = ""
    sender: Annotated[str, _help("E-mail address that mails come from.")] = ""
    timeout: Annotated[Seconds, _help("Seconds that one try to send a mail may take.")] = 20.0


class Oidc(Table, frozen=True):
    issuer: Annotated[
        str,
        _help("Address of an OpenID provider; needs `server.public_url` and the extra `oidc`. Empty: it is not asked."),
    ] = ""
    client_id: Annotated[str, _help("Name under which the provider knows this deployment.")] = ""
    client_secret: Annotated[
        str, _help("Its secret there; may be `env:NAME` or `file:/path`. Empty: a public client, which has none.")
    ] = ""
    name: Annotated[str, _help("What people call the provider: on the button of the log-in.")] = "OpenID"
    scopes: Annotated[str, _help("What is asked for, parted by blanks; `openid` must be in it.")] = "openid email"
    allow: Annotated[list[str], _help("Domains of e-mail addresses that may come in; empty: all.")] = []
    create: Annotated[
        bool, _help("Whether unknown people get an account; only where `portal.registration` is `open`.")
    ] = True


class Mongo(Table, frozen=True):
    url: Annotated[
        str,
        _help("MongoDB replica set; may be `env:NAME` or `file:/path`. Empty: a private mongod under the data folder."),
    ] = ""
    database: Annotated[str, _help("Name of the database.")] = "tornadogw"
    timeout_ms: Annotated[Positive, _help("Milliseconds that one database operation may take.")] = 2000


class Money(Table, frozen=True):
    currency: Annotated[str, _help("Three-letter code, shown beside amounts.")] = "CNY"
    time_zone: Annotated[str, _help("Time zone of days where an account has none of its own, an IANA name.")] = (
        "Asia/Shanghai"
    )
    journal: Annotated[
        Literal["disk", "mongo"],
        _help(
            "Where a charge stands before an answer ends: `disk`, a file in the data folder; `mongo`, the database, "
            "for containers without a disk, where the end of each answer waits for it."
        ),
    ] = "disk"
    lease_seconds: Annotated[
        Annotated[float, Meta(ge=3, le=3600)],
        _help("Seconds for which a process takes money of an account on lease; so long calls go on without MongoDB."),
    ] = 30.0
    reclaim_after: Annotated[
        Annotated[float, Meta(ge=0, le=86400)],
        _help("Seconds after its end in which a lease may still be renewed: longer than a restart takes."),
    ] = 60.0


class Usage(Table, frozen=True):
    keep_events: Annotated[
        Annotated[int, Meta(ge=2, le=36500)],
        _help("Days for which each call is kept; lowered, older ones are removed for good."),
    ] = 90
    keep_days: Annotated[
        Annotated[int, Meta(ge=2, le=36500)],
        _help("Days for which the sums of an account's day are kept."),
    ] = 400


class Explain(Table, frozen=True):
    days: Annotated[
        Annotated[int, Meta(ge=0, le=3650)],
        _help("Days for which it is kept why each request went as it did; 0: not at all."),
    ] = 7
    log: Annotated[
        Literal["none", "trouble", "all"],
        _help("Which requests are told in the log, too: none, those in which something failed, or all."),
    ] = "trouble"
    upstream_names: Annotated[
        bool, _help("Whether users read the names of upstreams in the records of their requests; else numbers.")
    ] = False


class Limits(Table, frozen=True):
    ip_per_minute: Annotated[Positive, _help("Requests per minute and client address.")] = 500
    key_per_minute: Annotated[Positive, _help("Requests per minute and API key without a limit of its own.")] = 100
    key_tokens_per_minute: Annotated[
        NotNegative, _help("Tokens per minute and API key, prompt and output, counted when a call ends; 0: any number.")
    ] = 0
    key_concurrent: Annotated[NotNegative, _help("Calls of an API key that may run at once; 0: any number.")] = 0
    window: Annotated[Seconds, _help("Seconds that these limits count as a minute; for tests.")] = 60.0


class Metrics(Table, frozen=True):
    host: Annotated[str, _help("Address for Prometheus; whoever reaches it may read the figures.")] = "127.0.0.1"
    port: Annotated[
        Port,
        _help("Port of `/metrics` there; further workers have the ports after it. 0: none."),
    ] = 0
    token: Annotated[
        str,
        _help(
            "Bearer token with which `/metrics` is served at the API's address too; may be `env:NAME` or `file:/path`. "
            "Empty: it is not."
        ),
    ] = ""


class Tracing(Table, frozen=True):
    endpoint: Annotated[
        str,
        _help(
            "Where OpenTelemetry traces go, by OTLP over HTTP: `http://127.0.0.1:4318/v1/traces`; needs the extra "
            "`otel`. Empty: there are none."
        ),
    ] = ""
    authorization: Annotated[
        str, _help("The header `Authorization` that goes with them; may be `env:NAME` or `file:/path`.")
    ] = ""
    share: Annotated[float, Meta(ge=0, le=1), _help("Of how many calls; 0.1: of every tenth.")] = 1.0


class Defaults(Table, frozen=True):
    model: Annotated[str, _help("Model of requests that name none.")] = "auto"
    max_tokens: Annotated[Positive, _help("Output limit in tokens of requests that name none.")] = 1000
    temperature: Annotated[float, Meta(ge=0, le=2), _help("Temperature of requests that name none.")] = 0.7


Share = Annotated[float, Meta(ge=0, le=1000)]


class Auto(Table, frozen=True):
    """Weights of the score in `auto`; tornadogw/auto.py has the formula."""

    rank: Annotated[Share, _help("What one step of a model's rank counts.")] = 1.0
    price: Annotated[Share, _help("What being the dearest counts, beside being free.")] = 0.0
    health: Annotated[Share, _help("What failing every call counts, beside failing none.")] = 1.5
    latency: Annotated[Share, _help("What being very slow counts; 5 seconds to the first event count half of it.")] = (
        0.5
    )
    need: Annotated[Share, _help("What every capability counts that the request has no need of.")] = 0.0


class Health(Table, frozen=True):
    retry_disabled: Annotated[
        Seconds, _help("Seconds after which one call looks whether a disabled upstream key is of use again.")
    ] = 3600.0


class Images(Table, frozen=True):
    allow: Annotated[
        list[str],
        _help("Hosts, or `host:port`, that images may be fetched from although they are not public; else none is."),
    ] = []
    max_bytes: Annotated[Positive, _help("Bytes that all the fetched images of one request may have.")] = 10485760
    timeout: Annotated[Seconds, _help("Seconds in which an image must be there, redirects included.")] = 10.0


class Timeouts(Table, frozen=True):
    """Seconds. None: as in the wider table, in the end as `tornadogw/data/timeouts.toml` says for the model's pace."""

    connect: Annotated[Seconds | None, _help("Seconds to connect to an upstream (default 5).")] = None
    first_event: Annotated[
        Seconds | None, _help("Seconds to the first useful event (default 12, reasoning models 60, own engines 300).")
    ] = None
    idle: Annotated[Seconds | None, _help("Seconds between two events (default 25, reasoning models 60).")] = None
    total: Annotated[Seconds | None, _help("Seconds for the whole request, all attempts (default 600).")] = None


class Plugins(Table, frozen=True):
    folder: Annotated[
        str, _help("Folder of single-file plugins, beside the settings file, else in the data folder.")
    ] = "plugins.d"
    block: Annotated[list[str], _help("Names of plugins that are not loaded.")] = []


class Upstream(Table, frozen=True):
    name: Annotated[str, _help("The operator's name of this upstream.")]
    vendor: Annotated[str, _help("A vendor's name, see `tornadogw plugins`.")]
    base_url: Annotated[str, _help("Address; empty: the vendor's own.")] = ""
    keys: Annotated[list[str], _help("Keys: `env:NAME`, `file:/path` or the key itself.")] = []
    weight: Annotated[Positive, _help("Default weight of its routes.")] = 1
    priority: Annotated[int, _help("Default priority of its routes; lower first.")] = 0
    proxy: Annotated[str, _help("HTTP proxy for this upstream.")] = ""
    timeouts: Annotated[Timeouts, _help("Deadlines of this upstream.")] = Timeouts()
    max_in_flight: Annotated[NotNegative, _help("Calls that a process has there at once; 0: any number.")] = 0
    queue: Annotated[NotNegative, _help("Calls that may wait for one of those places in a process.")] = 100
    queue_seconds: Annotated[Seconds, _help("Seconds for which a call waits for a place at most.")] = 10.0
    probe: Annotated[
        float,
        Meta(ge=0),
        _help(
            "Seconds without a call after which each of its models is asked for one token, to know how it is; 0: never."
        ),
    ] = 0.0
    on_disconnect: Annotated[
        Literal["abort", "drain"],
        _help("When a client leaves: `abort` its call at once, or `drain` its answer, for the exact usage."),
    ] = "abort"
    drain_seconds: Annotated[Seconds, _help("Seconds for which an answer without a reader is read at most.")] = 30.0
    drain_tokens: Annotated[Positive, _help("Tokens of an answer without a reader that are read at most.")] = 1000
    options: Annotated[dict[str, Any], _help("The vendor's own settings.")] = {}


class PriceRow(Table, frozen=True):
    """Decimal strings, currency units per million tokens."""

    input: Annotated[str, _help("Per million prompt tokens.")]
    output: Annotated[str, _help("Per million completion tokens.")]
    cached_input: Annotated[str | None, _help("Per million cached prompt tokens; absent: as `input`.")] = None
    cache_write: Annotated[str | None, _help("Per million prompt tokens written to a cache; absent: as `input`.")] = (
        None
    )
    reasoning: Annotated[str | None, _help("Per million reasoning tokens; absent: as `output`.")] = None


class CostRow(Table, frozen=True):
    """What the operator pays; decimal strings as in PriceRow."""

    input: Annotated[str, _help("Per million prompt tokens.")] = "0"
    output: Annotated[str, _help("Per million completion tokens.")] = "0"
    cached_input: Annotated[str | None, _help("Per million cached prompt tokens; absent: as `input`.")] = None
    cache_write: Annotated[str | None, _help("Per million prompt tokens written to a cache; absent: as `input`.")] = (
        None
    )
    reasoning: Annotated[str | None, _help("Per million reasoning tokens; absent: as `output`.")] = None


class Route(Table, frozen=True):
    upstream: Annotated[str, _help("Name of an upstream.")]
    model: Annotated[str, _help("The vendor's name of the model.")]
    priority: Annotated[int | None, _help("Lower first; absent: the upstream's.")] = None
    weight: Annotated[Positive | None, _help("Share inside one priority; absent: the upstream's.")] = None
    context: Annotated[Positive | None, _help("Context length in tokens here; absent: the model's.")] = None
    public_name: Annotated[str, _help("Name in answers instead of what the upstream reports.")] = ""
    cost: Annotated[CostRow | None, _help("What the operator pays, in the same form.")] = None


class Model(Table, frozen=True):
    name: Annotated[str, _help("Name that clients ask for.")]
    price: Annotated[
        PriceRow, _help("What users pay: decimal numbers in quotes, `[money]` currency per million tokens.")
    ]
    routes: Annotated[list[Route], _help("Where the model is served, interchangeable.")]
    aliases: Annotated[list[str], _help("Other names of it.")] = []
    auto: Annotated[int | None, _help("Rank in `auto`, lower is better; absent: not in `auto`.")] = None
    fallbacks: Annotated[list[str], _help("Other models to try after this one.")] = []
    modes: Annotated[list[Literal["chat", "completion"]], _help("What it may be used for.")] = msgspec.field(
        default_factory=lambda: ["chat", "completion"]
    )
    strategy: Annotated[
        Literal["weight", "latency", "least_busy", "cheapest", "sticky"],
        _help("Which of its routes of the same priority is asked first, see docs/routing.md."),
    ] = "weight"
    content_filter: Annotated[
        Literal["return", "reroute"],
        _help("A refusal by an upstream's content policy: `return` it to the client, or `reroute` to whoever is next."),
    ] = "return"
    resume: Annotated[
        Literal["auto", "off"],
        _help("Whether another route goes on with a stream that breaks off in the middle; `off`: it ends in an error."),
    ] = "auto"
    hedge: Annotated[
        bool,
        _help("Whether a second route is asked as well when one is slower to begin than 95 of 100; first come wins."),
    ] = False
    context: Annotated[
        Positive | None, _help("Context length in tokens; longer prompts are not sent there. Absent: unknown.")
    ] = None
    capabilities: Annotated[
        list[Literal["tools", "images", "json_schema", "reasoning"]] | None,
        _help("What it can do; absent: everything."),
    ] = None
    timeouts: Annotated[Timeouts, _help("Deadlines of this model.")] = Timeouts()


class Settings(Table, frozen=True):
    """All of it: the tables of one TOML file."""

    server: Annotated[Server, _help("Where and how the gateway listens.")] = Server()
    portal: Annotated[Portal, _help("Pages for people.")] = Portal()
    mail: Annotated[Mail, _help("Mails to people (docs/portal.md).")] = Mail()
    oidc: Annotated[Oidc, _help("Log-in by an OpenID provider (docs/portal.md).")] = Oidc()
    mongo: Annotated[Mongo, _help("The database.")] = Mongo()
    money: Annotated[Money, _help("Currency and calendar.")] = Money()
    usage: Annotated[Usage, _help("How long what was used is known.")] = Usage()
    explain: Annotated[Explain, _help("Why each request went as it did.")] = Explain()
    limits: Annotated[Limits, _help("What callers may ask per minute and at once, over all processes.")] = Limits()
    metrics: Annotated[Metrics, _help("Figures for Prometheus (docs/metrics.md).")] = Metrics()
    tracing: Annotated[Tracing, _help("OpenTelemetry traces (docs/tracing.md).")] = Tracing()
    defaults: Annotated[Defaults, _help("What holds where a request says nothing.")] = Defaults()
    auto: Annotated[Auto, _help("What counts how much when the model is `auto`, see docs/routing.md.")] = Auto()
    health: Annotated[Health, _help("Upstreams and keys that are left alone, see docs/routing.md.")] = Health()
    timeouts: Annotated[
        Timeouts, _help("Deadlines of upstream calls; those of a model beat those of its upstream, which beat these.")
    ] = Timeouts()
    images: Annotated[
        Images, _help("Images that clients give by address, where the vendor cannot fetch them itself.")
    ] = Images()
    plugins: Annotated[Plugins, _help("Which plugins are loaded.")] = Plugins()
    upstreams: Annotated[list[Upstream], _help("Who serves models. Without any, the built-in `echo` answers.")] = []
    models: Annotated[list[Model], _help("What clients may ask for.")] = []
    plugin: Annotated[dict[str, dict[str, Any]], _help("A plugin's own table; the plugin says what is in it.")] = {}
