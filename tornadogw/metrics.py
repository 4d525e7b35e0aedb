"""What a Prometheus server reads of one process: calls that have ended, and how the process is.

The loop's thread alone counts, so counting is an addition to a dict; prometheus-client's own counters, with a lock
each, take several times as long. It writes the page. Labels have values out of lists that the operator makes: what
a client chose, a key, an e-mail and an address never become one.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from tornadogw.types import Record

__all__ = ["OTHER", "Metrics"]

OTHER = "other"
"""What no list knows."""
OUTCOMES = frozenset("whole client_gone cut timeout upstream_error refused no_upstream error".split())
TRIES = frozenset("ok client cannot elsewhere cool disable ended skipped".split())
FIRST_EVENT = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds in seconds, as those below."""
DURATION = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
LAG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
BEAT = 0.25
"""Seconds between two looks at how late the loop is."""
LEFT_ALONE = (
    ("tornadogw_disabled_keys", "disabled", "Keys that are disabled, for all models or for one."),
    ("tornadogw_open_breakers", "open", "Breakers that are open, of the upstream's models and of its keys."),
    ("tornadogw_cooling", "cooling", "Keys and models that cool down."),
    ("tornadogw_waiting_calls", "waiting", "Calls that wait for a place."),
)
"""Name, kind and text of the figures of each upstream's health and queue."""
SLICE = 100
"""Samples that are written without a pause: two milliseconds on a slow core."""


class _Spread:
    """A histogram."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds, self._counts, self._sum = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def tell(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Add what was counted to `family`, each bucket with all that is below it."""
        buckets, below = [], 0
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            below += count
            buckets.append((bound, float(below)))
        family.add_metric(labels, buckets, self._sum)


class _Part:
    """Some samples of a family, for whoever writes collectors."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> list[Metric]:
        return [self._metric]


class Metrics:
    """The figures of one worker. `start` and `close` frame the look at the loop's lag; without them all else counts."""

    def __init__(
        self,
        models: Mapping[str, str],
        upstreams: Collection[str],
        running: Callable[[], int],
        left_alone: Callable[[], Mapping[tuple[str, str], int]] = dict,
        *,
        worker: int = 0,
        currency: str = "",
    ) -> None:
        """`models`: each name that may be asked for, and the label that it gets. `running`: calls in progress.
        `left_alone`: how many places of each upstream are `disabled`, `open` or `cooling`, how many calls `waiting`.
        """
        self._models, self._upstreams, self._running = dict(models), frozenset(upstreams), running
        self._left_alone = left_alone
        self._worker, self._currency = str(worker), currency
        self._requests: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self._attempts: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self._tokens: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self._charged: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self._responses: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self._first_event: defaultdict[str, _Spread] = defaultdict(partial(_Spread, FIRST_EVENT))
        self._duration: defaultdict[str, _Spread] = defaultdict(partial(_Spread, DURATION))
        self._lag = _Spread(LAG)
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def change(self, models: Mapping[str, str], upstreams: Collection[str]) -> None:
        """These have labels from now on; what was counted stays."""
        self._models, self._upstreams = dict(models), frozenset(upstreams)

    # --- counting ----------------------------------------------------------------------------------------------------

    def finished(self, record: Record) -> None:
        """A call has ended, as it was charged."""
        model = self._models.get(record.model or record.asked, OTHER)
        self._requests[model, record.finish if record.finish in OUTCOMES else OTHER] += 1
        for each in record.attempts:
            upstream = each.upstream if each.upstream in self._upstreams else OTHER
            self._attempts[upstream, each.outcome if each.outcome in TRIES else OTHER] += 1
        self._duration[model].add(record.ms / 1000)
        if record.first_event_ms is not None:
            self._first_event[model].add(record.first_event_ms / 1000)
        if not record.model:  # nobody answered: there is nothing to pay for
            return
        usage, tokens = record.usage, self._tokens
        tokens[model, "prompt"] += usage.prompt
        tokens[model, "completion"] += usage.completion
        if usage.cached:
            tokens[model, "cached"] += usage.cached
        if usage.cache_write:
            tokens[model, "cache_write"] += usage.cache_write
        if usage.reasoning:
            tokens[model, "reasoning"] += usage.reasoning
        self._charged[(model,)] += record.cost

    def answered(self, status: int) -> None:
        """An HTTP answer of the API has left. The status is one of ours: they are few."""
        self._responses[(str(status),)] += 1

    def start(self) -> None:
        """Look at the loop's lag from now on."""
        self._due = time.monotonic() + BEAT
        self._timer = asyncio.get_running_loop().call_later(BEAT, self._beat)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self._lag.add(max(0.0, time.monotonic() - self._due))
        self.start()

    # --- telling -----------------------------------------------------------------------------------------------------

    async def text(self) -> bytes:
        """The page, in Prometheus' text format 0.0.4. Others run between its slices."""
        written: list[bytes] = []
        for family in self._registry.collect():
            samples = family.samples
            for at in range(0, max(1, len(samples)), SLICE):
                family.samples = samples[at : at + SLICE]
                piece = generate_latest(_Part(family))
                written.append(piece if not at else piece.split(b"\n", 2)[2])  # help and type stand once
                await asyncio.sleep(0)
        return b"".join(written)

    def collect(self) -> Iterator[Metric]:
        """Each family, whole at the moment at which it is asked for. For the registry."""
        yield self._gauge("tornadogw_info", "What the money is in; always 1.", 1, currency=self._currency)
        yield self._counter("tornadogw_requests", "Calls that have ended.", self._requests, "model", "outcome")
        yield self._counter(
            "tornadogw_attempts", "Upstream calls that have ended.", self._attempts, "upstream", "outcome"
        )
        yield self._histogram("tornadogw_first_event_seconds", "Time to the first useful event.", self._first_event)
        yield self._histogram("tornadogw_duration_seconds", "Time to the end of a call.", self._duration)
        yield self._counter("tornadogw_tokens", "Tokens, as charged.", self._tokens, "model", "kind")
        yield self._counter(
            "tornadogw_charged_micros", "Money charged, in millionths of the currency unit.", self._charged, "model"
        )
        yield self._counter("tornadogw_responses", "HTTP answers of the API.", self._responses, "status")
        yield self._gauge("tornadogw_calls_in_progress", "Calls that run now.", self._running())
        yield from self._health()
        lag = HistogramMetricFamily("tornadogw_event_loop_lag_seconds", "How late the loop is.", labels=["worker"])
        self._lag.tell(lag, [self._worker])
        yield lag

    def _health(self) -> Iterator[Metric]:
        """All upstreams have a line, so that an alert sees a mark come and go."""
        counts = self._left_alone()
        for name, kind, text in LEFT_ALONE:
            family = GaugeMetricFamily(name, text, labels=["worker", "upstream"])
            for upstream in sorted(self._upstreams):
                family.add_metric([self._worker, upstream], counts.get((upstream, kind), 0))
            yield family

    def _counter(self, name: str, text: str, counts: Mapping[tuple[str, ...], int], *labels: str) -> Metric:
        family = CounterMetricFamily(name, text, labels=["worker", *labels])
        for values, count in counts.items():
            family.add_metric([self._worker, *values], count)
        return family

    def _gauge(self, name: str, text: str, value: int, **labels: str) -> Metric:
        family = GaugeMetricFamily(name, text, labels=["worker", *labels])
        family.add_metric([self._worker, *labels.values()], value)
        return family

    def _histogram(self, name: str, text: str, spreads: Mapping[str, _Spread]) -> Metric:
        family = HistogramMetricFamily(name, text, labels=["worker", "model"])
        for model, spread in spreads.items():
            spread.tell(family, [self._worker, model])
        return family
