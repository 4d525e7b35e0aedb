"""The frozen values that flow through the gateway: no behaviour beyond what a value knows of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from typing_extensions import override

__all__ = [
    "Attempt",
    "Call",
    "Caller",
    "Credential",
    "Draft",
    "Event",
    "Extra",
    "Failure",
    "Fetched",
    "Frame",
    "Framing",
    "Meta",
    "Mode",
    "Price",
    "Reasoning",
    "Record",
    "Refreshed",
    "Refusal",
    "Spent",
    "Stop",
    "Terms",
    "Text",
    "ToolCall",
    "Traits",
    "UpstreamRequest",
    "Usage",
    "Value",
]

Mode = Literal["chat", "completion"]
Framing = Literal["sse", "ndjson", "eventstream", "json-array"]
"""How an upstream's stream is cut into frames, where its first bytes do not tell (`Vendor.framing`)."""


class Value(msgspec.Struct, frozen=True):
    """Base of every value here: immutable, compared by content, cheap to make."""


# --- what a client asked -------------------------------------------------------------------------------------------


class Draft(Value, frozen=True):
    """What the client asked, checked and dialect-neutral. `messages` and `params` are plain JSON in the shape of the
    chat dialect, without nulls; nobody may change them.
    """

    mode: Mode
    model: str
    """As asked: a name, an alias or `auto`."""
    messages: Sequence[Mapping[str, Any]] = ()
    """Chat mode only."""
    prompts: Sequence[str | Sequence[int]] = ()
    """Completion mode only: a choice each; a list of integers is a token array."""
    params: Mapping[str, Any] = {}
    """Every other parameter that the client sent: what has no field here."""
    stream: bool = False
    """What the client gets: SSE or one JSON document."""
    include_usage: bool = False
    """The client sent `stream_options.include_usage`."""
    max_tokens: int | None = None
    """The client's own output limit per choice in tokens; None: it sent none."""
    temperature: float | None = None
    """The client's own temperature; None: it sent none."""
    choices: int = 1
    """max(n, best_of) times prompts as far as the client can ask: 1 to 16."""
    needs: frozenset[str] = frozenset()
    """Capabilities that an upstream must have: `tools`, `images`, `json_schema`."""
    prompt_bytes: int = 0
    """UTF-8 bytes of everything that the upstream will count as prompt (messages or prompts, tools, schemas)."""
    message_count: int = 0
    images: int = 0


class Terms(Value, frozen=True):
    """A plan as one account has it, for a time. Amounts are micro-units, moments Unix seconds."""

    plan: str
    daily: int
    """What may be spent on one local day."""
    since: float
    until: float
    """The first moment at which it is over."""
    models: frozenset[str] | None = None
    """Models that the plan pays for; None: all."""
    rpm: int | None = None
    """Requests per minute of each key without a limit of its own; None: the setting."""
    factor: int = 1_000_000
    """What the plan takes of a price, in millionths."""
    prepaid_after: bool = True
    """Whether prepaid money pays where the day's rest does not cover a call."""
    prepaid_outside: bool = True
    """Whether prepaid money pays for models outside the plan; else they are refused."""


class Caller(Value, frozen=True):
    """Who asks: one API key of one account, for limits, ledger and router. A limit that is None is the setting's."""

    account_id: str
    key_id: str
    label: str = ""
    rpm: int | None = None
    models: frozenset[str] | None = None
    """Models this key may use; None: all."""
    stream_default: bool | None = None
    language: str | None = None
    terms: tuple[Terms, ...] = ()
    """The account's plans that are not over, by their beginning; the first that has begun counts."""
    time_zone: str = ""
    """The account's own, an IANA name; empty: the setting."""
    budget_daily: int | None = None
    """Micro-units that the key may spend on one local day of the account; None: all there is."""
    budget_total: int | None = None
    tokens_per_minute: int | None = None
    concurrent: int | None = None
    """Requests that may run at the same time; None: the setting."""

    def terms_at(self, now: float) -> Terms | None:
        """The plan that counts at `now`, Unix seconds."""
        return next((each for each in self.terms if each.since <= now < each.until), None)


# --- what goes upstream --------------------------------------------------------------------------------------------


class Credential(Value, frozen=True):
    """One key of one upstream. The secret shows in no repr."""

    name: str
    """Safe to log: upstream name and position, never part of the secret."""
    secret: str = ""

    @override
    def __repr__(self) -> str:
        return f"Credential(name={self.name!r}, secret=<masked>)"


class Call(Value, frozen=True):
    """A Draft bound to one route, and the request's id: all that a vendor needs to write its request."""

    id: str
    draft: Draft
    model: str
    """The vendor's own name of the model."""
    base_url: str
    options: Mapping[str, Any] = {}
    """The vendor's own settings of this upstream: api_version, region, project, ..."""
    stream: bool = True
    """Whether the upstream is asked to stream; the gateway may stream for a client that wants JSON."""
    max_tokens: int = 1000
    """Always sent: the client's limit, or the gateway's default."""
    temperature: float | None = None
    """None: send none."""
    continues: bool = False
    """The last message, or the prompt's end, is the beginning of the answer: the vendor goes on after it."""


class UpstreamRequest(Value, frozen=True):
    """What the transport sends. Headers hold the credential, so the repr leaves them and the body out."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    dropped: tuple[str, ...] = ()
    """Parameters of the client that the vendor left out, told in `X-Gateway-Dropped`."""

    @override
    def __repr__(self) -> str:
        return f"UpstreamRequest({self.method} {self.url.split('?', 1)[0]}, {len(self.body)} bytes)"


class Traits(Value, frozen=True):
    """What the core must know of a vendor's model before it calls it. All of it is data in the vendor's profile."""

    relay: Literal["raw", "translated"] = "translated"
    json: Literal["stream", "whole"] = "stream"
    """How a JSON client is served: by folding a stream, or by asking for JSON."""
    whole_params: frozenset[str] = frozenset()
    """Parameters beyond the core's own list that force JSON upstream for a JSON client."""
    completion: Literal["native", "chat"] = "chat"
    """Legacy completion: has an endpoint of its own, or goes through chat."""
    token_prompts: bool = False
    """Takes token arrays as prompt."""
    temperature: bool = True
    """Takes the gateway's default temperature."""
    pace: Literal["", "reasoning", "self-hosted"] = ""
    """Which default deadlines fit the model."""
    image_tokens: int = 1600
    """Upper bound of the prompt tokens of one image."""
    image_urls: bool = True
    """Fetches images by their http(s) address; False: takes them as `data:` URLs only."""
    template_tokens: int = 0
    """Upper bound of the prompt tokens that are the vendor's own instructions and that it counts in every call."""
    prefill: Literal["", "rest", "whole"] = ""
    """Goes on with an answer whose beginning is its last message; answers with the `rest`, or with the `whole`."""


# --- fresh secrets -------------------------------------------------------------------------------------------------


class Fetched(Value, frozen=True):
    """A whole answer to a request that a vendor sends for a fresh secret: lower-case headers, a body cut at 64 kB."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @override
    def __repr__(self) -> str:
        return f"Fetched({self.status}, {len(self.body)} bytes)"


class Refreshed(Value, frozen=True):
    """A secret that stands in for a credential's own while it lasts. It shows in no repr."""

    secret: str
    seconds: float
    """How long it lasts, from now on."""

    @override
    def __repr__(self) -> str:
        return f"Refreshed(secret=<masked>, seconds={self.seconds!r})"


# --- what comes back -----------------------------------------------------------------------------------------------


class Usage(Value, frozen=True):
    """Token counts of one call. `cached` and `cache_write` are parts of `prompt`, `reasoning` of `completion`."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


class Frame(Value, frozen=True):
    """One unit of an upstream's body: an SSE event's data, or a whole JSON body."""

    data: bytes
    event: str = ""
    whole: bool = False
    """The frame is a whole body, not one event of a stream."""


class Event(Value, frozen=True):
    """Base of what a vendor reads out of frames."""


class Meta(Event, frozen=True):
    """What the upstream says of the answer itself; empty fields are unknown."""

    id: str = ""
    model: str = ""
    created: int = 0


class Text(Event, frozen=True):
    text: str
    choice: int = 0


class Reasoning(Event, frozen=True):
    text: str
    choice: int = 0


class Refusal(Event, frozen=True):
    text: str
    choice: int = 0


class ToolCall(Event, frozen=True):
    """A piece of a tool call. The first piece of an index has `id` and `name`; `arguments` concatenate."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    choice: int = 0
    extras: Mapping[str, Any] = {}
    """Further members of the call, opaque, on its first piece: what must come back with it, such as a signature."""


class Stop(Event, frozen=True):
    """The end of one choice, once a choice: stop, length, tool_calls, content_filter or function_call."""

    reason: str
    choice: int = 0


class Spent(Event, frozen=True):
    """Usage as the upstream reports it so far; the last one wins."""

    usage: Usage


class Extra(Event, frozen=True):
    """Something opaque that survives the round trip: thought signatures, reasoning details, citations, logprobs."""

    key: str
    value: Any
    choice: int = 0
    place: Literal["message", "choice", "answer"] = "message"


class Failure(Value, frozen=True):
    """Why an upstream did not answer, and whose fault it is (vendor-wire.md section 4).
    client: the caller's own fault, given back. cannot: this route cannot, another may. elsewhere: try another at once.
    cool: leave `scope` alone for `seconds`. disable: `scope` is of no use until an operator acts.
    """

    kind: Literal["client", "cannot", "elsewhere", "cool", "disable"]
    scope: Literal["key", "key+model", "upstream+model"] = "upstream+model"
    seconds: float = 0.0
    code: str = ""
    """Machine-readable: `content_filter`, `context_length_exceeded`, `truncated`, `timeout`, or the vendor's own."""
    message: str = ""
    """The vendor's words, unmasked: the core masks and cuts them before anybody reads them."""
    param: str | None = None
    status: int = 0


# --- money and records ---------------------------------------------------------------------------------------------


class Price(Value, frozen=True):
    """Micro-units of the currency per million tokens, integers; None falls back to `input` or `output`."""

    input: int = 0
    output: int = 0
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


class Attempt(Value, frozen=True):
    """One try in a record, or a route that was passed over. `began`, after the request, and `ms` are milliseconds."""

    upstream: str
    model: str
    outcome: str
    """`ok`, a failure's kind, `ended` (client gone, out of time), or `skipped`."""
    reason: str = ""
    ms: int = 0
    began: int = 0
    calls: int = 0
    """Upstream calls that it took. `cost`: what it cost in vain where another was faster, micro-units, estimated."""
    cost: int = 0


class Record(Value, frozen=True):
    """A finished call as charged, logged, told to plugins: micro-units, Unix seconds; no prompt, answer or secret."""

    id: str
    account_id: str
    key_id: str
    mode: Mode
    asked: str
    model: str = ""
    """The catalogue's model that answered, empty when none did; `shown` is the name that the client read."""
    shown: str = ""
    upstream: str = ""
    stream: bool = False
    finish: str = ""
    """`whole`, `client_gone`, `cut`, `timeout`, `upstream_error`, `refused`, `no_upstream` or `error`."""
    code: int = 0
    """The contract code that the client got; 0: none."""
    usage: Usage = Usage()
    source: Literal["reported", "estimated", "disputed", "none"] = "none"
    cost: int = 0
    price: Price = Price()
    attempts: tuple[Attempt, ...] = ()
    dropped: tuple[str, ...] = ()
    broken_events: int = 0
    started: float = 0.0
    first_event_ms: int | None = None
    ms: int = 0
    wallet: str = ""
    """What paid: `prepaid`, or `day` for a plan; empty: nothing was held."""
    factor: int = 1_000_000
    """What the plan took of the price, in millionths; the cost has it in it."""
    day: str = ""
    """The account's local day on which the call was held."""
    trace: str = ""
    """The client's `traceparent`, if it sent one."""
    paid: int | None = None
    """What it cost the operator, micro-units; None: the route does not say what is paid for it."""
