"""OpenTelemetry traces of finished calls: one span a call, one for each attempt, made from the record when all is over.

Nothing is traced while a call runs, so an attempt costs no more with traces than without. Names are those of the
semantic conventions for generative AI; what has none there begins with `tornadogw.`. No prompt, no answer, no secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Self

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from typing_extensions import override

from tornadogw.settings.tables import Tracing as Table
from tornadogw.types import Attempt, Record

__all__ = ["Tracing"]

log = logging.getLogger(__name__)

WAITING = 4096
"""Spans that may wait to be sent; what comes then is dropped."""
EVERY_MS = 2000
"""Milliseconds between two sendings."""
TIMEOUT = 5
"""Seconds that one sending may take, and the last one at the end."""
TEXT = 200
"""Characters of a text that others word."""
_MS = 1_000_000
_OPERATIONS = {"chat": "chat", "completion": "text_completion"}
_WELL = ("whole", "client_gone")
"""Ends of a call that are nobody's failure."""

Attributes = Mapping[str, str | int | bool]


class Tracing:
    """The spans of one process. A thread of the library's sends them; `close` lets the last ones go."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("tornadogw", version("tornadogw"))
        self._parents = TraceContextTextMapPropagator()

    @classmethod
    def to(cls, table: Table) -> Self:
        """As the settings say."""
        headers = {"authorization": table.authorization} if table.authorization else None
        exporter = _Sender(OTLPSpanExporter(endpoint=table.endpoint, headers=headers, timeout=TIMEOUT))
        # A client that asks for its call to be traced has no more weight than one that does not.
        share = TraceIdRatioBased(table.share)
        provider = TracerProvider(
            sampler=ParentBased(share, remote_parent_sampled=share),
            resource=Resource.create({"service.name": "tornadogw", "service.version": version("tornadogw")}),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=WAITING, schedule_delay_millis=EVERY_MS)
        )
        return cls(provider)

    def finished(self, record: Record) -> None:
        """Make the spans of one call; they are sent later. Contained: an exception is logged and hurts nobody."""
        try:
            self._trace(record)
        except Exception:
            log.exception("call %s is not traced", record.id)

    def _trace(self, record: Record) -> None:
        began = round(record.started * 1000) * _MS
        context = self._parents.extract({"traceparent": record.trace}) if record.trace else None
        operation = _OPERATIONS[record.mode]
        span = self._tracer.start_span(
            f"{operation} {record.model}".rstrip(),
            context,
            SpanKind.SERVER,
            attributes=_of_call(record, operation),
            start_time=began,
        )
        if span.is_recording():
            inside = set_span_in_context(span)
            for attempt in record.attempts:
                if attempt.outcome == "skipped":
                    span.add_event("skipped", _of_attempt(attempt), began)
                    continue
                one = self._tracer.start_span(
                    f"{operation} {attempt.model}",
                    inside,
                    SpanKind.CLIENT,
                    attributes=_of_attempt(attempt),
                    start_time=began + attempt.began * _MS,
                )
                _judge(one, attempt.reason or attempt.outcome, well=attempt.outcome in ("ok", "ended"))
                one.end(began + (attempt.began + attempt.ms) * _MS)
            if record.first_event_ms is not None:
                span.add_event("first event", timestamp=began + record.first_event_ms * _MS)
            _judge(span, record.finish, well=record.finish in _WELL)
        span.end(began + record.ms * _MS)

    async def close(self) -> None:
        """Send what waits, for a few seconds at most. The library would wait longer, so it waits in a daemon."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=shut_down, name="last traces", daemon=True).start()
        try:
            async with asyncio.timeout(TIMEOUT):
                await done.wait()
        except TimeoutError:
            return  # a collector that is away keeps nobody


class _Sender(SpanExporter):
    """Says once that the collector is away and once that it is back. The library says it at every try."""

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        self._exporter, self._away = exporter, False
        logging.getLogger(OTLPSpanExporter.__module__).setLevel(logging.CRITICAL)

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        away = result is not SpanExportResult.SUCCESS
        if away and not self._away:
            log.warning("traces are lost: the collector at `tracing.endpoint` does not take them")
        elif self._away and not away:
            log.warning("traces are taken again")
        self._away = away
        return result

    @override
    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call] # the library gives it no types


def _judge(span: Span, why: str, *, well: bool) -> None:
    if not well:
        span.set_attribute("error.type", why)
        span.set_status(Status(StatusCode.ERROR, why))


def _of_call(record: Record, operation: str) -> Attributes:
    return _present(
        {
            "gen_ai.operation.name": operation,
            "gen_ai.request.model": record.asked,
            "gen_ai.response.model": record.shown,
            "gen_ai.usage.input_tokens": record.usage.prompt,
            "gen_ai.usage.output_tokens": record.usage.completion,
            "tornadogw.request": record.id,
            "tornadogw.account": record.account_id,
            "tornadogw.key": record.key_id,
            "tornadogw.model": record.model,
            "tornadogw.upstream": record.upstream,
            "tornadogw.finish": record.finish,
            "tornadogw.code": record.code,
            "tornadogw.cost_micros": record.cost,
            "tornadogw.stream": record.stream,
        }
    )


def _of_attempt(attempt: Attempt) -> Attributes:
    return _present(
        {
            "tornadogw.upstream": attempt.upstream,
            "tornadogw.model": attempt.model,
            "tornadogw.outcome": attempt.outcome,
            "tornadogw.reason": attempt.reason,
            "tornadogw.calls": attempt.calls,
            "tornadogw.cost_micros": attempt.cost,
        }
    )


def _present(attributes: Attributes) -> Attributes:
    """Those that say something; what others worded cannot spoil the batch that it is sent in."""
    return {
        name: value[:TEXT].encode(errors="replace").decode() if isinstance(value, str) else value
        for name, value in attributes.items()
        if value or isinstance(value, bool)
    }
